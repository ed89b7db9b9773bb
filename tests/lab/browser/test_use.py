"""The lab as a person uses it: a training watched and steered, a weight questioned, the race, runs compared, the
article."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from glassnet.training import Run
from glassnet.training.events import Adjusted, Finished, Stepped
from tests.lab.browser.conftest import WITHIN_MS, Served, Visitor, Words, serve

pytestmark = pytest.mark.slow
STEP = "[data-figure=step] .instrument-value"
SLOWLY_MS = 90_000  # a process that imports much starts on a busy machine


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A lab in which nothing has been trained yet."""
    (tmp_path / "runs").mkdir()
    yield from serve(tmp_path / "runs")


@pytest.fixture
def start_houses(chromium: Browser, fresh: Served) -> Iterator[Callable[[Words], tuple[Page, Run]]]:
    """Press Start on the card of the houses; the page of the training, which is under way, and its run."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    visitor = Visitor(context.new_page(), fresh)

    def start_houses(words: Words) -> tuple[Page, Run]:
        page = visitor.visit("home", lang=words.language)
        page.get_by_role("button", name=words("home.start_task", task=words("task.houses"))).click()
        page.locator(".player").wait_for(timeout=SLOWLY_MS)
        expect(page.locator("header.run-header")).to_contain_text(words("state.running"), timeout=SLOWLY_MS)
        (folder,) = (path for path in fresh.runs.iterdir() if (path / "settings.json").exists())
        return page, Run(folder)

    yield start_houses
    context.close()
    assert visitor.complaints == []


def step_of(page: Page) -> int:
    """What the page says."""
    return int(page.locator(STEP).inner_text().replace(",", ""))


def test_a_training_is_watched_and_steered(start_houses: Callable[[Words], tuple[Page, Run]], words: Words) -> None:
    page, run = start_houses(words)
    page.locator(".drawings canvas").nth(7).wait_for(timeout=SLOWLY_MS)
    page.get_by_role("button", name=words("player.pause")).click()
    expect(page.locator("header.run-header")).to_contain_text(words("state.paused"), timeout=WITHIN_MS)
    page.wait_for_timeout(1000)
    before = step_of(page)
    page.get_by_role("button", name=words("player.one"), exact=True).click()
    expect(page.locator(STEP)).to_have_text(str(before + 1), timeout=WITHIN_MS)
    page.get_by_label(words("form.learning_rate"), exact=True).first.press("ArrowRight")
    page.get_by_role("button", name=words("player.many", n=10)).click()
    expect(page.locator(STEP)).to_have_text(str(before + 11), timeout=WITHIN_MS)
    adjusted = run.last(Adjusted)
    stepped = run.last(Stepped)
    assert adjusted is not None
    assert stepped is not None
    assert stepped.learning_rate == adjusted.learning_rate is not None
    # Another visit sees the same: it is the run that is paused, not the page.
    page.reload()
    expect(page.locator("header.run-header")).to_contain_text(words("state.paused"), timeout=WITHIN_MS)
    page.get_by_role("button", name=words("player.stop")).click()
    expect(page.locator("header.run-header")).to_contain_text(words("state.stopped"), timeout=SLOWLY_MS)
    finished = run.last(Finished)
    assert finished is not None
    assert (finished.reason, finished.step) == ("stopped", before + 11)


@pytest.mark.parametrize("words", ["he"], indirect=True)
def test_back_to_any_moment(start_houses: Callable[[Words], tuple[Page, Run]], words: Words) -> None:
    page, run = start_houses(words)
    while (stepped := run.last(Stepped)) is None or stepped.step < 8:
        page.wait_for_timeout(300)
    page.get_by_role("button", name=words("player.stop")).click()
    expect(page.locator("header.run-header")).to_contain_text(words("state.stopped"), timeout=SLOWLY_MS)
    newest = page.locator(".drawings canvas").first.evaluate("canvas => canvas.toDataURL()")
    page.get_by_label(words("scrubber.label")).press("Home")
    expect(page.locator(".scrubber-step")).to_have_text(words("scrubber.at_step", step=0))
    assert "step=0" in page.url
    page.wait_for_function(
        "newest => document.querySelector('.drawings canvas').toDataURL() !== newest", arg=newest, timeout=WITHIN_MS
    )
    # The moment goes along into the other views.
    page.get_by_role("link", name=words("nav.inside")).click()
    page.locator(".tensor-canvas").first.wait_for(timeout=SLOWLY_MS)
    expect(page.locator(".inside-shown")).to_contain_text(words("scrubber.at_step", step=0))


@pytest.mark.parametrize("words", ["en"], indirect=True)
def test_a_crash_is_told(start_houses: Callable[[Words], tuple[Page, Run]], words: Words) -> None:
    page, run = start_houses(words)
    while run.last(Stepped) is None:
        page.wait_for_timeout(300)
    os.kill(child_of(run), signal.SIGKILL)
    expect(page.locator("header.run-header")).to_contain_text(words("state.crashed"), timeout=WITHIN_MS)
    expect(page.get_by_role("button", name=words("home.resume")).first).to_be_visible()


def child_of(run: Run) -> int:
    """The process that trains the run: the one that has its directory among its words."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.endswith(str(run.path).encode()) for word in words) and b"train" in words:
                return int(process.name)
    raise AssertionError(f"nobody trains {run.path}")


def test_a_weight_is_chosen_in_a_picture_and_nudged(open_tab: Callable[..., Visitor], words: Words) -> None:
    page = open_tab().visit("inside", run="houses", lang=words.language)
    canvas = page.locator(".layer-column").first.locator(".tensor-canvas").first
    canvas.wait_for(timeout=SLOWLY_MS)
    canvas.focus()
    canvas.press("ArrowRight")
    canvas.press("ArrowDown")
    reading = page.locator(".layer-column").first.locator(".tensor-reading").first.inner_text()
    index = re.match(r"\[([\d, ]+)\] ≈", reading)
    assert index, reading
    canvas.press("Enter")
    expect(page.locator("h1")).to_contain_text(f"[{index[1].replace(' ', '')}]", timeout=WITHIN_MS)
    page.locator(".weight-terms").wait_for(timeout=SLOWLY_MS)
    before = page.locator(".weight-answer").inner_text()
    page.get_by_role("button", name=re.compile("[+] ?0.0001")).click()
    expect(page.locator(".weight-answer")).not_to_have_text(before, timeout=WITHIN_MS)
    expect(page.locator(".weight-answer")).to_contain_text(re.compile("[▲▼]"))


def test_a_weight_that_does_not_exist(open_tab: Callable[..., Visitor], words: Words) -> None:
    visitor = open_tab()
    page = visitor.visit("weight", run="colors", weight="conv1.wieght[0,0,0,0]", lang=words.language)
    told = page.locator("main .notice.bad p").first
    expect(told).to_contain_text("conv1.weight", timeout=SLOWLY_MS)
    expect(told).to_contain_text({"en": "To fix: choose one of", "he": "כדי לתקן: לבחור"}[words.language])
    visitor.complaints.clear()  # Chromium tells of each answer that is no success


def test_the_race(open_tab: Callable[..., Visitor], words: Words) -> None:
    visitor = open_tab()
    page = visitor.visit("race", lang=words.language)
    page.get_by_role("button", name=words("race.start")).click()
    told = re.escape(words.before("race.agree_more", "cosine")) + r"\W*1\b"
    expect(page.locator("main")).to_contain_text(re.compile(told), timeout=SLOWLY_MS)
    expect(page.locator("main")).to_contain_text(words("race.spent_nudging"))
    assert visitor.violations() == []
    page.get_by_role("button", name=words("race.stop")).click()
    expect(page.locator("main")).to_contain_text(words("race.stopped"))


def test_runs_beside_each_other(open_tab: Callable[..., Visitor], words: Words) -> None:
    visitor = open_tab()
    page = visitor.visit("compare", lang=words.language)
    page.get_by_label(re.compile("houses")).first.check()
    page.get_by_label(re.compile("colors")).first.check()
    expect(page.locator("main table").first).to_contain_text("houses", timeout=WITHIN_MS)
    expect(page.locator("main table").first).to_contain_text("colors")
    assert visitor.violations() == []


def test_the_article_by_keyboard(open_tab: Callable[..., Visitor], words: Words) -> None:
    visitor = open_tab()
    page = visitor.visit("how", lang=words.language)
    page.locator("main svg").first.wait_for()
    titles = [page.locator("article h2").inner_text()]
    for part in range(2, 13):
        page.keyboard.press({"en": "ArrowRight", "he": "ArrowLeft"}[words.language])
        page.locator(f"article[data-part='{part}'] .how-figure").wait_for()
        assert f"part={part}" in page.url
        titles.append(page.locator("article h2").inner_text())
        assert visitor.violations() == []
    assert len(set(titles)) == 12


def test_the_language_stays(open_tab: Callable[..., Visitor]) -> None:
    page = open_tab().visit("home", lang="en")
    page.get_by_role("button", name="עברית").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.goto(page.url.split("?")[0])  # without the language in the address
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
