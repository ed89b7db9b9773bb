"""What onnx models are made of: work that nobody needs, or that is done already, is not in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
import onnx
import pytest

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.graph import Graph, evaluate, trace
from glassnet.nn import BatchNorm2d
from glassnet.ops import conv2d, max_pool2d, mean, square
from glassnet.ops import sum as total
from glassnet.optim import SGD
from glassnet.runtimes import get_runtime
from glassnet.runtimes.onnx_lowering import to_onnx
from tests.networks import images, odd_net, step_graph

Function = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
SHAPES = {"x": (2, 4, 7, 9), "w": (4, 4, 3, 3)}


def graph_of(function: Function) -> Graph:
    specs = {name: ArraySpec(shape, np.dtype(np.float32)) for name, shape in SHAPES.items()}
    return trace(lambda tensors, _: function(tensors), specs)


def convolutions(graph: Graph) -> list[list[int]]:
    """Height and width of what each one makes; of small images the width is that of all together."""
    model = onnx.shape_inference.infer_shapes(to_onnx(graph))
    shapes = {info.name: [d.dim_value for d in info.type.tensor_type.shape.dim] for info in model.graph.value_info}
    return [shapes[node.output[0]][2:] for node in model.graph.node if node.op_type == "Conv"]


def conv(t: Mapping[str, Tensor], padding: int = 1) -> Tensor:
    return conv2d(t["x"], t["w"], padding=padding)


@pytest.mark.parametrize(
    ("function", "made"),
    [
        (lambda t: {"y": max_pool2d(conv(t), 2)}, [[6, 8 * 2]]),
        (lambda t: {"y": max_pool2d(conv(t), (2, 3))}, [[6, 9 * 2]]),
        (lambda t: {"y": max_pool2d(conv(t), 4)}, [[7, 9 * 2]]),  # three rows are more than the padding
        (lambda t: {"y": max_pool2d(conv(t, 0), 2)}, [[5, 7]]),
        (lambda t: {"y": max_pool2d(h := conv(t), 2), "sum": total(h)}, [[7, 9 * 2]]),
        (lambda t: {"y": max_pool2d(conv(t), 3, stride=2)}, [[7, 9 * 2]]),
    ],
)
def test_a_convolution_makes_what_is_pooled(function: Function, made: list[list[int]]) -> None:
    graph = graph_of(function)
    assert convolutions(graph) == made
    generator = np.random.default_rng(0)
    inputs = {name: generator.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    expected, got = evaluate(graph, inputs), get_runtime("onnx").compile(graph)(inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=2e-5, atol=2e-5)


def test_a_weight_gradient_reads_what_was_pooled() -> None:
    graph, _ = step_graph(odd_net(np.random.default_rng(0)), images(8, 11), SGD(0.1))
    operators = Counter(node.op_type for node in to_onnx(graph).graph.node)
    assert operators["Pad"] == 0
    # Two convolutions and their gradients, without that of the images.
    assert operators["Conv"] == 5
    assert [10, 10] in convolutions(graph)


def test_statistics_are_computed_once() -> None:
    norm = BatchNorm2d(4)

    def train(t: Mapping[str, Tensor]) -> dict[str, Tensor]:
        y = norm(t["x"])
        return {"y": y, "mean": norm.running_mean, "variance": norm.running_var}

    operators = Counter(node.op_type for node in to_onnx(graph_of(train)).graph.node)
    # Each is a sum of rows and one over the batch.
    assert operators["ReduceSum"] == operators["ReduceMean"] == 2


def test_squares_that_are_no_variance() -> None:
    """Means of channels taken from columns, of which there are as many."""
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 3), np.float32)
    graph = trace(
        lambda t, _: {"y": total(square(t["x"] - mean(t["x"], (0, 2, 3))), (0, 2, 3))},
        {"x": ArraySpec(x.shape, x.dtype)},
    )
    expected = np.square(x - x.mean((0, 2, 3))).sum((0, 2, 3))
    np.testing.assert_allclose(get_runtime("onnx").compile(graph)({"x": x})["y"], expected, rtol=1e-5)
