"""Do several processes end where one does, on every task?

    python benchmarks/together.py [--whole] [--tasks houses,cifar10,faces] [--processes 2,3,4] [--steps 100]
        [--batch-size 12]

Each task is trained for so many steps in float32, from the same weights on the same batches: by several processes, and
by one that computes each batch in as many pieces. Printed: the distance of the parameters at the end as a share of
their length, 0 if they are the same to the last bit. With --whole the one process computes each batch in one piece, and
all have batch normalization over the whole batch; kernels then add in another order, and beside it stands what one
process with two threads makes of that. It needs PyTorch, and data for cifar10 and faces.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.baselines.machine import describe
from glassnet.data.drawn import draw_houses
from glassnet.training import Run

WITHIN_S = 1800.0


def trained(num: int, run: Path, arguments: list[str], num_threads: int = 1) -> Array:
    """The parameters at the end, as one vector."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(num), "-m", "glassnet", "train"]
    result = subprocess.run(
        [*command, *arguments, "--run-dir", str(run)], env={**os.environ, "OMP_NUM_THREADS": str(num_threads)},
        capture_output=True, text=True, timeout=WITHIN_S,
    )  # fmt: skip
    if result.returncode:
        raise SystemExit(result.stderr)
    tensors = Run(run).newest_checkpoint()[0].tensors
    names = sorted(name for name in tensors if name.startswith("parameters/"))
    return np.concatenate([tensors[name].ravel().astype(np.float64) for name in names])


def compared(task: str, options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, float]]:
    """Who trains as well, and how far from one process it ends, as a share of the length."""
    arguments = [task, "--steps", str(options.steps), "--batch-size", str(options.batch_size), "--runtime", "torch"]
    if task == "houses":
        np.save(folder / "houses.npy", draw_houses(600, seed=1))
        arguments += ["--data", str(folder / "houses.npy")]
    nums = [int(num) for num in options.processes.split(",")]
    if options.whole:
        arguments.append("--sync-batchnorm")
        expected = trained(1, folder / "alone", arguments)
        yield "1 process, 2 threads", apart(trained(1, folder / "threads", arguments, 2), expected)
        for num in nums:
            yield f"{num} processes", apart(trained(num, folder / f"{num}", arguments), expected)
    else:
        for num in nums:
            expected = trained(1, folder / f"alone-{num}", [*arguments, "--micro-batches", str(num)])
            yield f"{num} processes", apart(trained(num, folder / f"{num}", arguments), expected)


def apart(found: Array, expected: Array) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default="houses,cifar10,faces")
    parser.add_argument("--processes", default="2,3,4")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    print(describe(f"{options.steps} steps of {options.batch_size}{', whole' if options.whole else ''}"), flush=True)
    for task in options.tasks.split(","):
        with tempfile.TemporaryDirectory() as folder:
            for who, distance in compared(task, options, Path(folder)):
                print(f"{task:8} {who:22} {distance:.2g}", flush=True)


if __name__ == "__main__":
    main()
