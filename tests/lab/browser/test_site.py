"""A page that trains by itself: as Python does, on any number of threads, through reloads, and as a person uses it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from safetensors.numpy import load

from glassnet.autodiff import Array
from glassnet.export.subject import Subject
from glassnet.runtimes.onnx import OnnxRuntime
from glassnet.training import create, train
from glassnet.training.saved_state import unpack
from tests.lab.browser.conftest import AXE, CHROMIUM, Words, found_chromium
from tests.lab.browser.sites import GIVEN, make, served

pytestmark = pytest.mark.slow
WITHIN_MS = 90_000
# Of the faces each matrix is turned as a whole at every step, which makes more of the last digit.
FAR_APART = {"cifar10": 1e-4, "houses": 1e-4, "faces": 1e-3}
# A GPU that the processor plays: what it computes is what counts, not how fast.
WEBGPU = [
    *(flag for flag in CHROMIUM if flag != "--disable-gpu"), "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan",
]  # fmt: skip
SHORT_OF_MEMORY = """
import * as ort from "./real.mjs";
export * from "./real.mjs";
const { run } = ort.InferenceSession.prototype;
let count = 0;
ort.InferenceSession.prototype.run = function (...feeds) {
  count += 1;
  const isShort = ort.env.wasm.numThreads > 1 && count > 30;
  return isShort ? Promise.reject(new Error("std::bad_alloc")) : run.apply(this, feeds);
};
"""
VIEWS = ("run", "inside", "weight", "try")
# What Chromium says of a machine without a GPU, whoever asks whether there is one.
_OF_NO_INTEREST = ("No available adapters.",)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Subject]]:
    return {task: make(task, tmp_path_factory.mktemp(f"site of {task}")) for task in GIVEN}


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Each in a browser that was never there; at the end none may have complained."""
    complaints: list[str] = []
    contexts = []

    def told(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_OF_NO_INTEREST):
            complaints.append(f"{message.type}: {message.text}")

    def open_page(address: str, **how: object) -> Page:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("console", told)
        page.on("pageerror", lambda error: complaints.append(f"uncaught: {error}"))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def finished(page: Page) -> dict[str, Array]:
    """The whole state, saved from the page when the training is over."""
    return load(saved(page).read_bytes())


def saved(page: Page) -> Path:
    page.locator("[data-state=finished]").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save everything").click()
    return Path(download.value.path())


def trained_in_python(subject: Subject, where: Path) -> dict[str, Array]:
    run = create(where / "run", subject.settings)
    for _ in train(subject.task, run, OnnxRuntime()):
        pass
    return dict(run.newest_checkpoint()[0].tensors)


@pytest.mark.parametrize("task", list(GIVEN))
def test_trains_as_python_does(
    task: str, sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site, subject = sites[task]
    with served(site) as address:
        one = finished(open_page(f"{address}/?lang=en&engine=wasm-1"))
        two = finished(open_page(f"{address}/?lang=en&engine=wasm-2"))
    expected = trained_in_python(subject, tmp_path)
    assert one.keys() == expected.keys()
    # No bit depends on the number of threads; kernels of another processor round differently.
    assert [name for name in one if not np.array_equal(one[name], two[name])] == []
    assert far_apart(one, expected) < FAR_APART[task]


def far_apart(one: dict[str, Array], other: dict[str, Array]) -> float:
    """How far the learned weights are from each other, as a share of their length."""
    names = [name for name in other if name.startswith("parameters/")]
    a, b = (np.concatenate([state[name].ravel().astype(np.float64) for name in names]) for state in (one, other))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def test_goes_on_in_python_and_back_again(
    sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site, subject = sites["cifar10"]
    with served(site) as address:
        page = open_page(f"{address}/?lang=en&engine=wasm-1")
        run = unpack(saved(page), tmp_path / "home")
        assert run.newest_checkpoint()[0].step == subject.settings.steps
        run.adopt({"steps": 20})
        for _ in train(subject.task, run, OnnxRuntime(), resume=True):
            pass
        trained_on = next(iter(sorted((run.path / "checkpoints").glob("00000020/*.safetensors"))))
        page.locator("input[accept='.safetensors']").set_input_files(trained_on)
        page.locator("[data-state=finished]").first.wait_for()
        again = finished(page)
    newest = run.newest_checkpoint()[0]
    assert all(np.array_equal(again[name], newest.tensors[name]) for name in newest.tensors)


def test_the_same_graph_on_webgpu(tmp_path: Path, chromium: Browser) -> None:
    """On SwiftShader, which computes on the processor what a GPU would, and takes its time."""
    site, _ = make("cifar10", tmp_path, model="conv 4 5x5, relu, pool 4", batch_size=4, steps=2)
    browser = chromium.browser_type.launch(executable_path=found_chromium(), args=WEBGPU)
    with served(site) as address:
        pages = [browser.new_page() for _ in range(2)]
        for page, engine in zip(pages, ("webgpu", "wasm-1"), strict=True):
            page.set_default_timeout(WITHIN_MS)
            page.goto(f"{address}/?lang=en&engine={engine}")
        one, two = (finished(page) for page in pages)
        assert pages[0].locator(".engine strong").inner_text() == "WebGPU"
    browser.close()
    assert far_apart(one, two) < FAR_APART["cifar10"]


def test_lost_memory_is_told_and_gone_on_from(tmp_path: Path, chromium: Browser) -> None:
    """The library says that there is no more of it, as long as it has two threads."""
    site, _ = make("cifar10", tmp_path, batch_size=16, steps=100_000)
    library = site / "vendor" / "ort" / "ort.wasm.min.mjs"
    library.rename(library.with_name("real.mjs"))
    library.write_text(SHORT_OF_MEMORY)
    with served(site) as address:
        page = chromium.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.goto(f"{address}/?lang=en&engine=wasm-2")
        expect(page.locator(".run-messages")).to_contain_text("std::bad_alloc': no memory left, or a GPU that is gone")
        expect(page.locator(".engine strong")).to_have_text("1 thread")
        before = step_of(page)
        page.wait_for_function(
            "before => Number(document.querySelector('.instrument-value').innerText.replace(/[^0-9]/g, '')) > before",
            arg=before,
        )
        # A worker that fails as a whole, on one thread, is begun again as well.
        worker = [one for one in page.workers if one.url.endswith("worker/main.js")][-1]
        worker.evaluate("() => void setTimeout(() => { throw new Error('crashed') })")
        expect(page.locator(".run-messages")).to_contain_text("crashed': no memory left, or a GPU that is gone")
        page.close()


def test_without_isolation_it_trains_on_one_thread(
    sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page]
) -> None:
    with served(sites["cifar10"][0], is_isolated=False) as address:
        page = open_page(f"{address}/?lang=en")
        page.locator("[data-state=finished]").first.wait_for()
        assert page.get_by_text("One thread: more need a page").is_visible()
        assert page.locator(".engine-trials li").count() == 1


def test_goes_on_where_it_was(tmp_path: Path, open_page: Callable[..., Page]) -> None:
    site, _ = make("cifar10", tmp_path, steps=100_000)
    with served(site) as address:
        page = open_page(f"{address}/?lang=en&engine=wasm-1")
        page.get_by_role("button", name="Pause").click()
        page.locator("[data-state=paused]").first.wait_for()
        before = step_of(page)
        assert before > 0
        page.reload()
        page.locator("[data-state=paused], [data-state=running]").first.wait_for()
        expect(page.locator(".instrument-value").first).not_to_have_text("0", timeout=WITHIN_MS)
        assert step_of(page) >= before


def step_of(page: Page) -> int:
    return int("".join(c for c in page.locator(".instrument-value").first.inner_text() if c.isdigit()))


# The lab's own tests open the same views in both languages.
@pytest.mark.parametrize(("task", "language"), [("cifar10", "en"), ("houses", "he"), ("faces", "en")])
def test_every_view_opens(
    task: str, language: str, sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page]
) -> None:
    words = Words(language)
    with served(sites[task][0]) as address:
        page = open_page(f"{address}/?lang={language}&engine=wasm-1")
        page.locator("[data-state=finished]").first.wait_for()
        for view in VIEWS:
            page.get_by_role("navigation").get_by_role("link", name=words(f"nav.{view}"), exact=True).click()
            page.locator("main h1").first.wait_for()
            expect(page.locator("main .spinner:visible, main [aria-busy=true]")).to_have_count(0, timeout=WITHIN_MS)
            assert page.locator("main .notice.bad").count() == 0, page.locator("main .notice.bad").first.inner_text()
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_an_own_photo(sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page]) -> None:
    content = io.BytesIO()
    pixels = np.full((60, 60, 3), 40, np.uint8)
    pixels[:30] += 150
    Image.fromarray(pixels).save(content, "PNG")
    with served(sites["cifar10"][0]) as address:
        page = open_page(f"{address}/?lang=en&engine=wasm-1&view=try&run=cifar10")
        photo = {"name": "above.png", "mimeType": "image/png", "buffer": content.getvalue()}
        page.locator("input[type=file]").first.set_input_files(photo)
        page.locator(".try-card .try-bars li").first.wait_for()
        bad = {"name": "bad.png", "mimeType": "image/png", "buffer": b"no picture"}
        page.locator("input[type=file]").first.set_input_files(bad)
        page.locator(".try-card .notice.bad").first.wait_for()


def test_a_house_by_hand(sites: dict[str, tuple[Path, Subject]], open_page: Callable[..., Page]) -> None:
    with served(sites["houses"][0]) as address:
        page = open_page(f"{address}/?lang=en&engine=wasm-1&view=try&run=houses")
        page.get_by_role("button", name="A simple house").click()
        paper = page.get_by_role("img", name="Paper to draw on")
        box = paper.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + 20)
        page.mouse.up()
        page.get_by_role("button", name="What it makes of it").click()
        expect(page.locator(".try-sketch .try-wall canvas")).to_have_count(16, timeout=WITHIN_MS)
