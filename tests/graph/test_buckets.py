"""Gradients as messages: what they come to, and when they leave."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from glassnet.autodiff import ArraySpec, Tensor, value_and_grad
from glassnet.graph import Graph, bucket_gradients, evaluate, trace
from glassnet.ops import cast, mean_gradient, sum, tanh

NUMBERS = np.random.default_rng(0)
SIZES = (5, 4, 3, 2)


def step() -> Graph:
    """A network of three layers; its gradients are widened when all of them are there, and then meant."""
    specs = {f"w{i}": ArraySpec(shape, np.dtype(np.float32)) for i, shape in enumerate(pairwise(SIZES))}
    specs["x"] = ArraySpec((6, SIZES[0]), np.dtype(np.float32))

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        for weight in weights.values():
            x = tanh(x @ weight)
        return sum(x)

    def traced(inputs: dict[str, Tensor], random: object) -> dict[str, Tensor]:
        weights = {name: inputs[name] for name in specs if name != "x"}
        _, gradients = value_and_grad(loss)(weights, inputs["x"])
        wide = {name: cast(gradient, "float64") for name, gradient in gradients.items()}
        means = {name: mean_gradient(gradient) for name, gradient in wide.items()}
        return {name: weights[name] - 0.1 * cast(mean, "float32") for name, mean in means.items()}

    return trace(traced, specs)  # type: ignore[arg-type]


def test_messages_change_nothing() -> None:
    graph = step()
    given = {n: NUMBERS.standard_normal(spec.shape).astype(np.float32) for n, spec in graph.input_specs().items()}
    expected = evaluate(graph, given)
    for most_bytes in (1, 200, 10**6):
        found = evaluate(bucket_gradients(graph, most_bytes), given)
        assert found.keys() == expected.keys()
        for name, array in expected.items():
            assert np.array_equal(found[name], array), (name, most_bytes)


def test_a_message_leaves_while_the_rest_is_computed() -> None:
    names = [call.primitive for call in bucket_gradients(step(), most_bytes=1).calls]
    assert names.count("begin_mean") == names.count("end_mean") == len(SIZES) - 1
    first, last = names.index("begin_mean"), len(names) - 1 - names[::-1].index("begin_mean")
    # Though each was widened only behind the last layer's gradient.
    assert names[first:last].count("matmul") >= 2 * (len(SIZES) - 2) - 1
    assert names[first - 2 : first] == ["cast_to", "reshape_to"]
    assert last < names.index("end_mean")


def test_few_bytes_go_together() -> None:
    names = [call.primitive for call in bucket_gradients(step(), most_bytes=10**6).calls]
    assert names.count("begin_mean") == 1
