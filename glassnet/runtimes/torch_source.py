"""A graph as the straight-line Python function that calls PyTorch's kernels, while it is being written.

Knows how lines follow each other, which of them are needed, and when a tensor may be dropped; no particular primitive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from glassnet.autodiff import Array, ArraySpec
from glassnet.graph import Graph, GraphCall


class Name(str):
    """The name of a tensor in the function."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Form:
    """How a tensor lies in memory: in the low precision of the run or as its spec says; with channels last or not."""

    is_low: bool = False
    is_images: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """``outputs = text``. ``in_place`` does the same within the first input, for when nobody else needs that."""

    outputs: tuple[Name, ...]
    inputs: tuple[Name, ...]
    text: str
    in_place: str = ""
    is_fresh: bool = True  # its outputs have memory of their own


class Builder:
    """Collects lines. Rules ask it for the names of values, in the form that they need, and bind what they made."""

    def __init__(self, graph: Graph, rules: Mapping[str, Rule], low: str | None = None):
        """``low``: the dtype of activations, such as "torch.bfloat16"; None for the graph's own."""
        self.graph = graph
        self.producers = {call.output: call for call in graph.calls}
        self.constants: dict[Name, Array] = {}
        self.shared: dict[Any, Any] = {}
        self.overrides: dict[int, Callable[[Builder], None]] = {}
        self.has_low = low is not None
        self.low_dtype = low
        self._rules = rules
        self._lines: list[Line] = []
        self._forms: dict[int, dict[Form, Name]] = {}
        self._count = 0

    def spec(self, value: int) -> ArraySpec:
        return self.graph.specs[value]

    def producer(self, value: int, primitive: str) -> GraphCall | None:
        """The call that makes ``value``, if it is of that primitive."""
        call = self.producers.get(value)
        return call if call is not None and call.primitive == primitive else None

    def bind(self, value: int, name: Name, form: Form = Form()) -> None:
        """``value`` is from now on the tensor ``name``."""
        self._forms[value] = {Form(form.is_low and self.has_low, form.is_images): name}

    def form(self, value: int) -> Form:
        """The form in which the value was made."""
        self._make(value)
        return next(iter(self._forms[value]))

    def native(self, value: int) -> Name:
        """The value in the form in which it was made."""
        form = self.form(value)
        return self._forms[value][form]

    def full(self, value: int) -> Name:
        """The value in the dtype of its spec."""
        return self.want(value, is_low=False)

    def want(self, value: int, *, is_low: bool, is_images: bool = False) -> Name:
        """The value in that precision (low: where the run has one), and channels last if so asked."""
        is_low = is_low and self.has_low
        made = self.form(value)
        for form, name in self._forms[value].items():
            if form.is_low == is_low and (form.is_images or not is_images):
                return name
        changes = []
        if made.is_low != is_low:
            changes.append(f"dtype={self.low_dtype if is_low else 'torch.' + self.spec(value).dtype.name}")
        if is_images and not made.is_images:
            changes.append("memory_format=torch.channels_last")
        name = self.emit(f"{self.native(value)}.to({', '.join(changes)})", self.native(value), is_fresh=False)
        self._forms[value][Form(is_low, is_images or made.is_images)] = name
        return name

    def images(self, value: int) -> Name:
        """Images (B, C, H, W) with channels last, in low precision if the run has one."""
        return self.want(value, is_low=True, is_images=True)

    def emit(self, text: str, *inputs: Name, in_place: str = "", is_fresh: bool = True) -> Name:
        """Add a line with one output; its name."""
        return self.emit_many(1, text, *inputs, in_place=in_place, is_fresh=is_fresh)[0]

    def emit_many(
        self, num_outputs: int, text: str, *inputs: Name, in_place: str = "", is_fresh: bool = True
    ) -> tuple[Name, ...]:
        """Add a line with several outputs; their names."""
        outputs = tuple(Name(f"t{self._count + i}") for i in range(num_outputs))
        self._count += num_outputs
        self._lines.append(Line(outputs, inputs, text, in_place, is_fresh))
        return outputs

    def constant(self, array: Array) -> Name:
        """The name of a tensor that belongs to the function."""
        name = Name(f"c{len(self.constants)}")
        self.constants[name] = np.array(array)
        return name

    def share(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make()`` returned when it was first asked for under ``key``."""
        if key not in self.shared:
            self.shared[key] = make()
        return self.shared[key]

    def source(self, name: str) -> str:
        """The finished function: takes the graph's inputs in order, returns its outputs in order."""
        parameters = [Name(f"x{i}") for i in range(len(self.graph.inputs))]
        for parameter, value in zip(parameters, self.graph.inputs.values(), strict=True):
            self.bind(value, parameter)
        for value, array in self.graph.constants.items():
            self.bind(value, self.constant(array))
        for call in self.graph.calls:
            self._make(call.output)
        results = [self.full(value) for value in self.graph.outputs.values()]
        needed = _needed(self._lines, results)
        lines = _with_drops(needed, keep={*results, *self.constants}, parameters=parameters)
        body = "\n".join(f"    {line}" for line in [*lines, f"return ({''.join(self._returned(needed, results))})"])
        return f"def {name}({', '.join(parameters)}):\n{body}\n"

    def _returned(self, lines: list[Line], results: list[Name]) -> list[str]:
        """The results, copied where their memory is that of something else.

        What is carried may be one tensor twice, as weights and their averages are where nothing is averaged: nobody
        writes into it.
        """
        fresh = {name for line in lines if line.is_fresh for name in line.outputs}
        owner: dict[Name, bool] = {}  # whether whatever returned a tensor first is carried
        texts = []
        for output, name in zip(self.graph.outputs, results, strict=True):
            is_carried = output in self.graph.carried
            is_own = name in fresh and (name not in owner or (is_carried and owner[name]))
            owner.setdefault(name, is_carried)
            texts.append(f"{name}, " if is_own else f"{name}.clone(), ")
        return texts

    def _make(self, value: int) -> None:
        if value in self._forms:
            return
        if value in self.overrides:
            self.overrides[value](self)
        else:
            call = self.producers[value]
            self._rules[call.primitive](self, call)


Rule: TypeAlias = Callable[[Builder, GraphCall], None]


def _needed(lines: Iterable[Line], results: Iterable[Name]) -> list[Line]:
    """Without the lines that no result depends on."""
    needed = set(results)
    kept = []
    for line in reversed(list(lines)):
        if not needed.isdisjoint(line.outputs):
            needed.update(line.inputs)
            kept.append(line)
    return kept[::-1]


def _with_drops(lines: list[Line], keep: set[Name], parameters: list[Name]) -> list[str]:
    """The lines as text. A tensor is dropped after its last use, or written over where a line can do that."""
    last: dict[Name, int] = {}
    uses: dict[Name, int] = {}
    for position, line in enumerate(lines):
        last |= dict.fromkeys((*line.outputs, *line.inputs), position)
        for name in line.inputs:
            uses[name] = uses.get(name, 0) + 1
    fresh = {name for line in lines if line.is_fresh for name in line.outputs} - keep
    text = []
    for position, line in enumerate(lines):
        # With a single use no view of it can exist.
        is_free = line.in_place and line.inputs[0] in fresh and uses[line.inputs[0]] == 1
        text.append(f"{', '.join(line.outputs)} = {line.in_place if is_free else line.text}")
        names = dict.fromkeys((*line.inputs, *line.outputs))
        if dropped := [name for name in names if last[name] == position and name not in keep]:
            text.append(f"del {', '.join(dropped)}")
    unused = [name for name in parameters if name not in last and name not in keep]
    return [f"del {', '.join(unused)}", *text] if unused else text
