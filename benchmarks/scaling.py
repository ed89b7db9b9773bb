"""What several processes reach on this machine, where the time goes, and what a model of it says of more.

    python benchmarks/scaling.py [--model resnet] [--batch-size 64] [--rounds 5] [--steps 6] [--trace]

By turns: one process with two threads, two processes with one each, and one process with one, on the same batches of
random pictures. Prints images per second (median, and ratios of turns of one round with their spread), the share of a
step that is spent waiting for gradients of the other, bytes of gradients, and how long these take when nothing else
happens. From that and the step of one process on half of the batch, the model of docs/scaling.md says how long the step
of two takes; printed beside what was measured. With --trace also when each message of a step leaves and arrives.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from glassnet.baselines.machine import describe
from glassnet.runtimes import get_group, get_runtime
from glassnet.runtimes.parallel import Group, Pending
from glassnet.tasks import settings_for
from glassnet.tasks.bench import Case
from glassnet.training.stepper import Leader, Stepper, follow

# Processes, threads of each, and the share of the batch that is computed.
WAYS = {
    "1 process, 1 thread": (1, 1, 1.0),
    "1 process, 2 threads": (1, 2, 1.0),
    "2 processes, 1 thread each": (2, 1, 1.0),
    "1 process, 1 thread, half of the batch": (1, 1, 0.5),
}
BASE, SEVERAL, HALF = list(WAYS)[1:]


def case(model: str, batch_size: int) -> Case:
    """Random pictures, which cost what real ones do."""
    numbers = np.random.default_rng(0)
    batches = [
        {
            "images": numbers.integers(0, 256, (batch_size, 3, 32, 32), np.uint8),
            "labels": numbers.integers(0, 10, batch_size),
        }
        for _ in range(4)
    ]
    given: dict[str, Any] = {"model": model, "batch_size": batch_size, "runtime": "torch", "steps": 1000}
    return Case(settings_for("cifar10", given), 10, (3, 32, 32), batches)


def work(model: str, batch_size: int, num_steps: int, is_traced: bool) -> None:
    """One process of a turn; the one that leads prints what it measured."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    task: Any = case(model, batch_size)  # of a task it has what a step takes
    runtime = get_runtime("torch")
    if os.environ["WORLD_SIZE"] == "1":
        print(json.dumps(measured(Stepper(task, task.settings, runtime), num_steps, None, is_traced)))
        return
    with get_group("cpu") as group:
        if not group.leads:
            follow(task, task.settings, runtime, Following(group))  # type: ignore[arg-type]
            return
        leader = Leader(task, task.settings, runtime, group)
        print(json.dumps(measured(leader, num_steps, group, is_traced)))
        leader.close()


class Following:
    """The group of a process that follows, which takes part in single means as well."""

    def __init__(self, group: Group):
        self._group = group

    def __getattr__(self, name: str) -> Any:
        return getattr(self._group, name)

    def orders(self) -> Iterator[dict[str, Any]]:
        for order in self._group.orders():
            if order["kind"] == "mean":
                self._group.mean(np.zeros(order["size"], np.float32))
            else:
                yield order


def measured(stepper: Stepper, num_steps: int, group: Group | None, is_traced: bool) -> dict[str, Any]:
    stepper.load(stepper.graph.named(stepper.graph.initial))
    hyper = {"learning_rate": 0.01, "weight_decay": 0.0}
    stepper.take(0, hyper)
    stepper.take(1, hyper)
    waited_before = 0.0 if group is None else group.waited_s
    began = time.perf_counter()
    for step in range(2, 2 + num_steps):
        stepper.take(step, hyper)
    took_s = time.perf_counter() - began
    gradient_bytes = sum(tensor.numpy().nbytes for tensor in stepper.model.parameters().values())
    told = {
        "step_s": took_s / num_steps,
        "message_s": 0.0 if group is None else message_s(group, gradient_bytes),
        "images_per_s": num_steps * stepper.batches.batch_size / took_s,
        "waiting": 0.0 if group is None else (group.waited_s - waited_before) / took_s,
        "gradient_bytes": gradient_bytes,
    }
    return {**told, "trace": traced(stepper, group, hyper)} if is_traced and group is not None else told


def message_s(group: Group, num_bytes: int) -> float:
    """How long the mean of so many bytes takes; the other side, which follows, is told to take part."""
    arrays = {"gradients": np.zeros(num_bytes // 4, np.float32)}
    took = []
    for _ in range(5):
        group.say({"kind": "mean", "size": num_bytes // 4})
        began = time.perf_counter()
        group.mean(arrays["gradients"])
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def traced(stepper: Stepper, group: Group, hyper: dict[str, float]) -> list[dict[str, Any]]:
    """One step: of each message its bytes, and milliseconds from the beginning to leaving, arriving and being used."""
    messages: list[dict[str, Any]] = []
    began = time.perf_counter()

    def now() -> float:
        return round(1000.0 * (time.perf_counter() - began), 2)

    class Timed(Pending):
        def __init__(self, group: Group, tensor: torch.Tensor):
            self.message: dict[str, Any] = {"bytes": tensor.nbytes, "leaves": now()}
            messages.append(self.message)
            super().__init__(group, tensor)
            self._work.get_future().then(lambda _: self.message.setdefault("arrives", now()))

        def end(self) -> torch.Tensor:
            self.message["wanted"] = now()
            return super().end()

    group.begin = lambda tensor: Timed(group, tensor)  # type: ignore[method-assign]
    began = time.perf_counter()
    stepper.take(100, hyper)
    messages.append({"over": now()})
    del group.begin
    return messages


def turn(num: int, threads: int, share: float, options: argparse.Namespace) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": str(num), "OMP_NUM_THREADS": str(threads), "MASTER_ADDR": "127.0.0.1"}
    batch_size = int(options.batch_size * share)
    command = [sys.executable, __file__, "--work", "--model", options.model, "--batch-size", str(batch_size)]
    command += ["--steps", str(options.steps), *(["--trace"] if options.trace else [])]
    processes = [
        subprocess.Popen(command, env={**shared, "MASTER_PORT": port, "RANK": str(rank)}, stdout=subprocess.PIPE)
        for rank in range(num)
    ]
    said = [process.communicate()[0] for process in processes]
    return dict(json.loads(said[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.model, options.batch_size, options.steps, options.trace)
    print(describe(f"{options.model}, batches of {options.batch_size}, {options.steps} steps a turn"))
    rounds = [{way: turn(*how, options) for way, how in WAYS.items()} for _ in range(options.rounds)]
    for way in WAYS:
        speeds = [one[way]["images_per_s"] for one in rounds]
        ratios = [one[way]["images_per_s"] / one[BASE]["images_per_s"] for one in rounds]
        waiting = statistics.median(one[way]["waiting"] for one in rounds)
        print(f"{way}: {statistics.median(speeds):.1f} images/s, {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f}) of {BASE}; {waiting:.1%} of the time waiting; "
              f"n {len(rounds)}")  # fmt: skip
    last = rounds[-1][SEVERAL]
    half_s, message, step_s = (
        statistics.median(one[way][what] for one in rounds)
        for way, what in ((HALF, "step_s"), (SEVERAL, "message_s"), (SEVERAL, "step_s"))
    )
    megabytes = last["gradient_bytes"] / 1e6
    print(f"{megabytes:.1f} MB of gradients in each step; they take {1000 * message:.0f} ms when nothing else happens")
    print(f"a step of two: {1000 * step_s:.0f} ms; of one on half: {1000 * half_s:.0f} ms; by the model "
          f"{1000 * half_s:.0f} (gradients hidden) to {1000 * (half_s + message):.0f} ms (none hidden)")  # fmt: skip
    for message in last.get("trace", ()):
        print(message)
    return None


if __name__ == "__main__":
    main()
