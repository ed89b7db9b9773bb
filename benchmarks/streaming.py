"""Training on a folder that is larger than memory may hold: does reading keep up, and how much memory does it take?

    python benchmarks/streaming.py [--pictures 200000] [--model convnetjs] [--batch-size 128] [--rounds 5]

Draws that many JPEG files of 64 x 64 pixels in 50 classes into a temporary folder, which takes a minute or two and a
gigabyte, and deletes them at the end (--folder keeps them, and takes those that are there). Prints, each with its
spread over the rounds: pictures per second that are read by one and by two processes while nothing else happens; that
are trained on from a batch in memory; and that are trained on from files, by turns with it. On a machine whose cores
are all busy with the step, reading takes its share of them: `waiting` is the part of a step in which it stood still for
want of pictures, `slower` the part that reading took away in all. Memory is the resident set of all processes together.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.data.processes import available_cores
from glassnet.data.stream import Stream
from glassnet.runtimes import Runtime, get_runtime
from glassnet.tasks import open_task, settings_for
from glassnet.tasks.classification import Classification
from glassnet.training import create, train
from glassnet.training.batches import Batches
from glassnet.training.events import Stepped
from glassnet.training.randomness import draw_inputs, generator
from glassnet.training.step import build_step, under

SIZE_PX, NUM_CLASSES, PER_CHUNK = 64, 50, 1000
WARMING_S, TURN_S = 3.0, 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200_000)
    parser.add_argument("--model", default="convnetjs")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    print(describe(f"{arguments.model}, batch {arguments.batch_size}, n {arguments.rounds}"), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "pictures"
        if not folder.is_dir():
            began = time.perf_counter()
            draw(folder, arguments.pictures)
            print(f"drawn: {arguments.pictures:,} files in {time.perf_counter() - began:.0f} s", flush=True)
        measure(folder, Path(temporary), arguments)


def draw(folder: Path, num: int) -> None:
    """JPEG files of smooth colors, about 2 kB each, on all cores."""
    chunks = [
        (folder / f"class {label:02}", start, min(PER_CHUNK, num // NUM_CLASSES - start))
        for label in range(NUM_CLASSES)
        for start in range(0, num // NUM_CLASSES, PER_CHUNK)
    ]
    with ProcessPoolExecutor() as processes:
        list(processes.map(_draw, chunks))


def _draw(chunk: tuple[Path, int, int]) -> None:
    folder, start, num = chunk
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng([int(folder.name[-2:]), start])
    # The class is in the color, so that there is something to learn.
    tint = np.random.default_rng(int(folder.name[-2:])).integers(0, 128, 3)
    for number in range(start, start + num):
        few = (numbers.integers(0, 128, (8, 8, 3)) + tint).astype(np.uint8)
        picture = Image.fromarray(few).resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:06}.jpg", quality=85)


def measure(folder: Path, temporary: Path, arguments: argparse.Namespace) -> None:
    """Load, read, train; one line for each."""
    given = {"model": arguments.model, "batch_size": arguments.batch_size, "steps": 12, "runtime": arguments.runtime}
    settings = settings_for(str(folder), given)
    runtime = get_runtime(settings.runtime)
    memory = Memory()
    began = time.perf_counter()
    task = open_task(settings, runtime)
    assert isinstance(task, Classification)
    stream = task.training["images"]
    assert isinstance(stream, Stream), "too few pictures: they fit into memory"
    print(
        f"{task.source}\nlisted, summed up and the test read in {time.perf_counter() - began:.0f} s, {memory}",
        flush=True,
    )
    stream.close()
    for num in sorted({1, 2, available_cores()}):
        rates = [_reading(stream, num, arguments.batch_size, round_) for round_ in range(arguments.rounds)]
        print(f"reading alone, {num} process{'es' * (num > 1)}: {_spread(rates)} pictures/s", flush=True)
    memory.forget()
    alternate(task, runtime, arguments.rounds)
    print(f"while training: {memory}", flush=True)
    stream.close()
    check_resume(task, runtime, temporary)


def _reading(stream: Stream, num_processes: int, batch_size: int, round_: int) -> float:
    """Pictures per second of whole batches in the order of a training."""
    some = stream[np.random.default_rng(round_).permutation(len(stream))]
    some.num_processes = num_processes
    batches = Batches({"images": some}, batch_size, round_)
    batches.batch(0)
    began, step = time.perf_counter(), 0
    while time.perf_counter() - began < TURN_S / 2:
        step += 1
        batches.batch(step)
    rate = step * batch_size / (time.perf_counter() - began)
    batches.close()
    return rate


def alternate(task: Classification, runtime: Runtime, rounds: int) -> None:
    """Turns of steps on a batch in memory and of steps on the stream."""
    settings = task.settings
    model = task.model(generator(0, "initialization"))
    step = build_step(task, model, settings)
    executable = runtime.compile(step.graph)
    executable.load(step.initial)
    batches = Batches(task.training, settings.batch_size, settings.seed)
    kept, taken, waited_s = batches.batch(0), 0, 0.0

    def take(batch: Callable[[], dict[str, Array]]) -> None:
        nonlocal taken, waited_s
        began = time.perf_counter()
        chosen = under("batch", batch())
        waited_s += time.perf_counter() - began
        numbers = step.scalars(taken + 1, 0.0, settings.max_gradient_norm, learning_rate=1e-4, weight_decay=0.0)
        executable({**chosen, **numbers, **draw_inputs(step.graph, generator(0, "step", taken))})
        taken += 1

    def turn(batch: Callable[[], dict[str, Array]]) -> tuple[float, float]:
        """(pictures per second, share of the time that was waited); what was read ahead is used up before."""
        nonlocal waited_s
        _for(WARMING_S, lambda: take(batch))
        waited_s, began = 0.0, time.perf_counter()
        num = _for(TURN_S, lambda: take(batch))
        took_s = time.perf_counter() - began
        return num * settings.batch_size / took_s, waited_s / took_s

    alone, streamed = [], []
    for _ in range(rounds):
        alone.append(turn(lambda: kept)[0])
        streamed.append(turn(lambda: batches.batch(taken)))
    rates = [rate for rate, _ in streamed]
    slower = [1.0 - rate / before for rate, before in zip(rates, alone, strict=True)]
    print(f"step alone: {_spread(alone)} pictures/s")
    print(f"step on the stream: {_spread(rates)} pictures/s")
    print(f"slower: {_percent(slower)}; waiting: {_percent([share for _, share in streamed])}", flush=True)


def _for(seconds: float, action: Callable[[], None]) -> int:
    end, num = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        action()
        num += 1
    return num


def check_resume(task: Classification, runtime: Runtime, temporary: Path) -> None:
    """Twelve steps in one go, and five, a stop and the rest: the same losses and weights."""
    straight, broken = (create(temporary / name, task.settings, task.facts) for name in ("straight", "broken"))
    list(train(task, straight, runtime))
    training = train(task, broken, runtime)
    next(event for event in training if isinstance(event, Stepped) and event.step == 5)
    training.close()
    list(train(task, broken, runtime, resume=True))
    losses = [[event.loss for event in run.events() if isinstance(event, Stepped)] for run in (straight, broken)]
    weights = [run.newest_checkpoint()[0].tensors for run in (straight, broken)]
    is_same = all(array.tobytes() == weights[1][name].tobytes() for name, array in weights[0].items())
    words = ["equal" if same else "DIFFERENT" for same in (losses[0] == losses[1], is_same)]
    print(f"stopped after 5 of 12 steps and resumed: losses {words[0]}, weights {words[1]} bit for bit")


class Memory:
    """The largest resident set of this process and all that it started, looked at ten times a second."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def forget(self) -> None:
        self.peak_bytes = 0

    def __str__(self) -> str:
        return f"at most {self.peak_bytes / 2**20:,.0f} MiB resident in all processes"

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, _family())))
            time.sleep(0.1)


def _family() -> list[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return ["self", *(pid for children in tasks for pid in children.read_text().split())]


def _resident_bytes(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def _spread(rates: list[float]) -> str:
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def _percent(shares: list[float]) -> str:
    return f"{statistics.median(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})"


if __name__ == "__main__":
    main()
