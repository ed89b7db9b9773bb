"""What a legal graph is; every pass leaves one behind."""

from __future__ import annotations

from collections.abc import Collection

from glassnet.autodiff import PRIMITIVES, ArraySpec
from glassnet.errors import GraphError, ShapeError
from glassnet.graph.graph import Graph, GraphCall


def check(graph: Graph) -> None:
    """Raise GraphError unless the graph is legal.

    Legal: each value is defined once and before its use; each constant has its spec; each call is of a known
    primitive and its output has the shape and dtype that the primitive's rule gives; each carried name is input and
    output with one spec; each random input is an input.
    """
    defined = set(graph.inputs.values()) | set(graph.constants)
    if len(defined) != len(graph.inputs) + len(graph.constants):
        raise GraphError("expected one value for each input and constant; got two of one number. To fix: renumber.")
    for value, array in graph.constants.items():
        if ArraySpec(array.shape, array.dtype) != graph.specs[value]:
            got = f"{array.dtype}{list(array.shape)}"
            raise GraphError(f"expected constant %{value} as {graph.specs[value]}; got {got}. To fix: cast or reshape.")
    for call in graph.calls:
        _check_call(graph, call, defined)
        defined.add(call.output)
    for name, value in graph.outputs.items():
        if value not in defined:
            raise GraphError(f"expected output '{name}' to be computed; got undefined %{value}. To fix: return it.")
    _check_names(graph)


def _check_call(graph: Graph, call: GraphCall, defined: Collection[int]) -> None:
    where = f"%{call.output} = {call.primitive}{call.inputs}"
    if call.primitive not in PRIMITIVES:
        raise GraphError(f"expected a known primitive; got '{call.primitive}' in {where}. To fix: define it.")
    if call.output in defined or not all(value in defined for value in call.inputs):
        raise GraphError(f"expected values defined once and before use; got {where}. To fix: reorder the calls.")
    try:
        spec = call.rules.shape(*(graph.specs[value] for value in call.inputs), **call.params)
    except ShapeError as error:
        raise GraphError(f"expected inputs that fit; got {where}: {error}") from error
    if spec != graph.specs[call.output]:
        raise GraphError(f"expected {spec} out of {where}; got {graph.specs[call.output]}. To fix: trace again.")


def _check_names(graph: Graph) -> None:
    for name in graph.carried:
        if name not in graph.inputs or name not in graph.outputs:
            raise GraphError(f"expected carried '{name}' as input and output; got one of them. To fix: return it.")
        before, after = graph.specs[graph.inputs[name]], graph.specs[graph.outputs[name]]
        if before != after:
            raise GraphError(f"expected carried '{name}' to stay {before}; got {after}. To fix: keep its shape.")
    for name in graph.random:
        if name not in graph.inputs:
            raise GraphError(f"expected random '{name}' among the inputs; got none. To fix: add it.")
