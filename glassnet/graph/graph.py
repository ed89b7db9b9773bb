"""A graph: a tape closed, checked and portable. Plain data; it knows neither engines nor how it was traced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glassnet.autodiff import PRIMITIVES, Array, ArraySpec, Primitive


@dataclass(frozen=True, slots=True)
class GraphCall:
    """``output = primitive(*inputs, **params)``; inputs and output are numbers of values."""

    primitive: str
    inputs: tuple[int, ...]
    params: Mapping[str, Any]
    output: int

    @property
    def rules(self) -> Primitive:
        return PRIMITIVES[self.primitive]


@dataclass(frozen=True, slots=True)
class Graph:
    """A computation with named inputs and outputs, as a list of primitive calls in an order that works.

    specs       shape and dtype of every value, by number
    inputs      name -> value that the caller gives
    constants   value -> array that belongs to the graph
    calls       what is done
    outputs     name -> value that the caller gets
    carried     names that are input and output: that output is this input at the next step
    random      name of an input -> distribution ("uniform", "normal" or "stratified") that the caller draws it from
    """

    specs: tuple[ArraySpec, ...]
    inputs: Mapping[str, int]
    constants: Mapping[int, Array]
    calls: tuple[GraphCall, ...]
    outputs: Mapping[str, int]
    carried: tuple[str, ...] = ()
    random: Mapping[str, str] = field(default_factory=dict)

    def input_specs(self) -> dict[str, ArraySpec]:
        return {name: self.specs[value] for name, value in self.inputs.items()}

    def output_specs(self) -> dict[str, ArraySpec]:
        return {name: self.specs[value] for name, value in self.outputs.items()}

    def __str__(self) -> str:
        """One line for each input, call and output; what `print(graph)` shows a curious reader."""
        lines = [f"input   %{value} {name}: {self.specs[value]}" for name, value in self.inputs.items()]
        for call in self.calls:
            operands = ", ".join(f"%{value}" for value in call.inputs)
            params = "".join(f", {key}={value}" for key, value in call.params.items())
            lines.append(f"%{call.output} = {call.primitive}({operands}{params}): {self.specs[call.output]}")
        return "\n".join(lines + [f"output  %{value} {name}" for name, value in self.outputs.items()])
