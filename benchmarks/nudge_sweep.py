"""How long it takes to nudge every weight of the ConvNetJS network up and down: sharing work, and one by one.

python benchmarks/nudge_sweep.py [--batch-size 16] [--rounds 3] [--passes 300] [--all]

One by one is a whole forward pass for each nudge. Of these, `--passes` are timed, at weights spread over all layers,
by turns with the sweeps, and multiplied; `--all` makes every one of them. Their losses are compared with those of the
sweep. Pictures are those of CIFAR-10 where it is at hand ($GLASSNET_DATA), else noise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence

import numpy as np

from glassnet.autodiff import Array, ArraySpec
from glassnet.baselines.machine import describe
from glassnet.data import cifar10
from glassnet.insight.durations import in_words
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.insight.nudge import compare, sweep
from glassnet.models import ConvNetJS
from glassnet.nn import cross_entropy

EPSILON = 1e-4
Nudge = tuple[str, int, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=300)
    parser.add_argument("--all", action="store_true")
    chosen = parser.parse_args()
    landscape, weights = convnetjs(chosen.batch_size)
    num = sum(array.size for array in weights.values())
    print(describe(f"n {chosen.rounds}"))
    print(f"{num:,} weights, {2 * num:,} forward passes, batch {chosen.batch_size}, float64")
    if chosen.all:
        by_one(landscape, weights, nudges(weights, 2 * num), num)
        return
    sweeps_s, passes_s, wrong = [], [], 0.0
    parts = np.array_split(np.arange(chosen.passes), chosen.rounds)
    all_nudges = nudges(weights, chosen.passes)
    for part in parts:
        began = time.perf_counter()
        swept = landscape.nudge(weights, EPSILON)
        sweeps_s.append(time.perf_counter() - began)
        for name, place, sign in (all_nudges[i] for i in part):
            loss, seconds = one_pass(landscape, weights, name, place, sign)
            passes_s.append(seconds)
            wrong = max(wrong, abs(loss - float((swept.up if sign > 0 else swept.down)[name].flat[place])))
    plain_s, sweep_s = 2 * num * statistics.median(passes_s), statistics.median(sweeps_s)
    print(f"one by one: {1000 * statistics.median(passes_s):.1f} ms a pass, {in_words(plain_s)} for all (multiplied)")
    print(f"sweep: {sweep_s:.1f} s (from {min(sweeps_s):.1f} to {max(sweeps_s):.1f})")
    print(f"ratio {plain_s / sweep_s:.1f}; largest difference of a loss {wrong:.1e}")
    for epsilon in (1e-4, 1e-5, 1e-6):
        print(agreement(landscape, weights, epsilon))


def convnetjs(batch_size: int) -> tuple[Landscape, Weights]:
    """The network with its first weights, and the first pictures."""
    inputs = pictures(batch_size)
    network = ConvNetJS(np.random.default_rng(0))
    weights = in_float64(network)
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in inputs.items()}
    graphs = trace_loss(network, lambda batch, random: cross_entropy(network(batch["images"]), batch["labels"]), specs)
    return Landscape(*graphs, inputs), weights


def pictures(num: int) -> dict[str, Array]:
    if os.environ.get("GLASSNET_DATA"):
        loaded = cifar10.load_test(None).test
        return {"images": loaded.images[:num], "labels": loaded.labels[:num]}
    numbers = np.random.default_rng(1)
    return {"images": numbers.integers(0, 256, (num, 3, 32, 32), np.uint8), "labels": numbers.integers(0, 10, num)}


def nudges(weights: Weights, num: int) -> Sequence[Nudge]:
    """``num`` of all nudges, evenly spread."""
    listed = [(name, place, sign) for name, x in weights.items() for place in range(x.size) for sign in (1.0, -1.0)]
    return [listed[i] for i in np.linspace(0, len(listed) - 1, num).round().astype(int)]


def one_pass(landscape: Landscape, weights: Weights, name: str, place: int, sign: float) -> tuple[float, float]:
    """The loss with one weight nudged, and the seconds that it took."""
    began = time.perf_counter()
    nudged = weights[name].copy()
    nudged.flat[place] += sign * EPSILON
    loss = landscape.loss({**weights, name: nudged})
    return loss, time.perf_counter() - began


def by_one(landscape: Landscape, weights: Weights, listed: Sequence[Nudge], num: int) -> None:
    began = time.perf_counter()
    for name, place, sign in listed:
        one_pass(landscape, weights, name, place, sign)
    plain_s = time.perf_counter() - began
    began = time.perf_counter()
    landscape.nudge(weights, EPSILON)
    sweep_s = time.perf_counter() - began
    print(f"one by one, all: {plain_s:.0f} s; sweep: {sweep_s:.1f} s; ratio {plain_s / sweep_s:.1f}")


def agreement(landscape: Landscape, weights: Weights, epsilon: float) -> str:
    swept = sweep(landscape, weights, epsilon, is_counting=True)
    found = compare(swept, landscape.gradient(weights)[1])
    others = "-" if found.smooth_cosine is None else f"{found.smooth_cosine:.12f}"
    worst = ", ".join(f"{c.weight} {c.by_nudge:.6f} for {c.by_backpropagation:.6f}" for c in found.crossings[:3])
    return (
        f"epsilon {epsilon:g}: cosine {found.cosine:.12f}, {len(found.crossings):,} nudges cross a corner, cosine of "
        f"the others {others}" + (f"; worst: {worst}" if worst else "")
    )


if __name__ == "__main__":
    main()
