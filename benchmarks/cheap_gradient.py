"""What the gradient costs as networks grow: forward and backward together, in forward passes, beside nudging.

python benchmarks/cheap_gradient.py [--rounds 9] [--runtimes numpy onnx] [--largest 1e7] [-o cheap_gradient.png]

Baur and Strassen 1983 (https://doi.org/10.1016/0304-3975(83)90110-X): the gradient of any function takes at most a
small constant times the arithmetic of the function itself, however many variables it has. Nudging takes two forward
passes for each weight, or what the last column says (in forward passes, estimated from some of the weights) if nudged
copies share their work. Forward alone and forward with backward take turns; medians are reported. The arithmetic is
that of convolutions and matrix products, with backward over without.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.baselines.flops import count_flops
from glassnet.baselines.machine import describe
from glassnet.insight.charts import Line, line_chart
from glassnet.insight.landscape import Landscape, in_float64, trace_loss
from glassnet.nn import Conv2d, Linear, Module, Sequential, Tanh
from glassnet.ops import mean, square
from glassnet.runtimes import get_runtime

SIZES = (1e3, 1e4, 1e5, 1e6, 1e7)
_MLP_BATCH, _CONV_BATCH, _SIDE_PX = 64, 4, 16
_NUM_LAYERS = 3


@dataclass(frozen=True)
class Case:
    """A network, and what it sees."""

    family: str
    network: Module
    x: Array


@dataclass(frozen=True)
class Point:
    """Medians in seconds."""

    family: str
    runtime: str
    weights: int
    arithmetic: float
    forward_s: float
    gradient_s: float
    sweep_s: float | None

    @property
    def ratio(self) -> float:
        return self.gradient_s / self.forward_s


def fully_connected(num_weights: float) -> Case:
    """Three layers of one width, with tanh."""
    width = round((num_weights / _NUM_LAYERS) ** 0.5)
    generator = np.random.default_rng(0)
    layers = [Linear(width, width, generator=generator) for _ in range(_NUM_LAYERS)]
    x = generator.standard_normal((_MLP_BATCH, width))
    return Case("fully connected", Sequential(layers[0], Tanh(), layers[1], Tanh(), layers[2]), x)


def convolutional(num_weights: float) -> Case:
    """Three 3x3 convolutions with as many channels each, on 16x16 pixels, with tanh."""
    channels = round((num_weights / _NUM_LAYERS / 9) ** 0.5)
    generator = np.random.default_rng(0)
    layers = [Conv2d(channels, channels, 3, padding=1, generator=generator) for _ in range(_NUM_LAYERS)]
    x = generator.standard_normal((_CONV_BATCH, channels, _SIDE_PX, _SIDE_PX))
    return Case("convolutional", Sequential(layers[0], Tanh(), layers[1], Tanh(), layers[2]), x)


def measure(case: Case, runtime: str, rounds: int) -> Point:
    """One network on one runtime: NumPy in float64, others in float32."""
    weights = in_float64(case.network)
    dtype = np.float64 if runtime == "numpy" else np.float32
    case.network.load({name: Tensor(array.astype(dtype)) for name, array in weights.items()})
    inputs = {"x": case.x.astype(dtype)}

    def loss_of(batch: Mapping[str, Tensor], random: object) -> Tensor:
        return mean(square(case.network(batch["x"])))

    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in inputs.items()}
    graph, gradient_graph = trace_loss(case.network, loss_of, specs)
    given = {**inputs, **{f"weights/{name}": array.astype(dtype) for name, array in weights.items()}}
    executables = [get_runtime(runtime).compile(each) for each in (graph, gradient_graph)]
    forward_s, gradient_s = alternate([lambda e=e: e(given) for e in executables], rounds)
    sweep_s = Landscape(graph, gradient_graph, inputs).estimate_nudge_s(weights) if runtime == "numpy" else None
    num = sum(array.size for array in weights.values())
    arithmetic = count_flops(gradient_graph) / count_flops(graph)
    return Point(case.family, runtime, num, arithmetic, forward_s, gradient_s, sweep_s)


def alternate(functions: list[Callable[[], object]], rounds: int) -> list[float]:
    """The median seconds of each; what is quick is repeated in a round."""
    repeats = []
    for function in functions:
        function()
        repeats.append(max(1, int(0.02 / seconds(function, 1))))
    measured: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, num, times in zip(functions, repeats, measured, strict=True):
            times.append(seconds(function, num))
    return [statistics.median(times) for times in measured]


def seconds(function: Callable[[], object], num: int) -> float:
    began = time.perf_counter()
    for _ in range(num):
        function()
    return (time.perf_counter() - began) / num


def draw(points: list[Point], output: Path) -> None:
    """Cost in forward passes over weights, both logarithmic."""
    lines = []
    for family, runtime in dict.fromkeys((point.family, point.runtime) for point in points):
        of = [point for point in points if (point.family, point.runtime) == (family, runtime)]
        name = f"backpropagation, {family}, {runtime}"
        lines.append(Line(name, [point.weights for point in of], [point.ratio for point in of], True))
    for family in dict.fromkeys(point.family for point in points):
        of = [point for point in points if point.family == family and point.sweep_s is not None]
        shared = [point.sweep_s / point.forward_s for point in of if point.sweep_s is not None]
        lines.append(Line(f"nudging, work shared, {family}", [point.weights for point in of], shared, True))
    sizes = sorted({point.weights for point in points})
    lines.append(Line("nudging, one by one", sizes, [2.0 * size for size in sizes]))
    line_chart(
        lines, title="The price of the slopes of all weights", x_label="weights", y_label="forward passes",
        x_scale="log", y_scale="log",
    ).save(output)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runtimes", nargs="+", default=["numpy", "onnx"])
    parser.add_argument("--largest", type=float, default=1e7)
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    print(describe(f"n {chosen.rounds}"))
    print(
        "| network | runtime | weights | arithmetic | forward, ms | with backward, ms | ratio | nudging, work shared |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    points = []
    for family in (fully_connected, convolutional):
        for runtime in chosen.runtimes:
            for size in (size for size in SIZES if size <= chosen.largest):
                point = measure(family(size), runtime, chosen.rounds)
                points.append(point)
                shared = "" if point.sweep_s is None else f"{point.sweep_s / point.forward_s:,.0f}"
                print(
                    f"| {point.family} | {runtime} | {point.weights:,} | {point.arithmetic:.2f} | "
                    f"{1000 * point.forward_s:.3g} | {1000 * point.gradient_s:.3g} | {point.ratio:.2f} | {shared} |",
                    flush=True,
                )
    if chosen.output is not None:
        draw(points, chosen.output)


if __name__ == "__main__":
    main()
