"""Images per second of training one network in one browser: ConvNetJS, TensorFlow.js, jax-js and ours, by turns.

    python benchmarks/browser/compare.py [--rounds 7] [--seconds 1.5] [--packages FOLDER] [--only WORD ...]

The network is that of the ConvNetJS demo of CIFAR-10; a step is forward, backward and update, with the optimizer of
each: adadelta in ConvNetJS, else Adam; ours also shortens gradients and averages weights, as it always does. All begin
with the same weights and see the same pictures, and the losses of their first steps are compared, so that a wrong step
cannot be a fast one. With `--model` another network of ours trains alone. The others are fetched with npm into a folder
outside of the repository. Needs Chromium. A ratio is that of two turns of one round, to the fastest way of the other.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path
from playwright.sync_api import Error, Page, sync_playwright
from prepared import HERE, fetch_packages, write_batches, write_steps
from serving import served

from glassnet.baselines.machine import describe
from glassnet.models import CLASSIFIERS

CHROMIUM = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", "--disable-background-timer-throttling", "--enable-unsafe-swiftshader"]  # fmt: skip
OUR_BATCH_SIZES = (4, 16, 32, 64, 128)
THREADS = (1, 2)
MODEL = "convnetjs"
CONVNETJS, TFJS, JAX, OURS = "ConvNetJS", "TF.js", "jax-js", "glassnet"
CONVNETJS_BATCH_SIZES = (4, 32)
TFJS_BACKENDS = ("cpu", "wasm", "webgl")
JAX_BACKENDS = ("wasm",)
OTHER_BATCH_SIZES = (4, 32)
LOSSES_AGREE = 2e-3


@dataclass
class Contestant:
    """Who trains, how, and what came of it: images per second in each round."""

    library: str
    script: str
    batch_size: int
    options: Mapping[str, Any] = field(default_factory=dict)
    images_per_s: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        threads = self.options.get("numThreads", 0)
        how = f"{threads} thread{'s' * (threads > 1)}" if threads else self.options.get("backend", "")
        return " ".join(filter(None, (self.library, how, f"batch {self.batch_size}")))


def contestants(model: str) -> list[Contestant]:
    ours = [
        Contestant(OURS, "ours.js", size, {"numThreads": threads, "graph": f"{model}-{size}"})
        for threads in THREADS
        for size in OUR_BATCH_SIZES
    ]
    if model != MODEL:
        return ours
    others = [
        Contestant(library, script, size, {"backend": backend})
        for library, script, backends in ((TFJS, "tfjs.js", TFJS_BACKENDS), (JAX, "jax.js", JAX_BACKENDS))
        for backend in backends
        for size in OTHER_BATCH_SIZES
    ]
    return [*(Contestant(CONVNETJS, "convnetjs.js", size) for size in CONVNETJS_BATCH_SIZES), *others, *ours]


def prepare(page: Page, everyone: Sequence[Contestant]) -> list[Contestant]:
    """Those that can train the network, and train the same one; why the others cannot is printed."""
    ready, first = [], {}
    for one in everyone:
        options = {**one.options, "script": one.script, "batchSize": one.batch_size, "packages": "/packages"}
        try:
            losses = page.evaluate("([name, options]) => prepare(name, options)", [one.name, options])["losses"]
        except Error as error:  # of the browser, in which the script of this one ran
            print(f"left out: {one.name}: {_first_line(error)}", flush=True)
            page.evaluate("name => leave(name)", one.name)
            continue
        expected = first.setdefault(one.batch_size, losses[0])
        assert abs(losses[0] - expected) < LOSSES_AGREE, (one.name, losses[0], expected)
        assert len(losses) < 8 or losses[-1] < losses[0] + 1.0, (one.name, losses)
        ready.append(one)
    return ready


def _first_line(error: Error) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def take_turns(page: Page, everyone: Sequence[Contestant], rounds: int, seconds: float) -> None:
    """In another order each round, so that what one leaves behind (garbage) is not always the burden of the same."""
    order, numbers = list(everyone), random.Random(0)
    for _ in range(rounds):
        numbers.shuffle(order)
        for one in order:
            done = page.evaluate("([name, seconds]) => turn(name, seconds)", [one.name, seconds])
            one.images_per_s.append(done["images"] / done["seconds"])


def table(everyone: Sequence[Contestant]) -> str:
    """Medians, and ratios to the fastest way of each other library in the same round; here all run on the CPU."""
    best = {library: _best_by_round(everyone, library) for library in (CONVNETJS, TFJS, JAX)}
    best = {library: rounds for library, rounds in best.items() if rounds}
    width = max(len(one.name) for one in everyone)
    heads = "  ".join(f"{'/ ' + library:>22}" for library in best)
    lines = [f"{'':{width}}  {'images/s':>9}  {'n':>2}  {heads}"]
    for one in everyone:
        ratios = "  ".join(f"{_ratio(one.images_per_s, best[library]):>22}" for library in best)
        median = statistics.median(one.images_per_s)
        lines.append(f"{one.name:{width}}  {median:9,.0f}  {len(one.images_per_s):2}  {ratios}")
    return "\n".join(lines)


def _best_by_round(everyone: Sequence[Contestant], library: str) -> list[float]:
    rounds = [one.images_per_s for one in everyone if one.library == library]
    return [max(turns) for turns in zip(*rounds, strict=True)]


def _ratio(mine: Sequence[float], theirs: Sequence[float]) -> str:
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of a turn")
    parser.add_argument("--packages", type=Path, default=user_cache_path("glassnet") / "browser-benchmark")
    parser.add_argument("--only", nargs="+", default=[""], help="words, one of which is in the name")
    parser.add_argument("--model", choices=list(CLASSIFIERS), default=MODEL)
    options = parser.parse_args()
    everyone = [one for one in contestants(options.model) if any(word in one.name for word in options.only)]
    packages = fetch_packages(options.packages)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_steps(Path(folder), options.model, {one.batch_size for one in everyone if one.library == OURS})
        write_batches(Path(folder), {one.batch_size for one in everyone if one.library != OURS})
        chromium = os.environ.get("GLASSNET_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        with served({"": HERE, "data": Path(folder), "packages": packages}) as address:
            page = browser.new_page()
            page.goto(f"{address}/page.html")
            assert page.evaluate("crossOriginIsolated")
            print(describe(f"Chromium {browser.version}, n {options.rounds}"), flush=True)
            ready = prepare(page, everyone)
            take_turns(page, ready, options.rounds, options.seconds)
        browser.close()
    print(table(ready))


if __name__ == "__main__":
    main()
