"""What the lab costs: time to the first content, frames and memory while events come in, what open pages take from a
training.

python benchmarks/lab.py [--rounds 7] [--events 10000] [--only content|events|pages]

Needs Chromium. Frames are counted in a page that watches a run to which another process adds events, 200 each second,
the first 2,000 of them to warm up; memory is that of JavaScript after its garbage was collected. What pages cost is
measured on a training of houses, by turns without and with them: pages that draw, all of them visible, and event
streams alone, as of pages in the background.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

from glassnet.baselines.machine import describe

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--enable-precise-memory-info"]  # fmt: skip
EVENTS_PER_S = 200
NUM_PAGES = 10
WINDOW_S = 15.0
SETTLED_S = 10.0  # pages that were just opened ask for much at once
WARM = 2_000


class Lab:
    """A lab in a process of its own."""

    def __init__(self, runs: Path):
        self.runs = runs
        command = [sys.executable, "-m", "glassnet", "lab", "--no-open", "--port", "0", "--runs", str(runs)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        address = next(word for line in self._process.stdout for word in line.split() if "#token=" in word)
        self.address, self.token = address.split("/#token=")

    def url(self, view: str, **state: str) -> str:
        return f"{self.address}/?{urlencode({'view': view, **state})}#token={self.token}"

    def request(self, path: str, body: dict[str, Any] | None = None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Glassnet-Token": self.token, "Content-Type": "application/json", "Origin": self.address}
        return urllib.request.Request(f"{self.address}/api{path}", data, headers)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        with urllib.request.urlopen(self.request(path, body)) as answer:
            return json.load(answer)

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextmanager
def served(runs: Path) -> Iterator[Lab]:
    lab = Lab(runs)
    try:
        yield lab
    finally:
        lab.close()


def first_content(browser: Browser, lab: Lab, rounds: int) -> None:
    """From the opening of the address, in a browser that has never been there."""
    paints, headings = [], []
    for _ in range(rounds):
        context = browser.new_context()
        page = context.new_page()
        began = time.perf_counter()
        page.goto(lab.url("home"))
        page.locator("main h1").wait_for()
        headings.append(time.perf_counter() - began)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"))
        context.close()
    print(f"first content {statistics.median(paints):.2f} s (largest {max(paints):.2f}); heading of the page "
          f"{statistics.median(headings):.2f} s (largest {max(headings):.2f})")  # fmt: skip


COUNT_FRAMES = """() => {
  window.frames_ms = [];
  let before = performance.now();
  const frame = (now) => { window.frames_ms.push(now - before); before = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


def responsiveness(browser: Browser, lab: Lab, num_events: int) -> None:
    """Frames of a page that watches a run grow, and its memory early and late."""
    run = lab.runs / "growing"
    run.mkdir()
    shutil.copy(lab.runs / "first" / "settings.json", run)
    shutil.copy(lab.runs / "first" / "task.json", run)
    lines = (lab.runs / "first" / "events.jsonl").read_text().splitlines()
    started = next(line for line in lines if '"started"' in line)
    (run / "events.jsonl").write_text(started + "\n")
    with FileLock(run / "lock"):
        page = browser.new_page()
        page.goto(lab.url("run", run="growing"))
        page.locator("main h1").wait_for()
        add_events(run, 0, WARM)
        page.wait_for_timeout(2000)
        early = heap_bytes(page)
        page.evaluate(COUNT_FRAMES)
        add_events(run, WARM, num_events)
        page.wait_for_timeout(1000)
        frames = sorted(page.evaluate("window.frames_ms"))
        late = heap_bytes(page)
        page.close()
    p95 = frames[int(0.95 * len(frames))]
    print(f"{num_events:,} events: frames {statistics.median(frames):.1f} ms, p95 {p95:.1f} ms, largest "
          f"{frames[-1]:.0f} ms (n {len(frames):,}); memory {early / 1e6:.1f} MB after {WARM:,} events, "
          f"{late / 1e6:.1f} MB after {num_events:,}")  # fmt: skip


def add_events(run: Path, first: int, last: int) -> None:
    began = time.monotonic()
    with (run / "events.jsonl").open("a") as file:
        for step in range(first + 1, last + 1):
            event = {"event": "stepped", "step": step, "loss": 2.3 / step**0.2, "gradient_norm": 1.0,
                     "learning_rate": 1e-3, "progress": step / 20_000, "elapsed_s": step / EVENTS_PER_S,
                     "images_per_s": 3000.0}  # fmt: skip
            file.write(json.dumps(event) + "\n")
            file.flush()
            time.sleep(max(0.0, began + (step - first) / EVENTS_PER_S - time.monotonic()))


def heap_bytes(page: Page) -> int:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    return int(page.evaluate("performance.memory.usedJSHeapSize"))


def cost_of_pages(browser: Browser, lab: Lab, rounds: int) -> None:
    """Steps of a training in windows by turns without pages, with pages, and with event streams alone."""
    run = lab.ask("/runs", {"task": "houses", "minutes": 60})["run"]
    while not steps_of(lab.runs / run):
        time.sleep(0.5)
    rates: dict[str, list[float]] = {"none": [], "pages": [], "streams": []}
    for _ in range(rounds):
        rates["none"].append(steps_per_s(lab.runs / run))
        pages = [browser.new_page() for _ in range(NUM_PAGES)]
        for page in pages:
            page.goto(lab.url("run", run=run))
            page.locator("main h1").wait_for()
        time.sleep(SETTLED_S)
        rates["pages"].append(steps_per_s(lab.runs / run))
        for page in pages:
            page.close()
        with streams(lab, run):
            rates["streams"].append(steps_per_s(lab.runs / run))
    lab.ask(f"/runs/{run}/control", {"is_stopping": True})
    for name in ("pages", "streams"):
        ratios = [there / without for there, without in zip(rates[name], rates["none"], strict=True)]
        print(f"{NUM_PAGES} {name}: a training makes {statistics.median(ratios):.3f} of the steps that it makes "
              f"without (n {rounds}, {min(ratios):.3f} to {max(ratios):.3f})")  # fmt: skip


@contextmanager
def streams(lab: Lab, run: str) -> Iterator[None]:
    """So many connections that read the events of the run."""
    answers = [urllib.request.urlopen(lab.request(f"/runs/{run}/events")) for _ in range(NUM_PAGES)]
    readers = [threading.Thread(target=drain, args=(answer,), daemon=True) for answer in answers]
    for reader in readers:
        reader.start()
    yield
    for answer in answers:
        answer.fp.raw._sock.shutdown(2)
    for reader in readers:
        reader.join()


def drain(answer: Any) -> None:
    with suppress(HTTPException):  # it is cut off at the end
        while answer.read1(65536):
            pass


def steps_of(run: Path) -> int:
    file = run / "events.jsonl"
    return file.read_text().count('"stepped"') if file.exists() else 0


def steps_per_s(run: Path) -> float:
    before, began = steps_of(run), time.monotonic()
    time.sleep(WINDOW_S)
    return (steps_of(run) - before) / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--only", choices=["content", "events", "pages"])
    options = parser.parse_args()
    print(describe(f"n {options.rounds}"))
    chromium = os.environ.get("GLASSNET_CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        first = ["train", "houses", "--steps", "20", "--run", str(runs / "first")]
        subprocess.run([sys.executable, "-m", "glassnet", *first], check=True, capture_output=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        with served(runs) as lab:
            if options.only in (None, "content"):
                first_content(browser, lab, options.rounds)
            if options.only in (None, "events"):
                responsiveness(browser, lab, options.events)
            if options.only in (None, "pages"):
                cost_of_pages(browser, lab, options.rounds)
        browser.close()


if __name__ == "__main__":
    main()
