"""Passes: a graph in, a graph out that means the same and does less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.autodiff import Array
from glassnet.graph.graph import Graph, GraphCall
from glassnet.graph.spec import check

# A folded constant travels with the graph, so only what is small is worth folding.
_MAX_FOLDED_SIZE = 65_536
# What broadcasts its inputs by itself.
_ELEMENTWISE = {
    "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "where", "equal", "greater",
    "greater_equal",
}  # fmt: skip


def optimize(graph: Graph) -> Graph:
    """All passes, in an order in which each helps the next."""
    for one_pass in (fold_constants, absorb_broadcasts, merge_common_subexpressions, remove_dead_code):
        graph = one_pass(graph)
    check(graph)
    return graph


def remove_dead_code(graph: Graph) -> Graph:
    """Without the calls and constants that no output needs. Inputs stay: they are the graph's signature."""
    needed = set(graph.outputs.values())
    kept: list[GraphCall] = []
    for call in reversed(graph.calls):
        if call.output in needed:
            needed.update(call.inputs)
            kept.append(call)
    constants = {value: array for value, array in graph.constants.items() if value in needed}
    return replace(graph, calls=tuple(reversed(kept)), constants=constants)


def merge_common_subexpressions(graph: Graph) -> Graph:
    """Calls of the same primitive on the same values, and equal constants, done once."""
    first_of: dict[Any, int] = {}
    stand_in: dict[int, int] = {}
    constants: dict[int, Array] = {}
    for value, array in graph.constants.items():
        same = ("constant", array.dtype.str, array.shape, array.tobytes())
        stand_in[value] = first_of.setdefault(same, value)
        constants[stand_in[value]] = array
    calls = []
    for call in graph.calls:
        inputs = tuple(stand_in.get(value, value) for value in call.inputs)
        key = (call.primitive, inputs, tuple(sorted(call.params.items())))
        stand_in[call.output] = first_of.setdefault(key, call.output)
        if stand_in[call.output] == call.output:
            calls.append(replace(call, inputs=inputs))
    outputs = {name: stand_in.get(value, value) for name, value in graph.outputs.items()}
    return replace(graph, constants=constants, calls=tuple(calls), outputs=outputs)


def fold_constants(graph: Graph) -> Graph:
    """Calls whose inputs are all constants become constants."""
    constants = dict(graph.constants)
    calls = []
    for call in graph.calls:
        small = graph.specs[call.output].size <= _MAX_FOLDED_SIZE
        if small and all(value in constants for value in call.inputs):
            arrays = (constants[value] for value in call.inputs)
            constants[call.output] = np.asarray(call.rules.evaluate(*arrays, **call.params))
        else:
            calls.append(call)
    return replace(graph, constants=constants, calls=tuple(calls))


def absorb_broadcasts(graph: Graph) -> Graph:
    """An elementwise call broadcasts by itself: it can take the small array instead of its spread-out copy."""
    source: dict[int, int] = {}
    calls = []
    for call in graph.calls:
        if call.primitive == "broadcast_to":
            source[call.output] = source.get(call.inputs[0], call.inputs[0])
        elif call.primitive in _ELEMENTWISE:
            call = replace(call, inputs=_with_small_inputs(graph, call, source))
        calls.append(call)
    return replace(graph, calls=tuple(calls))


def _with_small_inputs(graph: Graph, call: GraphCall, source: dict[int, int]) -> tuple[int, ...]:
    """The inputs with broadcasts undone, one by one, as long as the output keeps its shape."""
    inputs = list(call.inputs)
    for index, value in enumerate(call.inputs):
        candidate = [*inputs[:index], source.get(value, value), *inputs[index + 1 :]]
        if call.rules.shape(*(graph.specs[v] for v in candidate)) == graph.specs[call.output]:
            inputs = candidate
    return tuple(inputs)
