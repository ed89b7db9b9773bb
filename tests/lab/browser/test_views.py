"""Every view, in both languages and at the width of a phone: it opens without a complaint, and axe-core has none that
is serious."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.lab.browser.conftest import Visitor

# View, state, and what is there when it has loaded.
VIEWS: Mapping[str, tuple[dict[str, str], str]] = {
    "home": ({}, ".run-row, main li"),
    "run of houses": ({"view": "run", "run": "houses"}, ".drawings canvas"),
    "run of colors": ({"view": "run", "run": "colors"}, ".answers canvas"),
    "run of faces": ({"view": "run", "run": "faces"}, ".answers canvas"),
    "inside": ({"view": "inside", "run": "colors"}, ".tensor-canvas"),
    "inside of houses": ({"view": "inside", "run": "houses"}, ".tensor-canvas"),
    "weight": ({"view": "weight", "run": "colors", "weight": "conv1.weight[3,0,2,2]"}, ".weight-terms"),
    "try": ({"view": "try", "run": "colors"}, "main input"),
    "try of houses": ({"view": "try", "run": "houses"}, "main canvas"),
    "try of faces": ({"view": "try", "run": "faces"}, "main input"),
    "race": ({"view": "race"}, "main form, main select"),
    "compare": ({"view": "compare"}, "main input[type=checkbox]"),
    "how": ({"view": "how", "part": "8"}, "main svg"),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("name", VIEWS)
def test_view(open_tab: Callable[..., Visitor], name: str, language: str) -> None:
    state, there = VIEWS[name]
    visitor = open_tab()
    page = visitor.visit(**{"view": "home", **state, "lang": language})
    page.locator(there).first.wait_for()
    assert page.evaluate("document.documentElement.dir") == {"en": "ltr", "he": "rtl"}[language]
    assert page.evaluate("document.documentElement.lang") == language
    page.wait_for_load_state("networkidle") if name == "how" else page.wait_for_timeout(300)
    assert visitor.violations() == []


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_view_on_a_phone(open_tab: Callable[..., Visitor], name: str) -> None:
    state, there = VIEWS[name]
    visitor = open_tab(width=360, height=740, color_scheme="dark")
    page = visitor.visit(**{"view": "home", **state, "lang": "he"})
    page.locator(there).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visitor.violations() == []
