"""Peak memory of a training process of each classifier, ours on the torch runtime beside PyTorch's, each by itself.

    python benchmarks/torch_memory.py [--rounds 3] [--steps 20] [--batch-size 128]

Printed in MiB, medians of the rounds: the largest resident set (VmHWM) after that many steps, and how much of it came
after the imports.
"""

from __future__ import annotations

import argparse
import statistics

from glassnet.baselines.machine import describe
from glassnet.baselines.workers import Memory, Variant, Worker
from glassnet.runtimes import get_runtime
from glassnet.tasks.bench import open_case, variants_of

CASES = [("convnetjs", "float32")] + [(m, p) for m in ("resnet", "fast") for p in ("float32", "bfloat16")]


def memory_of(variant: Variant, num_steps: int) -> Memory:
    """Of a process that does nothing else."""
    with Worker(variant, threads=None) as worker:
        worker.start()
        worker.seconds(num_steps)
        return worker.memory()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=128)
    arguments = parser.parse_args()
    print(describe())
    for model, precision in CASES:
        runtime = get_runtime("torch", "cpu", precision)
        given = {
            "model": model, "batch_size": arguments.batch_size, "runtime": "torch", "device": "cpu",
            "precision": precision,
        }  # fmt: skip
        case = open_case("cifar10", given, runtime)
        for variant in variants_of(case, case.step(), is_compiled=False):
            found = [memory_of(variant, arguments.steps) for _ in range(arguments.rounds)]
            peak = statistics.median(memory.peak_bytes for memory in found) / 2**20
            added = statistics.median(memory.peak_bytes - memory.imported_bytes for memory in found) / 2**20
            name = f"{model}, batch {arguments.batch_size}, {precision}"
            print(f"{name:32} {variant.name:40} peak {peak:7,.0f}  beyond imports {added:7,.0f}", flush=True)


if __name__ == "__main__":
    main()
