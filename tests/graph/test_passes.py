"""Passes: the same meaning, and less to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.autodiff import ArraySpec, Tensor, tensor
from glassnet.graph import Graph, check, evaluate, optimize, passes, trace
from glassnet.ops import (
    absolute,
    broadcast_to,
    cast,
    concatenate,
    exp,
    flip,
    greater,
    matmul,
    maximum,
    minimum,
    normalize,
    pad,
    relu,
    reshape,
    sigmoid,
    slice_axis,
    tanh,
    transpose,
    where,
)
from glassnet.ops import max as largest
from glassnet.ops import sum as total

PASSES = [
    passes.fold_constants,
    passes.absorb_broadcasts,
    passes.merge_common_subexpressions,
    passes.remove_dead_code,
    optimize,
]

# Each takes two matrices (3, 3) to one, by way of other shapes and dtypes.
MOVES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: tanh(x) * y,
    "divide": lambda x, y: x / (absolute(y) + 1.0),
    "maximum": lambda x, y: maximum(x, y),
    "minimum": lambda x, y: minimum(x, y),
    "where": lambda x, y: where(greater(x, y), x, -y),
    "mask": lambda x, y: x * cast(greater(y, 0.0), "float64"),
    "exp": lambda x, y: exp(-absolute(x)) + y,
    "sigmoid": lambda x, y: sigmoid(x) * relu(y),
    "matmul": lambda x, y: tanh(matmul(x, y)),
    "transpose": lambda x, y: transpose(x, axes=(1, 0)) + y,
    "flip": lambda x, y: flip(x, axes=(0,)) - y,
    "cut and pad": lambda x, y: pad(slice_axis(x, 1, 0, 2), before=(0, 0), after=(0, 1), value=1.0) * tanh(y),
    "concatenate": lambda x, y: slice_axis(concatenate([x, y], axis=0), 0, 1, 4),
    "reshape": lambda x, y: reshape(reshape(x, (9,)), (3, 3)) - y,
    "row sums": lambda x, y: total(x, 1, keepdims=True) + y,
    "broadcast": lambda x, y: broadcast_to(largest(x, 0), shape=(3, 3)) - y,
    "broadcast twice": lambda x, y: broadcast_to(broadcast_to(total(x), shape=(1, 3)), shape=(3, 3)) * tanh(y),
    "normalize": lambda x, y: normalize(x, axes=(1,), eps=0.1) + y,
    "constant": lambda x, y: x * (tensor(np.eye(3)) + tensor(np.eye(3))) + y,
    "constant broadcast": lambda x, y: x + broadcast_to(tensor(np.asarray(2.0)), shape=(3, 3)) * tanh(y),
    "forget": lambda x, y: y,
}
MATRIX = ArraySpec((3, 3), np.dtype("float64"))

programs = st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 99), st.integers(0, 99)), max_size=12)


def graph_of(program: list[tuple[str, int, int]]) -> Graph:
    """Each move takes two of the values that there are; the last value and the one before come out."""

    def function(t, random):
        values = [t["a"], t["b"], random.normal((3, 3))]
        for name, i, j in program:
            values.append(MOVES[name](values[i % len(values)], values[j % len(values)]))
        return {"a": values[-1], "y": values[-2], "z": total(values[-1] * values[-2])}

    return trace(function, {"a": MATRIX, "b": MATRIX}, carried=["a"], random_dtype="float64")


@settings(max_examples=150, deadline=None)
@given(programs, st.integers(0, 2**32))
def test_every_pass_keeps_the_meaning(program: list[tuple[str, int, int]], seed: int) -> None:
    graph = graph_of(program)
    generator = np.random.default_rng(seed)
    inputs = {name: generator.standard_normal(spec.shape) for name, spec in graph.input_specs().items()}
    expected = evaluate(graph, inputs)
    for one_pass in PASSES:
        changed = one_pass(graph)
        check(changed)
        assert changed.input_specs() == graph.input_specs()
        assert changed.output_specs() == graph.output_specs()
        assert (changed.carried, changed.random) == (graph.carried, graph.random)
        assert len(changed.calls) <= len(graph.calls)
        got = evaluate(changed, inputs)
        for name, array in expected.items():
            np.testing.assert_allclose(got[name], array, rtol=1e-12, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(programs)
def test_optimizing_twice_is_optimizing_once(program: list[tuple[str, int, int]]) -> None:
    once = optimize(graph_of(program))
    assert str(optimize(once)) == str(once)


def names(graph: Graph) -> list[str]:
    return [call.primitive for call in graph.calls]


def test_dead_code_is_gone() -> None:
    def function(t, _):
        exp(t["x"] * tensor(np.ones(3)))
        return {"y": tanh(t["x"])}

    graph = trace(function, {"x": ArraySpec((3,), np.dtype("float64")), "unused": MATRIX})
    assert names(graph) == ["multiply", "exp", "tanh"]
    left = passes.remove_dead_code(graph)
    assert names(left) == ["tanh"]
    assert left.constants == {}
    assert left.inputs.keys() == {"x", "unused"}


def test_common_subexpressions_are_computed_once() -> None:
    def function(t, _):
        left, right = t["x"] * 2.0, t["x"] * 2.0
        return {"y": tanh(left) + tanh(right), "left": left, "right": right, "other": flip(left, axes=(0,))}

    merged = optimize(trace(function, {"x": MATRIX}))
    assert sorted(names(merged)) == ["add", "flip", "multiply", "tanh"]
    assert len(merged.constants) == 1
    assert merged.outputs["left"] == merged.outputs["right"]


def test_the_same_call_with_other_params_is_another_call() -> None:
    graph = trace(lambda t, _: {"y": flip(t["x"], axes=(0,)) + flip(t["x"], axes=(1,))}, {"x": MATRIX})
    assert names(optimize(graph)) == ["flip", "flip", "add"]


def test_equal_bytes_of_another_dtype_or_shape_stay_apart() -> None:
    def function(t, _):
        return {"y": t["x"] + np.zeros(3), "z": t["x"] + np.zeros((1, 3)), "i": t["i"] + np.zeros(3, np.int64)}

    graph = trace(function, {"x": MATRIX, "i": ArraySpec((3,), np.dtype("int64"))})
    assert len(optimize(graph).constants) == 3


def test_constants_are_folded() -> None:
    spec = ArraySpec((3,), np.dtype("float64"))
    placed = trace(lambda t, _: {"y": t["x"] + exp(t["c"]) * 2.0}, {"x": spec, "c": spec})
    graph = replace(placed, inputs={"x": placed.inputs["x"]}, constants={**placed.constants, placed.inputs["c"]: X})
    folded = optimize(graph)
    assert names(folded) == ["add"]
    np.testing.assert_allclose(evaluate(folded, {"x": X})["y"], X + np.exp(X) * 2.0)


X = np.array([0.0, 1.0, 2.0])


def test_what_is_large_is_not_folded() -> None:
    """It would travel with the graph."""
    spec, big = ArraySpec((), np.dtype("float64")), (300, 300)
    placed = trace(
        lambda t, _: {"y": flip(broadcast_to(t["c"], shape=big), axes=(0,)) * t["x"]}, {"x": spec, "c": spec}
    )
    constants = {**placed.constants, placed.inputs["c"]: np.asarray(1.0)}
    graph = replace(placed, inputs={"x": placed.inputs["x"]}, constants=constants)
    assert max(array.size for array in optimize(graph).constants.values()) == 1


@pytest.mark.parametrize(
    "operation",
    [
        lambda x, y: x + y,
        lambda x, y: y * x,
        lambda x, y: x / y,
        lambda x, y: maximum(x, y),
        lambda x, y: x > y,
        lambda x, y: where(x > 0.0, y, x),
    ],
)
def test_broadcasts_are_absorbed(operation) -> None:
    spec = ArraySpec((3,), np.dtype("float64"))
    graph = trace(lambda t, _: {"y": operation(t["x"], broadcast_to(t["s"], shape=(3, 3)))}, {"x": MATRIX, "s": spec})
    assert "broadcast_to" not in names(optimize(graph))


def test_a_broadcast_that_makes_the_shape_stays() -> None:
    spec = ArraySpec((3,), np.dtype("float64"))
    graph = trace(lambda t, _: {"y": broadcast_to(t["s"], shape=(3, 3)) + t["s"]}, {"s": spec})
    assert names(optimize(graph)) == ["broadcast_to", "add"]
    graph = trace(lambda t, _: {"y": exp(broadcast_to(t["s"], shape=(3, 3)))}, {"s": spec})
    assert names(optimize(graph)) == ["broadcast_to", "exp"]
