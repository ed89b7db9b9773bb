"""What a graph means: its calls, one after another, on NumPy. Every runtime agrees with this."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import GraphError
from glassnet.graph.graph import Graph


def evaluate(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Outputs by name for inputs by name; each input must have the shape and dtype that the graph says."""
    values = dict(graph.constants)
    for name, array in checked_inputs(graph, inputs).items():
        values[graph.inputs[name]] = array
    last = last_uses(graph)
    with np.errstate(all="ignore"):  # infinities are values too; whoever minds looks at the outputs
        for position, call in enumerate(graph.calls):
            values[call.output] = np.asarray(call.rules.evaluate(*(values[v] for v in call.inputs), **call.params))
            for value in last.get(position, ()):
                del values[value]
    return {name: values[value] for name, value in graph.outputs.items()}


def checked_inputs(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The inputs of the graph in its order; raises GraphError if one is missing, unknown or of another spec."""
    specs = graph.input_specs()
    if inputs.keys() != specs.keys():
        missing, unknown = sorted(specs.keys() - inputs.keys()), sorted(inputs.keys() - specs.keys())
        raise GraphError(
            f"expected all inputs of the graph and no others; got missing {missing}, unknown {unknown}. "
            "To fix: name them."
        )
    for name, spec in specs.items():
        array = inputs[name]
        if array.shape != spec.shape or array.dtype != spec.dtype:
            raise GraphError(f"expected input '{name}' as {spec}; got {array.dtype}{list(array.shape)}. To fix: cast.")
    return {name: inputs[name] for name in specs}


def last_uses(graph: Graph) -> dict[int, list[int]]:
    """Position of a call -> the values that nobody needs after it."""
    last: dict[int, int] = {}
    for position, call in enumerate(graph.calls):
        last.update(dict.fromkeys((*call.inputs, call.output), position))
    kept = set(graph.outputs.values())
    released: dict[int, list[int]] = {}
    for value, position in last.items():
        if value not in kept:
            released.setdefault(position, []).append(value)
    return released
