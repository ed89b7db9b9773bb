"""Tracing: what a function becomes, and what it may not do."""

import numpy as np
import pytest

from glassnet.autodiff import ArraySpec, Tensor, placeholder, tensor
from glassnet.errors import GraphError
from glassnet.graph import evaluate, trace
from glassnet.ops import concatenate, reshape, where
from glassnet.ops import sum as total

VECTOR = ArraySpec((3,), np.dtype("float32"))
SCALAR = ArraySpec((), np.dtype("float32"))


def test_a_function_becomes_its_calls() -> None:
    graph = trace(lambda t, _: {"y": t["x"] * 2.0 + t["b"]}, {"x": VECTOR, "b": SCALAR})
    assert [call.primitive for call in graph.calls] == ["multiply", "add"]
    assert graph.input_specs() == {"x": VECTOR, "b": SCALAR}
    assert graph.output_specs() == {"y": VECTOR}
    x, b = np.float32([1, 2, 3]), np.asarray(0.5, np.float32)
    np.testing.assert_array_equal(evaluate(graph, {"x": x, "b": b})["y"], x * 2 + b)


def test_what_is_not_computed_from_an_input_is_a_constant() -> None:
    table = tensor([1.0, 2.0, 3.0])
    graph = trace(lambda t, _: {"y": t["x"] + (table + table), "table": table}, {"x": VECTOR})
    assert [call.primitive for call in graph.calls] == ["add"]
    held = sorted(array.tolist() for array in graph.constants.values())
    assert held == [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]


def test_an_input_may_be_an_output() -> None:
    graph = trace(lambda t, _: {"y": t["x"], "z": t["x"]}, {"x": VECTOR})
    x = np.ones(3, np.float32)
    assert evaluate(graph, {"x": x}).keys() == {"y", "z"}


def test_an_unused_input_stays() -> None:
    assert trace(lambda t, _: {"y": t["x"]}, {"x": VECTOR, "unused": SCALAR}).inputs.keys() == {"x", "unused"}


@pytest.mark.parametrize(
    "read",
    [
        lambda x: float(total(x)),
        lambda x: x.numpy(),
        lambda x: total(x).item(),
        lambda x: 1.0 if total(x) > 0.0 else 2.0,
    ],
    ids=["float", "numpy", "item", "if"],
)
def test_reading_a_value(read) -> None:
    with pytest.raises(GraphError, match=r"expected a tensor with values; got the placeholder .* To fix: .*`where`"):
        trace(lambda t, _: {"y": t["x"] * read(t["x"])}, {"x": VECTOR})


def test_where_is_the_way_to_choose() -> None:
    graph = trace(lambda t, _: {"y": where(t["x"] > 0.0, t["x"], 0.0)}, {"x": VECTOR})
    np.testing.assert_array_equal(evaluate(graph, {"x": np.float32([-1, 0, 2])})["y"], [0, 0, 2])


@pytest.mark.parametrize("use", [lambda x, y: {"y": x + y}, lambda x, y: {"y": y}], ids=["computed with", "returned"])
def test_a_foreign_placeholder(use) -> None:
    foreign = placeholder(VECTOR)
    with pytest.raises(GraphError, match=r"expected a value computed inside .* got the foreign placeholder .* To fix"):
        trace(lambda t, _: use(t["x"], foreign), {"x": VECTOR})


def test_a_carried_name_must_come_back() -> None:
    with pytest.raises(GraphError, match=r"expected carried 'w' as input and output; got one of them\. To fix"):
        trace(lambda t, _: {"y": t["w"]}, {"w": VECTOR}, carried=["w"])
    with pytest.raises(GraphError, match=r"expected carried 'w' as input and output; got one of them\. To fix"):
        trace(lambda t, _: {"w": t["x"]}, {"x": VECTOR}, carried=["w"])


@pytest.mark.parametrize("change", [total, lambda w: concatenate([w, w]), lambda w: reshape(w, (3, 1))])
def test_a_carried_name_must_come_back_as_it_was(change) -> None:
    with pytest.raises(GraphError, match=r"expected carried 'w' to stay float32\[3\]; got .* To fix"):
        trace(lambda t, _: {"w": change(t["w"])}, {"w": VECTOR}, carried=["w"])


def test_requests_for_random_numbers_become_inputs() -> None:
    def function(t, random):
        noise: Tensor = random.normal((3,)) + random.uniform((3,)) * random.uniform(())
        return {"y": t["x"] + noise}

    graph = trace(function, {"x": VECTOR})
    assert sorted(graph.random.values()) == ["normal", "uniform", "uniform"]
    assert graph.inputs.keys() == {"x", *graph.random}
    assert {graph.input_specs()[name].dtype for name in graph.random} == {np.dtype("float32")}
    double = trace(function, {"x": ArraySpec((3,), np.dtype("float64"))}, random_dtype="float64")
    assert {double.input_specs()[name].dtype for name in double.random} == {np.dtype("float64")}


def test_what_is_drawn_and_thrown_away_is_still_an_input() -> None:
    """So that the random numbers of a step do not depend on what the passes can simplify."""

    def function(t, random):
        random.normal((2,))
        return {"y": t["x"]}

    assert len(trace(function, {"x": VECTOR}).random) == 1


def test_a_graph_reads_line_by_line() -> None:
    graph = trace(lambda t, _: {"w": t["w"] - total(t["w"]) * 0.1}, {"w": VECTOR}, carried=["w"])
    assert str(graph).splitlines() == [
        "input   %0 w: float32[3]",
        "%1 = reduce_sum(%0, axes=(0,), keepdims=False): float32[]",
        "%3 = multiply(%1, %2): float32[]",
        "%4 = subtract(%0, %3): float32[3]",
        "output  %4 w",
    ]
