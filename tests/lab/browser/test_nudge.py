"""Nudges of a weight by its buttons, one after another."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.lab.browser.conftest import Visitor

WEIGHT = "conv1.weight[3,0,2,2]"


@pytest.mark.slow
def test_nudges_add_up(open_tab: Callable[..., Visitor]) -> None:
    page = open_tab().visit("weight", run="colors", weight=WEIGHT)
    answer = page.locator(".weight-answer")
    answer.wait_for()

    def value() -> float:
        found = re.search(r"-?\d+\.\d+", answer.locator("span").first.inner_text())
        assert found
        return float(found[0])

    first = value()
    for times in (1, 2, 3):
        page.get_by_role("button", name="+ 0.0001").click()
        expect(answer.locator("span").first).to_contain_text(f"{first + 1e-4 * times:.5f}")
    page.get_by_role("button", name="As it was").click()
    expect(answer.locator("span").first).to_contain_text(f"{first:.5f}")
