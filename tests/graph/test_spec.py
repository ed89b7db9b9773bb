"""Each law of a graph, broken once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from glassnet.autodiff import ArraySpec
from glassnet.errors import GraphError
from glassnet.graph import Graph, GraphCall, check, evaluate
from glassnet.graph.evaluate import checked_inputs

VECTOR, SCALAR = ArraySpec((2,), np.dtype("float64")), ArraySpec((), np.dtype("float64"))

LEGAL = Graph(
    specs=(VECTOR, SCALAR, VECTOR, VECTOR),
    inputs={"x": 0, "random": 3},
    constants={1: np.asarray(2.0)},
    calls=(GraphCall("multiply", (0, 1), {}, 2),),
    outputs={"x": 2},
    carried=("x",),
    random={"random": "normal"},
)

BROKEN: dict[str, Callable[[Graph], Graph]] = {
    "one number for two inputs": lambda g: replace(g, inputs={"x": 0, "random": 0}),
    "one number for input and constant": lambda g: replace(g, constants={0: np.zeros(2)}),
    "a constant of another shape": lambda g: replace(g, constants={1: np.zeros(3)}),
    "a constant of another dtype": lambda g: replace(g, constants={1: np.asarray(2.0, np.float32)}),
    "an unknown primitive": lambda g: replace(g, calls=(GraphCall("magic", (0, 1), {}, 2),)),
    "used before it is defined": lambda g: replace(g, calls=(GraphCall("multiply", (0, 2), {}, 2),)),
    "defined twice": lambda g: replace(g, calls=g.calls * 2),
    "an input that is computed": lambda g: replace(g, calls=(GraphCall("multiply", (0, 1), {}, 0),)),
    "inputs that do not fit": lambda g: replace(g, calls=(GraphCall("matmul", (0, 1), {}, 2),)),
    "another shape than the rule gives": lambda g: replace(g, specs=(VECTOR, SCALAR, SCALAR, VECTOR)),
    "another dtype than the rule gives": lambda g: replace(
        g, specs=(VECTOR, SCALAR, ArraySpec((2,), np.dtype("float32")), VECTOR)
    ),
    "an output that nobody computes": lambda g: replace(g, calls=()),
    "carried but not an input": lambda g: replace(g, inputs={"y": 0, "random": 3}),
    "carried but not an output": lambda g: replace(g, outputs={"y": 2}),
    "carried but of another spec": lambda g: replace(g, outputs={"x": 1}),
    "random but not an input": lambda g: replace(g, random={"noise": "normal"}),
}


def test_the_legal_graph_is_legal() -> None:
    check(LEGAL)
    x = np.array([1.0, 3.0])
    np.testing.assert_array_equal(evaluate(LEGAL, {"x": x, "random": x})["x"], [2.0, 6.0])


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law(law: str) -> None:
    with pytest.raises(GraphError, match=r"^expected .*; got .* To fix: "):
        check(BROKEN[law](LEGAL))


X = np.ones(2)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": X}, r"missing \['random'\], unknown \[\]"),
        ({"x": X, "random": X, "z": X}, r"missing \[\], unknown \['z'\]"),
        ({"x": X, "random": np.ones(3)}, r"input 'random' as float64\[2\]; got float64\[3\]"),
        ({"x": np.ones(2, np.float32), "random": X}, r"input 'x' as float64\[2\]; got float32\[2\]"),
    ],
)
def test_wrong_inputs(inputs: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(GraphError, match=rf"^expected .*{message}.* To fix: "):
        checked_inputs(LEGAL, inputs)
