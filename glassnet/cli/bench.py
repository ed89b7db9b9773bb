"""`glassnet bench`: one step of a training beside PyTorch's, as a table or as JSON."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from glassnet.cli.options import json_option, print_result

if TYPE_CHECKING:
    from glassnet.tasks.bench import Result


@click.command()
@click.argument("task", default="cifar10")
@click.option("--model", help="Name of the network; each task has a default.")
@click.option("--batch-size", "batch_sizes", type=int, multiple=True, help="Examples in each step; may be repeated.")
@click.option("--runtime", type=click.Choice(["torch", "onnx", "numpy"]), default="torch", help="What runs our graph.")
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", help="Of multiplications.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where both sides run.")
@click.option("--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Turns that each side gets.")
@click.option("--threads", type=click.IntRange(min=1), help="Of each side.  [default: what each chooses]")
@click.option("--no-compile", is_flag=True, help="Leave torch.compile out; it takes long to begin.")
@click.option("--fused", is_flag=True, help="Give PyTorch the fused kernels of its optimizers.")
@json_option
def bench(
    task: str,
    model: str | None,
    batch_sizes: tuple[int, ...],
    runtime: str,
    precision: str,
    device: str,
    rounds: int,
    threads: int | None,
    no_compile: bool,
    fused: bool,
    as_json: bool,
) -> None:
    """Time the training step of TASK (cifar10, houses, or a folder of pictures) beside PyTorch's, by turns.

    A step is bytes in, forward, loss, backward, optimizer, loss out; augmentation is left out on both sides. It needs
    PyTorch and no data set.
    """
    from glassnet.baselines.machine import describe, machine
    from glassnet.tasks.bench import bench as measure

    facts = machine()
    cases = []
    for batch_size in batch_sizes or (None,):
        result = measure(
            task, model, batch_size, runtime=runtime, device=device, precision=precision, rounds=rounds,
            threads=threads, is_compiled=not no_compile, is_fused=fused,
        )  # fmt: skip
        cases.append(result)
    text = "\n\n".join([describe(), *map(report, cases)])
    print_result(as_json, {"machine": facts, "cases": [dataclasses.asdict(case) for case in cases]}, text)


def report(result: Result) -> str:
    """One case as text."""
    from glassnet.baselines.bench import table

    peaks = ", ".join(f"{name} {peak:,.0f}" for name, peak in result.peak_gflop_per_s.items())
    lines = [
        f"{result.task} {result.model}, batch {result.batch_size}, {result.optimizer}, {result.precision}, "
        f"{result.device}: {result.gflop_per_step:.3g} GFLOP a step, {result.rounds} rounds",
        table(result.rows),
        f"peak of matrix products, GFLOP/s: {peaks}",
        *(f"left out: {reason}" for reason in result.left_out.values()),
        *(f"note: {note}" for note in result.notes),
    ]
    return "\n".join(lines)
