"""A training that the lab prepares and this tab runs: begun from the form, or gone on with from a run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.lab.browser.conftest import Visitor, Words

pytestmark = pytest.mark.slow
STEP = "[data-figure=step] .instrument-value"
SLOWLY_MS = 120_000  # the lab exports meanwhile
NO_GPU = "No available adapters."  # what Chromium says of this machine


def test_begun_from_the_form(open_tab: Callable[..., Visitor], words: Words) -> None:
    visitor = open_tab()
    drawings = visitor.lab.runs.parent / "houses.npy"
    page = visitor.visit("home", lang=words.language, new="houses", data=drawings, steps=3, batch_size=4)
    page.get_by_role("button", name=words("tab.train")).click()
    page.locator(".engine").wait_for(timeout=SLOWLY_MS)
    expect(page.locator(STEP)).to_have_text("3", timeout=SLOWLY_MS)
    assert page.evaluate("crossOriginIsolated") is True
    visitor.complaints[:] = [line for line in visitor.complaints if NO_GPU not in line]
    assert visitor.violations() == []
    page.get_by_role("link", name=words("nav.lab")).click()
    page.locator("main[data-view=home]").wait_for()
    expect(page.locator("html")).to_have_attribute("lang", words.language)


def test_gone_on_with(open_tab: Callable[..., Visitor]) -> None:
    visitor = open_tab()
    page = visitor.visit("run", run="houses", lang="en")
    page.get_by_role("button", name="Go on in this tab").click()
    page.locator(".engine").wait_for(timeout=SLOWLY_MS)
    expect(page.locator(STEP)).to_have_text("12", timeout=SLOWLY_MS)
    # What cannot be done here is not offered.
    page.get_by_role("button", name="Save the network").wait_for()
    assert page.get_by_role("button", name="Delete").count() == 0
    visitor.complaints[:] = [line for line in visitor.complaints if NO_GPU not in line]
