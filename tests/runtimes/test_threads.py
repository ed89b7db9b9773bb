"""The number of threads changes no bit of a gradient that onnxruntime computes: a run may go on on another machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from glassnet.autodiff import PRIMITIVES, Array, ArraySpec, Tensor
from glassnet.graph import Graph, trace
from glassnet.ops import Random
from glassnet.runtimes.onnx import OnnxRuntime


def weight_gradient(image: tuple[int, ...], out_channels: int, size: int) -> Graph:
    pair = (size // 2, size // 2)

    def gradient(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        how = {"kernel": (size, size), "stride": (1, 1), "padding": pair, "groups": 1}
        return {"dw": PRIMITIVES["conv2d_weight_gradient"](inputs["x"], inputs["g"], **how)}

    float32 = np.dtype(np.float32)
    blame = (image[0], out_channels, *image[2:])
    return trace(gradient, {"x": ArraySpec(image, float32), "g": ArraySpec(blame, float32)})


@pytest.mark.parametrize(
    ("image", "out_channels", "size"),
    [((32, 3, 32, 32), 16, 5), ((32, 16, 16, 16), 20, 5), ((16, 96, 14, 14), 48, 1), ((16, 64, 7, 7), 64, 3)],
)
def test_threads_change_no_bit(image: tuple[int, ...], out_channels: int, size: int) -> None:
    graph = weight_gradient(image, out_channels, size)
    rng = np.random.default_rng(0)
    inputs: dict[str, Array] = {
        name: rng.standard_normal(spec.shape, np.float32) for name, spec in graph.input_specs().items()
    }
    results = [OnnxRuntime(num_threads=n).compile(graph)(inputs)["dw"] for n in (1, 2, 3, 4)]
    for result in results[1:]:
        assert np.array_equal(result, results[0])
