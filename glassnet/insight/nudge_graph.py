"""A number that a graph computes, for each element of an input nudged alone: what the nudge does not reach is not
computed again, and what it reaches is computed for many nudged copies at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias, final

import numpy as np

from glassnet.autodiff import Array
from glassnet.graph import Graph, GraphCall, checked_inputs
from glassnet.insight.corners import corner_calls, num_crossed
from glassnet.insight.parts import Copies, Part, Value, evaluate_call

# Numbers in all values of all copies together; what is larger leaves the caches of the processor.
_MAX_NUMBERS = 2_000_000

# Of so many pieces of work, the numbers of those that are to be done here.
Portion: TypeAlias = Callable[[int], Iterable[int]]


@final
class NudgedGraph:
    """The graph at ``inputs``, with every value that it computes there; ``output`` names a scalar.

    is_counting: count the corners that a nudge crosses, too.
    """

    def __init__(self, graph: Graph, inputs: Mapping[str, Array], output: str, is_counting: bool = False):
        self._graph, self._output = graph, graph.outputs[output]
        self._values = _all_values(graph, inputs)
        self._corners = corner_calls(graph) if is_counting else set()

    def nudge(self, name: str, epsilon: float, portion: Portion = range) -> tuple[Array, Array, Array]:
        """The output with each element of the input ``name`` higher, and lower, by ``epsilon``, and how many corners
        lie between: three arrays in the shape of the input, with zeros where it is not in the ``portion``."""
        place = self._graph.inputs[name]
        calls, x = reached(self._graph, [name]), self._values[place]
        shape = rows, columns = _matrix(x)
        up, down, crossed = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        num = self._num_at_once(calls, place, epsilon) if x.size else 1
        num_pieces = -(-columns // num)
        for piece in portion(rows * num_pieces):
            row, start = piece // num_pieces, piece % num_pieces * num
            chosen = np.arange(start, min(start + num, columns))
            copies = {place: _nudged(x, row, chosen, epsilon)}
            crossed[row, chosen] = self._follow(calls, copies)
            up[row, chosen], down[row, chosen] = np.split(self._outputs(copies, 2 * len(chosen)), 2)
        return up.reshape(x.shape), down.reshape(x.shape), crossed.reshape(x.shape)

    def along(self, name: str, index: tuple[int, ...], amounts: Array) -> Array:
        """The output with one element of the input ``name`` changed by each of the amounts (N,)."""
        place = self._graph.inputs[name]
        calls, outputs, start, num = reached(self._graph, [name]), np.empty(len(amounts)), 0, 1
        while start < len(amounts):
            chosen = slice(start, start + num)
            copies = {place: _moved(self._values[place], index, amounts[chosen])}
            self._follow(calls, copies, is_counting=False)
            outputs[chosen] = self._outputs(copies, len(amounts[chosen]))
            start, num = start + num, _num_at_once(copies, len(amounts[chosen]))
        return outputs

    def num_crossed(self, name: str, index: tuple[int, ...], epsilon: float) -> int:
        """How many corners lie between one element higher and lower by ``epsilon``."""
        place = self._graph.inputs[name]
        copies = {place: _moved(self._values[place], index, np.array([epsilon, -epsilon]))}
        return int(self._follow(reached(self._graph, [name]), copies)[0])

    def seconds_each(self, name: str, epsilon: float) -> float:
        """About how long `nudge` takes for one element of the input; for what is quick, found by trying many."""
        place = self._graph.inputs[name]
        calls, x = reached(self._graph, [name]), self._values[place]
        num, seconds = 1, 0.0
        for _ in range(2):
            num = min(num, _matrix(x)[1])
            copies = {place: _nudged(x, 0, np.arange(num), epsilon)}
            began = time.perf_counter()
            self._follow(calls, copies)
            seconds = (time.perf_counter() - began) / num
            num = _num_at_once(copies, num)
            if num == 1:
                break
        return seconds

    def _num_at_once(self, calls: Sequence[GraphCall], place: int, epsilon: float) -> int:
        """How many elements of a value to nudge at once. It depends on nothing else, so neither does any digit."""
        copies = {place: _nudged(self._values[place], 0, np.arange(1), epsilon)}
        self._follow(calls, copies, is_counting=False)
        return _num_at_once(copies, 1)

    def _follow(self, calls: Sequence[GraphCall], copies: dict[int, Copies], is_counting: bool = True) -> Array:
        """Add to the copies all that is computed from them; returns how many corners each nudge crosses, if counted."""
        (nudged,) = copies.values()
        crossed = np.zeros(len(nudged.array) // 2, np.int64)
        with np.errstate(all="ignore"):
            for call in calls:
                operands: list[Value] = [copies.get(value, self._values[value]) for value in call.inputs]
                copies[call.output] = evaluate_call(call, operands, self._values[call.output])
                if is_counting and call.output in self._corners:
                    crossed += num_crossed(call, operands, copies[call.output])
        return crossed

    def _outputs(self, copies: Mapping[int, Copies], num: int) -> Array:
        """(num,): of all copies; if they do not reach it, it is the same for all."""
        if self._output in copies:
            return copies[self._output].array
        return np.full(num, self._values[self._output])


def _all_values(graph: Graph, inputs: Mapping[str, Array]) -> dict[int, Array]:
    values = dict(graph.constants)
    values |= {graph.inputs[name]: array for name, array in checked_inputs(graph, inputs).items()}
    with np.errstate(all="ignore"):
        for call in graph.calls:
            values[call.output] = np.asarray(call.rules.evaluate(*(values[v] for v in call.inputs), **call.params))
    return values


def reached(graph: Graph, names: Collection[str]) -> list[GraphCall]:
    """The calls whose results change with these inputs."""
    changed, calls = {graph.inputs[name] for name in names}, []
    for call in graph.calls:
        if not changed.isdisjoint(call.inputs):
            changed.add(call.output)
            calls.append(call)
    return calls


def _matrix(x: Array) -> tuple[int, int]:
    """Rows and columns of an array: its first axis, that of the output units of a weight, and all others."""
    rows = len(x) if x.ndim else 1
    return rows, x.size // max(rows, 1)


def _nudged(x: Array, row: int, columns: Array, epsilon: float) -> Copies:
    """One copy for each column of the row with that number higher, then one for each with it lower."""
    part = Part(0, row, row + 1) if x.ndim and len(x) > 1 else None
    base = x if part is None else part.of(x)
    flat = np.repeat(base.reshape(1, -1), 2 * len(columns), axis=0)
    copy = np.arange(len(columns))
    flat[copy, columns] += epsilon
    flat[len(columns) + copy, columns] -= epsilon
    return Copies(flat.reshape(-1, *base.shape), x, part)


def _moved(x: Array, index: tuple[int, ...], amounts: Array) -> Copies:
    """One copy for each amount, with the element at ``index`` changed by it."""
    row, column = divmod(int(np.ravel_multi_index(index, x.shape)) if index else 0, _matrix(x)[1])
    part = Part(0, row, row + 1) if x.ndim and len(x) > 1 else None
    base = x if part is None else part.of(x)
    flat = np.repeat(base.reshape(1, -1), len(amounts), axis=0)
    flat[:, column] += amounts
    return Copies(flat.reshape(-1, *base.shape), x, part)


def _num_at_once(copies: Mapping[int, Copies], num: int) -> int:
    """How many elements to nudge at once, after so many took these copies."""
    return max(1, _MAX_NUMBERS * num // sum(copy.array.size for copy in copies.values()))
