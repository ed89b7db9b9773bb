"""The arithmetic of a graph, against counts made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from glassnet.autodiff import ArraySpec, Tensor, value_and_grad
from glassnet.baselines.flops import count_flops
from glassnet.graph import trace
from glassnet.ops import Random, conv2d, square
from glassnet.ops import sum as total
from glassnet.runtimes import get_runtime
from glassnet.tasks.bench import open_case

FLOAT32 = np.dtype(np.float32)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_convnetjs(batch_size: int) -> None:
    """Three convolutions and a linear layer; the pictures themselves need no gradient."""
    case = open_case("cifar10", {"model": "convnetjs", "batch_size": batch_size}, get_runtime("numpy"))
    first, second, third = 32 * 32 * 16 * 3 * 25, 16 * 16 * 20 * 16 * 25, 8 * 8 * 20 * 20 * 25
    products = 2 * first + 3 * (second + third + 320 * 10)
    assert count_flops(case.step().graph) == 2 * batch_size * products == batch_size * 21_062_400


def test_the_gradients_of_a_convolution_cost_what_it_costs() -> None:
    """Strides and groups: (2, 4, 9, 9) and (6, 2, 3, 3) to (2, 6, 4, 4), each of them 18 products."""

    def loss(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
        function = value_and_grad(lambda named: total(square(conv2d(named["x"], named["w"], stride=2, groups=2))))
        value, gradients = function(inputs)
        return {"loss": value, **gradients}

    graph = trace(loss, {"x": ArraySpec((2, 4, 9, 9), FLOAT32), "w": ArraySpec((6, 2, 3, 3), FLOAT32)})
    assert {"conv2d_with", "conv2d_input_gradient", "conv2d_weight_gradient"} <= {c.primitive for c in graph.calls}
    assert count_flops(graph) == 3 * 2 * (2 * 6 * 4 * 4) * 18


def test_matrix_products() -> None:
    """Seven products of (3, 4) and (4, 5)."""
    specs = {"x": ArraySpec((7, 3, 4), FLOAT32), "y": ArraySpec((4, 5), FLOAT32)}
    graph = trace(lambda inputs, random: {"z": inputs["x"] @ inputs["y"] + 1.0}, specs)
    assert count_flops(graph) == 7 * 2 * 3 * 4 * 5
