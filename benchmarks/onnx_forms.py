"""The forms in which runtimes/onnx_*.py writes convolutions and poolings, beside the obvious ones, alternating in one
process.

    python benchmarks/onnx_forms.py [--rounds 9] [--threads N]

A row is one convolution of the U-Net or the ConvNetJS net, or one gradient of a pooling by 2 in the network `fast`:
milliseconds of each form (median), and in brackets the obvious form's time over that of the form that is used.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import onnxruntime

from glassnet.autodiff import PRIMITIVES, Array, ArraySpec
from glassnet.baselines.machine import describe
from glassnet.graph import Graph, trace
from glassnet.runtimes import onnx_convolution, onnx_pooling
from glassnet.runtimes.onnx import OnnxRuntime
from glassnet.runtimes.onnx_builder import Builder
from glassnet.runtimes.onnx_lowering import RULES

# batch, in and out channels, size of the image, size of the kernel
SHAPES = [(16, 48, 48, 14, 3), (16, 64, 64, 7, 3), (64, 64, 64, 7, 3), (32, 16, 20, 16, 5), (32, 20, 20, 8, 5)]
# images (B, C, H, W)
POOLED_SHAPES = [(128, 64, 31, 31), (128, 256, 15, 15), (32, 16, 32, 32)]


def swapped_weight_gradient(b: Builder, call: object) -> str:
    """The obvious form: images and blame with batch and channels swapped."""
    return onnx_convolution._grouped_weight_gradient(b, call)  # type: ignore[arg-type]


def graph_of(primitive: str, shapes: list[tuple[int, ...]], params: dict[str, object]) -> Graph:
    float32 = np.dtype(np.float32)
    inputs = {f"x{i}": ArraySpec(shape, float32) for i, shape in enumerate(shapes)}
    return trace(lambda tensors, _: {"y": PRIMITIVES[primitive](*tensors.values(), **params)}, inputs)


def runner(graph: Graph, threads: int, arrays: list[Array]) -> Callable[[], object]:
    executable = OnnxRuntime(threads).compile(graph)
    inputs = dict(zip(graph.inputs, arrays, strict=True))
    return lambda: executable(inputs)


def compare(name: str, used: Callable[[], object], obvious: Callable[[], object], rounds: int) -> None:
    times: list[tuple[float, float]] = [(seconds(used), seconds(obvious)) for _ in range(rounds)]
    mine, other = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    ratio = statistics.median(b / a for a, b in times)
    print(f"{name:44} used {mine:7.3f} ms  obvious {other:7.3f} ms  ({ratio:.2f})", flush=True)


def seconds(call: Callable[[], object], repeats: int = 8) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    onnxruntime.set_default_logger_severity(3)
    print(describe(f"{arguments.threads} threads, n {arguments.rounds}"))
    for batch, channels, out, size, k in SHAPES:
        x, w, g = (batch, channels, size, size), (out, channels, k, k), (batch, out, size, size)
        how = {"stride": (1, 1), "padding": (k // 2, k // 2), "groups": 1}
        cases = {
            "forward": ("conv2d_with", [x, w], how),
            "input gradient": ("conv2d_input_gradient", [g, w], {**how, "input_size": (size, size)}),
            "weight gradient": ("conv2d_weight_gradient", [x, g], {**how, "kernel": (k, k)}),
        }
        for name, (primitive, shapes, params) in cases.items():
            arrays = [np.random.default_rng(0).standard_normal(shape, np.float32) for shape in shapes]
            title = f"{batch} x {channels}->{out} at {size}x{size}, {k}x{k}, {name}"
            race(title, graph_of(primitive, shapes, params), arrays, arguments)
    for shape in POOLED_SHAPES:
        size = (shape[2] // 2, shape[3] // 2)
        x = np.random.default_rng(0).standard_normal(shape, np.float32)
        inside = x[:, :, : 2 * size[0], : 2 * size[1]]
        out = inside.reshape(*shape[:2], size[0], 2, size[1], 2).max((3, 5))
        how = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0)}
        graph = graph_of("max_pool2d_gradient", [out.shape, shape, out.shape], how)
        race(
            f"{shape[0]} x {shape[1]} at {shape[2]}x{shape[3]}, 2x2 pooling's gradient", graph, [out, x, out], arguments
        )


def race(title: str, graph: Graph, arrays: list[Array], arguments: argparse.Namespace) -> None:
    used = runner(graph, arguments.threads, arrays)
    with obvious_forms():
        obvious = runner(graph, arguments.threads, arrays)
    np.testing.assert_allclose(used()["y"], obvious()["y"], rtol=1e-3, atol=1e-3)  # type: ignore[index]
    compare(title, used, obvious, arguments.rounds)


@contextmanager
def obvious_forms() -> Iterator[None]:
    """The forms switched off: plain Conv, ConvTranspose, swapped axes, and poolings as if their windows overlapped."""
    limit, rule, test = (
        onnx_convolution._SMALL_IMAGE_PX,
        RULES["conv2d_weight_gradient"],
        onnx_pooling._lie_side_by_side,
    )
    onnx_convolution._SMALL_IMAGE_PX = 0
    onnx_pooling._lie_side_by_side = lambda call: False
    RULES["conv2d_weight_gradient"] = swapped_weight_gradient  # type: ignore[index]
    try:
        yield
    finally:
        onnx_convolution._SMALL_IMAGE_PX, onnx_pooling._lie_side_by_side = limit, test
        RULES["conv2d_weight_gradient"] = rule  # type: ignore[index]


if __name__ == "__main__":
    main()
