"""A training of several processes of which one is killed again and again: does it end where an undisturbed one does?

    python benchmarks/kills.py [--kills 50] [--processes 2] [--steps 400] [--seed 0]

`torchrun` starts a training of houses twice. The first is left alone. In the second a process is killed (SIGKILL, the
one that leads included), chosen by chance, at a moment by chance after the first new step, again and again; torchrun
starts all of them again, and they go on from the newest checkpoint. Prints a line for each kill, how many steps had to
be taken twice, and whether the weights at the end are the same bit for bit. Exit code 1 if they are not.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassnet.baselines.machine import describe
from glassnet.data.drawn import draw_houses
from glassnet.training import Run
from glassnet.training.events import Finished, Stepped

WITHIN_S = 180.0
MOST_DELAY_S = 2.0


def started(run: Path, drawings: Path, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(options.processes)]
    training = ["train", "houses", "--data", str(drawings), "--steps", str(options.steps), "--batch-size", "4"]
    return subprocess.Popen(
        [*torchrun, "--max-restarts", str(options.kills + 5), "--monitor-interval", "0.2", "-m", "glassnet", *training,
         "--run-dir", str(run)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def processes_of(agent: int) -> Iterator[int]:
    """Those that torchrun has started and that are alive."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == agent:
                yield int(entry.name)


def steps_taken(run: Path) -> list[int]:
    return [event.step for event in Run(run).events() if isinstance(event, Stepped)] if run.exists() else []


def waited_for_steps(run: Path, more_than: int, agent: subprocess.Popen[bytes]) -> bool:
    """Until there are more; False if the training ended instead."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if (run / "settings.json").exists() and len(steps_taken(run)) > more_than:
            return True
        if agent.poll() is not None:
            return False
        time.sleep(0.1)
    raise TimeoutError(f"no step within {WITHIN_S:.0f} s")


def disturbed(run: Path, drawings: Path, options: argparse.Namespace) -> int:
    """How many kills there were before it ended."""
    chance = random.Random(options.seed)
    agent = started(run, drawings, options)
    num_seen = num_kills = 0
    while num_kills < options.kills and waited_for_steps(run, num_seen, agent):
        time.sleep(chance.uniform(0.0, MOST_DELAY_S))
        victim = chance.choice(sorted(processes_of(agent.pid)) or [0])
        if not victim:
            break
        os.kill(victim, signal.SIGKILL)
        num_kills += 1
        num_seen = len(steps_taken(run))
        print(f"kill {num_kills}: process {victim}, after step {steps_taken(run)[-1]}", flush=True)
        time.sleep(1.0)  # until all of this round have ended
        num_seen = len(steps_taken(run))
    agent.wait()
    return num_kills


def weights(run: Path) -> dict[str, np.ndarray]:
    last = Run(run).last(Finished)
    assert last is not None, "it did not end"
    assert last.reason == "budget spent", last.reason
    return dict(Run(run).newest_checkpoint()[0].tensors)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(describe(f"{options.processes} processes, {options.steps} steps"))
    with tempfile.TemporaryDirectory() as folder:
        drawings, alone, killed = (Path(folder) / name for name in ("houses.npy", "alone", "killed"))
        np.save(drawings, draw_houses(40, seed=1))
        started(alone, drawings, options).wait()
        num_kills = disturbed(killed, drawings, options)
        expected, found = weights(alone), weights(killed)
        num_twice = len(steps_taken(killed)) - options.steps
        different = [name for name, array in expected.items() if not np.array_equal(found[name], array)]
    print(f"{num_kills} kills; {num_twice} steps taken twice; "
          f"{'the same weights' if not different else f'other weights: {different[:3]}'}")  # fmt: skip
    return 1 if different or num_kills < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
