"""The training steps of the classifiers on the torch runtime beside PyTorch's own, by turns: `glassnet bench`, often.

    python benchmarks/torch_step.py [--rounds 7] [--only NAME] [--threads N] [--fused]

convnetjs at batches of 4, 32 and 128 in float32; resnet and fast at 128 and 512, in float32 and bfloat16. One line for
each way to take the step, with PyTorch's time over ours and its spread over the rounds: above 1 we are faster. What a
step is, and that a wrong one cannot be a fast one: glassnet/tasks/bench.py. --only takes a part of a case's name.
"""

from __future__ import annotations

import argparse

from glassnet.baselines.machine import describe
from glassnet.cli.bench import report
from glassnet.tasks.bench import bench

CASES = [("convnetjs", batch_size, "float32") for batch_size in (4, 32, 128)] + [
    (model, batch_size, precision)
    for model in ("resnet", "fast")
    for batch_size in (128, 512)
    for precision in ("float32", "bfloat16")
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="part of a case's name, such as resnet-128-float32")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--fused", action="store_true")
    arguments = parser.parse_args()
    print(describe())
    for model, batch_size, precision in CASES:
        if arguments.only in f"{model}-{batch_size}-{precision}":
            result = bench(
                "cifar10", model, batch_size, precision=precision,
                rounds=arguments.rounds, threads=arguments.threads, is_fused=arguments.fused,
            )  # fmt: skip
            print(f"\n{report(result)}", flush=True)


if __name__ == "__main__":
    main()
