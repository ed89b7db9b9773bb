"""What a page that trains by itself reaches: time and bytes to the first step, accuracy and memory over a training.

python benchmarks/browser/site.py SITE [--engine wasm-2] [--minutes 0] [--rounds 3]

SITE is a folder that `glassnet export --web` wrote. It needs Chromium, and serves the site on this machine with the
headers that threads need. The first step is timed from the opening of the address, in a browser that was never there.
With ``--minutes`` the page then trains as long as its settings say (at most that long), and what it says at the end is
printed: the accuracy is that on all held-out pictures.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, sync_playwright
from serving import served

from glassnet.baselines.machine import describe

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
MEMORY = "async () => (await performance.measureUserAgentSpecificMemory()).bytes"
FIGURES = """() => Object.fromEntries([...document.querySelectorAll('.instrument')].map(
  (one) => [one.firstElementChild.textContent, one.querySelector('.instrument-value').textContent]))"""


def first_step(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds, and MB that had come by then."""
    context = browser.new_context()
    page = context.new_page()
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(size_of(response)))
    began = time.perf_counter()
    page.goto(address)
    page.locator(".instrument-value").filter(has_text=re.compile("[1-9]")).first.wait_for(timeout=120_000)
    took = time.perf_counter() - began
    context.close()
    return took, sum(sizes) / 1e6


def size_of(response: Response) -> int:
    return int(response.headers.get("content-length", 0))


def train(page: Page, minutes: float) -> None:
    """To its end, a line each minute."""
    began = time.monotonic()
    while time.monotonic() - began < minutes * 60:
        page.wait_for_timeout(min(60_000, 1000 * (minutes * 60 - (time.monotonic() - began)) + 100))
        memory = page.evaluate(MEMORY) / 1e6  # workers and their WebAssembly included
        print(f"{(time.monotonic() - began) / 60:.1f} min: {page.evaluate(FIGURES)}, {memory:.0f} MB", flush=True)
        if page.locator("[data-state=finished]").count():
            break


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    chromium = os.environ.get("GLASSNET_CHROMIUM") or shutil.which("chromium")
    with served({"": options.site}) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        print(describe(f"Chromium {browser.version}, engine {options.engine}"))
        page_address = f"{address}/?lang=en&engine={options.engine}"
        times, sizes = zip(*(first_step(browser, page_address) for _ in range(options.rounds)), strict=True)
        print(f"first step {statistics.median(times):.1f} s after the address opens (largest {max(times):.1f}, "
              f"n {len(times)}); {min(sizes):.1f} MB had come by then")  # fmt: skip
        if options.minutes:
            page = browser.new_page()
            page.goto(page_address)
            train(page, options.minutes)
        browser.close()


if __name__ == "__main__":
    main()
