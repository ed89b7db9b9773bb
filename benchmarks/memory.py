"""Peak memory of a training process on the U-Net, ours beside PyTorch's, each in a process of its own.

    python benchmarks/memory.py [--batch-size 64] [--rounds 3]

Prints the largest resident set (VmHWM) after 20 steps, and how much of it the training added to the imports.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
from pathlib import Path

from glassnet.baselines.machine import describe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measure(arguments.child, arguments.batch_size)))
        return
    print(describe(f"U-Net, batch {arguments.batch_size}, n {arguments.rounds}"))
    for who in ("ours", "theirs"):
        results = [_run(who, arguments.batch_size) for _ in range(arguments.rounds)]
        peak, added = (statistics.median(result[key] for result in results) for key in ("peak", "added"))
        print(f"{who:7} peak {peak / 1024:7.0f} MiB, of which training {added / 1024:7.0f} MiB")


def _run(who: str, batch_size: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", who, "--batch-size", str(batch_size)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


def _measure(who: str, batch_size: int) -> dict[str, float]:
    """Twenty steps; imports of the other side are kept out of this process."""
    import numpy as np

    generator = np.random.default_rng(0)
    if who == "ours":
        import glassnet.runtimes.onnx  # noqa: F401

        before = _resident_kib("VmRSS")
        from glassnet.runtimes import get_runtime
        from glassnet.tasks import open_task, settings_for
        from glassnet.training.randomness import draw_inputs
        from glassnet.training.step import build_step

        runtime = get_runtime("onnx")
        settings = settings_for("houses", {"steps": 1, "data": "generated", "batch_size": batch_size})
        task = open_task(settings, runtime)
        step = build_step(task, task.model(generator), settings)
        executable = runtime.compile(step.graph)
        executable.load(step.initial)
        epoch = np.zeros(batch_size, np.float32)
        for i in range(20):
            batch = {"batch/images": task.training["images"][:batch_size], "batch/epoch": epoch}
            executable({**batch, **step.scalars(i + 1, 0.99, 1.0), **draw_inputs(step.graph, generator)})
    else:
        import torch
        from networks import NETWORKS

        before = _resident_kib("VmRSS")
        network = dataclasses.replace(NETWORKS[0], batch_size=batch_size)
        model = network.theirs()
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
        for _ in range(20):
            batch = {name: torch.from_numpy(array) for name, array in network.batch(generator, batch_size).items()}
            loss = network.their_loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    peak = _resident_kib("VmHWM")
    return {"peak": peak, "added": peak - before}


def _resident_kib(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1])


if __name__ == "__main__":
    main()
