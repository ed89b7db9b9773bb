"""Every view, in both languages and at the width of a phone: it opens without a complaint, and axe-core has none that
is serious."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from playwright.sync_api import Page

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


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", VIEWS)
def test_view(open_tab: Callable[..., Visitor], name: str) -> None:
    visitor = open_tab()
    page = opened(visitor, name, "en")
    page.wait_for_load_state("networkidle") if name == "how" else page.wait_for_timeout(300)
    assert visitor.violations() == []


@pytest.mark.parametrize("name", VIEWS)
def test_view_in_hebrew_on_a_phone_and_widened(open_tab: Callable[..., Visitor], name: str) -> None:
    visitor = open_tab(width=360, height=740, color_scheme="dark")
    page = opened(visitor, name, "he")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visitor.violations() == []
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert visitor.violations() == []


def opened(visitor: Visitor, name: str, language: str) -> Page:
    """The view when all of it is there, and stands in the language's direction."""
    state, there = VIEWS[name]
    page = visitor.visit(**{"view": "home", **state, "lang": language})
    page.locator(there).first.wait_for()
    assert page.evaluate("document.documentElement.dir") == {"en": "ltr", "he": "rtl"}[language]
    assert page.evaluate("document.documentElement.lang") == language
    return page
