"""Try it, as a person would: pictures of one's own, the camera, a person who joins and leaves, houses out of noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.lab.browser.conftest import WITHIN_MS, Visitor, Words

pytestmark = pytest.mark.slow

# Drops a picture on the heading, and pastes another.
_DROP_AND_PASTE = """async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 40, 40);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const carrying = (name) => {
    const data = new DataTransfer();
    data.items.add(new File([blob], name, { type: "image/png" }));
    return data;
  };
  const drop = new DragEvent("drop", { dataTransfer: carrying("dropped.png"), bubbles: true, cancelable: true });
  document.querySelector("main h1").dispatchEvent(drop);
  const paste = new ClipboardEvent("paste", { clipboardData: carrying("pasted.png"), bubbles: true });
  document.dispatchEvent(paste);
}"""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    return tmp_path / "mine.png"


def test_pictures_are_answered_the_newest_first(open_tab: Callable[..., Visitor], picture: Path, words: Words) -> None:
    visitor = open_tab()
    page = visitor.visit("try", run="colors", lang=words.language)
    page.locator("main input[type=file]").set_input_files([picture])
    expect(page.locator(".try-bars")).to_have_count(1, timeout=WITHIN_MS)
    page.evaluate(_DROP_AND_PASTE)
    expect(page.locator(".try-bars")).to_have_count(3, timeout=WITHIN_MS)
    assert sorted(page.locator(".try-card h2").all_inner_texts()[:2]) == ["dropped.png", "pasted.png"]
    assert page.locator(".try-card h2").last.inner_text() == "mine.png"
    assert visitor.violations() == []
    # Another language makes the view anew; the pictures stay.
    page.get_by_role("button", name={"en": "עברית", "he": "English"}[words.language]).click()
    expect(page.locator(".try-bars")).to_have_count(3, timeout=WITHIN_MS)


def test_too_large_a_file_is_told_on_its_card(open_tab: Callable[..., Visitor], picture: Path, words: Words) -> None:
    large = picture.with_name("large.jpg")
    large.write_bytes(bytes(20_000_001))
    page = open_tab().visit("try", run="colors", lang=words.language)
    page.locator("main input[type=file]").set_input_files([large, picture])
    expect(page.locator(".try-bars")).to_have_count(1, timeout=WITHIN_MS)
    expect(page.locator(".try-card", has_text="large.jpg").locator(".notice.bad")).to_contain_text(
        words.before("try.too_large", "most") + "20"
    )


def test_camera_takes_a_still_and_is_let_go(open_tab: Callable[..., Visitor], words: Words) -> None:
    page = open_tab().visit("try", run="colors", lang=words.language)
    page.evaluate(
        """() => {
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          window.tracks = [];
          navigator.mediaDevices.getUserMedia = async (wish) => {
            const stream = await ask(wish);
            window.tracks.push(...stream.getTracks());
            return stream;
          };
        }"""
    )
    page.get_by_role("button", name=words("try.camera"), exact=True).click()
    page.get_by_role("button", name=words("try.shutter"), exact=True).click()
    expect(page.locator(".try-bars")).to_have_count(1, timeout=WITHIN_MS)
    page.get_by_role("button", name=words("try.camera"), exact=True).click()
    expect(page.get_by_role("button", name=words("try.shutter"), exact=True)).to_be_enabled(timeout=WITHIN_MS)
    page.get_by_role("link", name=words("nav.inside")).click()
    page.locator(".inside").wait_for()
    assert page.evaluate("window.tracks.map((track) => track.readyState)") == ["ended", "ended"]


def test_somebody_joins_and_is_forgotten(open_tab: Callable[..., Visitor], picture: Path, words: Words) -> None:
    visitor = open_tab(color_scheme="dark")
    page = visitor.visit("try", run="faces", lang=words.language)
    page.locator("main input[type=file]").set_input_files([picture])
    page.get_by_label(words("try.this_is")).fill("נועה")
    page.get_by_role("button", name=words("try.enroll")).click()
    expect(page.locator(".notice.good")).to_contain_text("נועה", timeout=WITHIN_MS)
    expect(page.locator(".try-headline")).to_have_text("נועה", timeout=WITHIN_MS)
    assert visitor.violations() == []
    page.get_by_role("button", name=words("try.forget_person", name="נועה")).click()
    page.locator("dialog").get_by_role("button", name=words("try.forget")).click()
    expect(page.get_by_role("button", name=words("try.forget_person", name="נועה"))).to_have_count(0, timeout=WITHIN_MS)
    expect(page.locator(".try-headline")).not_to_have_text("נועה", timeout=WITHIN_MS)


def test_drawings_of_the_next_seed(open_tab: Callable[..., Visitor], words: Words) -> None:
    page = open_tab().visit("try", run="houses", lang=words.language, seed=4)
    expect(page.locator(".try-wall canvas")).to_have_count(16, timeout=WITHIN_MS)
    before = page.locator(".try-large canvas").evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_role("button", name=words("try.more", n=16)).click()
    expect(page.locator(".try-houses")).to_contain_text(words.before("try.drawn", "seed") + "5", timeout=WITHIN_MS)
    assert "seed=5" in page.url
    slider = page.get_by_role("slider", name=words("try.walk"))
    slider.press("End")
    assert page.locator(".try-large canvas").evaluate("(canvas) => canvas.toDataURL()") != before
    page.locator(".try-strip button").first.click()
    assert slider.input_value() == "0"
    expect(page.locator(".try-strip button").first).to_have_attribute("aria-pressed", "true")
