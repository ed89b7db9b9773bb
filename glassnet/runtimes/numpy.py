"""The reference runtime: the meaning of a graph, call by call, in any float precision. Not fast."""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.autodiff import Array
from glassnet.graph import Graph, evaluate


class NumpyExecutable:
    """A graph and its carried values, evaluated by `graph.evaluate`."""

    def __init__(self, graph: Graph):
        self._graph = graph
        self._carried: dict[str, Array] = {}
        self._held: dict[str, Array] = {}

    def load(self, carried: Mapping[str, Array]) -> None:
        self._carried = {name: carried[name].copy() for name in self._graph.carried}

    def carried(self) -> dict[str, Array]:
        return {name: array.copy() for name, array in self._carried.items()}

    def hold(self, inputs: Mapping[str, Array]) -> None:
        self._held |= inputs

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = evaluate(self._graph, {**self._held, **inputs, **self._carried})
        # Copied, since what a step returns may be an input of the caller's, or another output.
        self._carried = {name: outputs.pop(name).copy() for name in self._graph.carried}
        return outputs


class NumpyRuntime:
    """Runs graphs on NumPy."""

    name = "numpy"

    def compile(self, graph: Graph) -> NumpyExecutable:
        return NumpyExecutable(graph)
