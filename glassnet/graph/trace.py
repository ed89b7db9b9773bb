"""Tracing: a Python function, run once on placeholders, becomes a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Shape, Tape, Tensor, placeholder
from glassnet.errors import GraphError
from glassnet.graph.graph import Graph, GraphCall
from glassnet.graph.spec import check
from glassnet.ops import Random


class TracedRandom:
    """Random numbers of a traced function: each request becomes an input that the caller must draw."""

    def __init__(self, dtype: str = "float32"):
        self._dtype = np.dtype(dtype)
        self.requests: dict[str, tuple[str, Tensor]] = {}

    def uniform(self, shape: Shape) -> Tensor:
        return self._request("uniform", shape)

    def normal(self, shape: Shape) -> Tensor:
        return self._request("normal", shape)

    def stratified(self, shape: Shape) -> Tensor:
        return self._request("stratified", shape)

    def _request(self, distribution: str, shape: Shape) -> Tensor:
        tensor = placeholder(ArraySpec(tuple(shape), self._dtype))
        self.requests[f"random.{len(self.requests)}"] = (distribution, tensor)
        return tensor


def trace(
    function: Callable[[Mapping[str, Tensor], Random], Mapping[str, Tensor]],
    inputs: Mapping[str, ArraySpec],
    carried: Sequence[str] = (),
    random_dtype: str = "float32",
) -> Graph:
    """The graph of ``function(tensors by name, random) -> tensors by name``.

    ``carried`` names inputs that the function returns renewed, under the same name, for the next step.
    Raises GraphError if the function reads a value, or returns something else than a carried name promises.
    """
    placeholders = {name: placeholder(spec) for name, spec in inputs.items()}
    random = TracedRandom(random_dtype)
    with Tape() as tape:
        results = function(placeholders, random)
    requested = {name: tensor for name, (_, tensor) in random.requests.items()}
    drawn = {name: distribution for name, (distribution, _) in random.requests.items()}
    graph = replace(_close(tape, {**placeholders, **requested}, results), carried=tuple(carried), random=drawn)
    check(graph)
    return graph


def _close(tape: Tape, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Graph:
    """Number the values of a tape that was heard while tracing."""
    numbers: dict[Tensor, int] = {}
    specs: list[ArraySpec] = []
    constants: dict[int, Array] = {}

    def define(tensor: Tensor) -> int:
        specs.append(tensor.spec)
        return numbers.setdefault(tensor, len(specs) - 1)

    def number(tensor: Tensor) -> int:
        if tensor not in numbers:
            if tensor.is_symbolic:
                raise GraphError(
                    f"expected a value computed inside the traced function; got the foreign placeholder {tensor.spec}. "
                    "To fix: pass it as an input."
                )
            constants[define(tensor)] = tensor.numpy()
        return numbers[tensor]

    for tensor in inputs.values():
        define(tensor)
    calls = [
        GraphCall(call.primitive.name, tuple(number(x) for x in call.inputs), dict(call.params), define(call.output))
        for call in tape.calls
        if call.output.is_symbolic
    ]
    named_outputs = {name: number(tensor) for name, tensor in outputs.items()}
    return Graph(tuple(specs), {n: numbers[t] for n, t in inputs.items()}, constants, tuple(calls), named_outputs)
