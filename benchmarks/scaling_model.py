"""What limits a training of many processes: the model of docs/scaling.md in numbers.

    python benchmarks/scaling_model.py

Nothing is measured here. The step of n processes takes

    step(n) = compute + max(0, message(n) - hidden),    message(n) = 2 (n - 1) / n G / B + rounds(n) a

with G the bytes of all gradients, B the slowest link of a process, a the time from one to another, and `hidden` the
part of the backward pass that still runs while gradients are under way. A ring has 2 (n - 1) rounds, a tree 2 log2(n).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """Links as their makers state them: NVIDIA H100 datasheet (NVLink 900 GB/s both ways), NDR InfiniBand 400 Gb/s."""

    name: str
    per_node: int
    inside_bytes_per_s: float
    outside_bytes_per_s: float
    inside_s: float
    outside_s: float


@dataclass(frozen=True)
class Work:
    """What is trained: bytes of gradients, seconds of compute and bytes read for a picture, pictures in an epoch."""

    name: str
    gradient_bytes: float
    picture_s: float
    picture_bytes: float
    num_examples: int
    backward: float = 2 / 3  # of the compute: gradients can be under way while the rest of it runs


LEAST_STEP_S = 1e-3  # assumed: what launching the kernels of a step takes, however few pictures there are
GPUS = Machine("H100, 8 in a node, 400 Gb/s for each", 8, 450e9, 50e9, 5e-6, 10e-6)
# 6.57 million weights of float32. Seconds are assumed, not measured: 0.84 Gflop for a picture forward and backward,
# by a GPU that reaches 100 Tflop/s in bfloat16; and 10 Gflop for a face.
RESNET = Work("resnet on CIFAR-10", 26.3e6, 8.4e-6, 3_073, 50_000)
FACES = Work("a face network of 50 million weights", 200e6, 100e-6, 20_000, 5_000_000)


def message_s(work: Work, machine: Machine, num: int, is_tree: bool) -> float:
    """Within a node first, then between nodes, as NCCL does it."""
    local, nodes = min(num, machine.per_node), max(1, num // machine.per_node)
    total = _all_reduce_s(work.gradient_bytes, local, machine.inside_bytes_per_s, machine.inside_s, False)
    return total + _all_reduce_s(
        work.gradient_bytes / local, nodes, machine.outside_bytes_per_s, machine.outside_s, is_tree
    )


def _all_reduce_s(num_bytes: float, num: int, bytes_per_s: float, latency_s: float, is_tree: bool) -> float:
    if num == 1:
        return 0.0
    rounds = 2 * math.log2(num) if is_tree else 2 * (num - 1)
    return 2 * (num - 1) / num * num_bytes / bytes_per_s + rounds * latency_s


def table(work: Work, title: str, part_of: Callable[[int], float]) -> None:
    """``part_of``: pictures of each of so many processes."""
    print(f"{work.name}, {title}; {GPUS.name}\n")
    print("| GPUs | batch | compute, ms | gradients, ms | not hidden, ms | pictures/s | of n times one | read, GB/s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    alone = 0.0
    for num in (1, 8, 64, 1024):
        part = part_of(num)
        compute = max(LEAST_STEP_S, part * work.picture_s)
        message = min(message_s(work, GPUS, num, is_tree) for is_tree in (False, True))
        shown = max(0.0, message - work.backward * compute)
        speed = num * part / (compute + shown)
        alone = alone or speed
        times = [f"{1e3 * seconds:.2f}" for seconds in (compute, message, shown)]
        read = f"{speed * work.picture_bytes / 1e9:.2f}"
        figures = [f"{num:,}", f"{num * part:,.0f}", *times, f"{speed:,.0f}", f"{speed / alone / num:.0%}", read]
        print(f"| {' | '.join(figures)} |")
    print()


def main() -> None:
    table(RESNET, "512 pictures each", lambda num: 512)
    table(RESNET, "2,048 pictures together", lambda num: 2048 / num)
    table(FACES, "256 pictures each", lambda num: 256)


if __name__ == "__main__":
    main()
