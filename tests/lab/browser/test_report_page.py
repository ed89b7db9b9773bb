"""A report opened from a file, without any network: its pages show what was recorded, and complain of nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.cli.conftest import quick_command, run_outside
from tests.lab.browser.conftest import AXE, WITHIN_MS
from tests.lab.test_report import FEWER_ANSWERS

expect.set_options(timeout=WITHIN_MS)
pytestmark = pytest.mark.slow


@dataclass
class Reader:
    """A tab with a report, which is offline."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WITHIN_MS)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type != "log" else None)
        self.page.on("request", self._on_request)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.complaints.append(f"asked for {request.url}")

    def visit(self, search: str = "") -> Page:
        self.page.goto(self.address + search)
        self.page.locator("main h1").first.wait_for()
        return self.page

    def violations(self) -> list[str]:
        """What axe-core finds that is serious or critical."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[dict[str, Any]] = self.page.evaluate(
            "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        )
        return [
            f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
        ]


@pytest.fixture(scope="module")
def reports(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """houses.html and colors.html, away from their runs."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("houses", "colors"):
        output = folder / f"{name}.html"
        command = quick_command(FEWER_ANSWERS)
        result = run_outside("report", runs / name, "-o", output, where=runs.parent, command=command)
        assert result.returncode == 0, result.stderr
        assert "left out" not in result.stderr
    return folder


@pytest.fixture(params=["houses", "colors"])
def reader(request: pytest.FixtureRequest, reports: Path, chromium: Browser) -> Iterator[Reader]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True, locale="en-US")
    opened = Reader(context.new_page(), (reports / f"{request.param}.html").as_uri())
    yield opened
    context.close()
    assert opened.complaints == []


def test_one_goes_through_all_pages(reader: Reader) -> None:
    page = reader.visit()
    name = page.locator("main h1").inner_text()
    assert name in ("houses", "colors")
    expect(page.locator(".run-nav a")).to_have_count(3)
    expect(page.locator("main canvas").first).to_be_visible()
    page.locator(".run-nav a", has_text="Inside").click()
    expect(page.locator(".layer-row .layer").nth(1)).to_be_visible()
    assert f"run={name}" in page.url
    page.get_by_role("button", name="Measure it").click()
    expect(page.locator(".around .chart-plot")).to_be_visible()
    page.locator(".run-nav a", has_text="One weight").click()
    expect(page.locator(".weight-value").first).to_be_visible()
    assert page.locator(".weight-answer strong").inner_text()
    page.go_back()
    expect(page.locator(".layer-row .layer").first).to_be_visible()


def test_moments_of_the_training_are_there(reader: Reader) -> None:
    page = reader.visit()
    page.locator(".scrubber-range").fill("1")
    expect(page.locator(".scrubber-step")).to_contain_text("Step 1")
    assert "step=1" in page.url
    page.locator(".run-nav a", has_text="Inside").click()
    # Not of all moments the layers are recorded; the nearest before it is shown, and is said to be.
    expect(page.locator(".inside-shown")).to_contain_text(re.compile(r"Step [01]\b"))


def test_the_slider_of_a_weight_answers_with_what_was_recorded(reader: Reader) -> None:
    page = reader.visit("?view=weight")
    before = page.locator(".weight-answer").inner_text()
    slider = page.locator(".weight-story input[type=range]").first
    slider.focus()
    slider.press("End")
    expect(page.locator(".weight-answer")).not_to_have_text(before)
    assert page.locator(".weight-answer strong").inner_text().startswith("loss ")


def test_what_is_not_there_is_said(reader: Reader) -> None:
    page = reader.visit("?view=weight&weight=nothing[0]")
    expect(page.locator("main")).to_contain_text("This was not recorded in this report, which tells of these weights")
    assert page.locator(".player, .tuning, .keeping").count() == 0


def test_it_reads_in_hebrew_and_is_accessible(reader: Reader) -> None:
    page = reader.visit("?lang=he")
    assert page.evaluate("document.documentElement.dir") == "rtl"
    expect(page.locator("footer")).to_contain_text("דוח שנכתב על ידי glassnet")
    for view in ("run", "inside", "weight"):
        reader.visit(f"?view={view}&lang=he")
        page.wait_for_timeout(300)
        assert reader.violations() == []
    page.get_by_role("button", name="English").click()
    expect(page.locator("footer")).to_contain_text("A report written by glassnet")
