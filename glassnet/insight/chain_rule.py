"""The chain rule of a single weight, written out as a sum: (signal coming in) x (blame coming back).

A weight is carried along, unmixed, until a call in which it meets what depends on the examples. How far the result
of that call moves with the weight is the signal; how far the loss moves with the result is the blame. Both have the
shape of the result, a number for each place of each example, and the slope of the loss is the sum of their products.
One mechanism serves every layer, since both come from the rules of the primitives: the blame by carrying back, and
the signal by carrying forwards, which is carrying back what is itself carried back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from glassnet.autodiff import Array, Call, Tape, Tensor, backward, pullback
from glassnet.graph import Graph
from glassnet.insight.landscape import WEIGHTS

# Of the strongest influence on a number; weaker ones come by way of averages over whole pictures and batches.
_LEAST_INFLUENCE = 0.01
_EACH = 2  # of an example, among the largest terms of many


@dataclass(frozen=True, slots=True)
class Meeting:
    """A call in which a weight meets the examples. signal, blame: in the shape of what the call results in."""

    primitive: str
    position: int  # of the call on the tape
    signal: Array
    blame: Array

    @property
    def terms(self) -> Array:
        return self.signal * self.blame

    @property
    def num_terms(self) -> int:
        """How many numbers the weight has a part in, also where its signal happens to be 0."""
        if self.signal.ndim == 0:
            return 1
        return int(np.prod([len(np.unique(places)) for places in np.nonzero(self.signal)]))


@dataclass(frozen=True, slots=True)
class Term:
    """One product of the sum. index: its place in what the call results in, that of the example among the first axis.

    example: which example of the batch it is of, None if of none alone. patch: (top, left, bottom, right), the part of
    the picture that the number at that place was made from, in pixels, None where there is no picture.
    """

    meeting: int
    index: tuple[int, ...]
    example: int | None
    signal: float
    blame: float
    value: float
    patch: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class Met:
    """A `Meeting` as tensors, which of a traced graph have no values yet. weights: those that have a part in it."""

    position: int
    output: Tensor
    signal: Tensor
    blame: Tensor
    weights: frozenset[str]


@final
class Replay:
    """A graph with the scalar output ``loss``, done call by call, on values or while something is traced.

    inputs: of the graph. Those whose names start with ``weights/`` are learned; ``examples`` names those that examples
    are in, or what varies them.
    """

    def __init__(self, graph: Graph, inputs: Mapping[str, Tensor], examples: Collection[str]) -> None:
        values = {number: Tensor(array) for number, array in graph.constants.items()}
        values |= {number: inputs[name] for name, number in graph.inputs.items()}
        with Tape() as tape, np.errstate(all="ignore"):
            for call in graph.calls:
                values[call.output] = call.rules(*(values[v] for v in call.inputs), **call.params)
        self.calls, self.loss = tape.calls, values[graph.outputs["loss"]]
        self._weights = {name.removeprefix(WEIGHTS): x for name, x in inputs.items() if name.startswith(WEIGHTS)}
        self._on_examples = self._depending([inputs[name] for name in examples])
        self._on_weights = self._depending(self._weights.values())

    def meet(self, nudges: Mapping[str, Tensor]) -> list[Met]:
        """The calls in which weights meet the examples, when these weights move as ``nudges`` say."""
        moving = {self._weights[name]: (nudge, frozenset([name])) for name, nudge in nudges.items()}
        met: list[tuple[int, Tensor, frozenset[str]]] = []
        for position, call in enumerate(self.calls):
            if moving.keys().isdisjoint(call.inputs):
                continue
            moved = _carried_forwards(call, {x: nudge for x, (nudge, _) in moving.items()})
            names = frozenset[str]().union(*(moving[x][1] for x in call.inputs if x in moving))
            if moved is not None and call.output in self._on_examples:
                met.append((position, moved, names))
            elif moved is not None:
                moving[call.output] = (moved, names)
        outputs = [self.calls[position].output for position, _, _ in met]
        blames = backward(self.calls, self.loss, Tensor(np.ones((), self.loss.dtype)), outputs)
        columns = zip(met, outputs, blames, strict=True)
        return [Met(position, output, moved, blame, names) for (position, moved, names), output, blame in columns]

    def picture(self, position: int, batch_size: int) -> Tensor | None:
        """The last thing in the form of pictures that was made for a call before any weight had a part in it."""
        for tensor in self._ancestors(position):
            is_seen = tensor in self._on_examples and tensor not in self._on_weights and tensor.dtype.kind == "f"
            has_form = tensor.ndim == 4 and tensor.shape[0] == batch_size and tensor.shape[1] in (1, 3)
            if is_seen and has_form and min(tensor.shape[2:]) > 1:
                return tensor
        return None

    def _ancestors(self, position: int) -> Iterator[Tensor]:
        """What a call was computed from, the latest first."""
        needed = {self.calls[position].output}
        for call in reversed(self.calls[: position + 1]):
            if call.output in needed:
                needed.update(call.inputs)
                yield call.output

    def _depending(self, sources: Iterable[Tensor]) -> set[Tensor]:
        reached = set(sources)
        for call in self.calls:
            if not reached.isdisjoint(call.inputs):
                reached.add(call.output)
        return reached


@final
class ChainRule:
    """The loss of a graph, taken apart for one element of the input ``weights/<name>``.

    graph: with the scalar output ``loss``; inputs: all that it takes. batch_size: of its examples, which are counted by
    the first axis of everything that is made of them.
    """

    def __init__(
        self, graph: Graph, inputs: Mapping[str, Array], batch_size: int, name: str, index: tuple[int, ...]
    ) -> None:
        examples = [name for name in graph.inputs if not name.startswith(WEIGHTS)]
        self._replay = Replay(graph, {n: Tensor(inputs[n]) for n in graph.inputs}, examples)
        self._batch_size = batch_size
        nudge = np.zeros_like(inputs[WEIGHTS + name])
        nudge[index] = 1.0
        self.meetings = [
            Meeting(
                self._replay.calls[met.position].primitive.name, met.position, met.signal.numpy(), met.blame.numpy()
            )
            for met in self._replay.meet({name: Tensor(nudge)})
        ]

    @property
    def total(self) -> float:
        """The sum of all terms: the slope of the loss along the weight."""
        return float(sum(np.sum(meeting.terms) for meeting in self.meetings))

    def picture(self, meeting: Meeting) -> Array | None:
        """The pictures (B, C, H, W) that the network saw on the way to this call, varied as they were for it."""
        tensor = self._replay.picture(meeting.position, self._batch_size)
        return None if tensor is None else tensor.numpy()

    def largest(self, num: int) -> list[Term]:
        """The terms that say most, for or against; of many examples two of each at most, as neighbors say the same."""
        flat = [meeting.terms.reshape(-1) for meeting in self.meetings]
        entries = [(number, place) for number, terms in enumerate(flat) for place in np.flatnonzero(terms).tolist()]
        sizes = np.abs(np.concatenate([np.zeros(0), *(terms[np.flatnonzero(terms)] for terms in flat)]))
        most = max(_EACH, -(-num // self._batch_size))
        chosen: list[Term] = []
        taken: Counter[int | None] = Counter()
        for rank in np.argsort(-sizes, kind="stable").tolist():
            number, place = entries[rank]
            example = self._example_of(self.meetings[number], self._index(number, place))
            if taken[example] < most:
                taken[example] += 1
                chosen.append(self._term(number, place))
            if len(chosen) == num:
                break
        return chosen

    def by_example(self) -> Array | None:
        """(B,): the sum of the terms of each example; None if there are terms of none alone."""
        total = np.zeros(self._batch_size)
        for meeting in self.meetings:
            if meeting.signal.ndim == 0 or meeting.signal.shape[0] % self._batch_size:
                return None
            total += meeting.terms.reshape(self._batch_size, -1).sum(axis=1)
        return total

    def _term(self, number: int, place: int) -> Term:
        meeting, index = self.meetings[number], self._index(number, place)
        example = self._example_of(meeting, index)
        patch = None if example is None else self._patch(meeting, index, example)
        signal, blame = float(meeting.signal[index]), float(meeting.blame[index])
        return Term(number, index, example, signal, blame, signal * blame, patch)

    def _index(self, number: int, place: int) -> tuple[int, ...]:
        return tuple(int(i) for i in np.unravel_index(place, self.meetings[number].signal.shape))

    def _example_of(self, meeting: Meeting, index: tuple[int, ...]) -> int | None:
        """Rows of a matrix may be several to an example; they follow each other."""
        if not index or meeting.signal.shape[0] % self._batch_size:
            return None
        return index[0] * self._batch_size // meeting.signal.shape[0]

    def _patch(self, meeting: Meeting, index: tuple[int, ...], example: int) -> tuple[int, int, int, int] | None:
        picture = self._replay.picture(meeting.position, self._batch_size)
        if picture is None:
            return None
        calls = self._replay.calls[: meeting.position + 1]
        output = calls[-1].output
        chosen = np.zeros(output.shape, output.dtype)
        chosen[index] = 1.0
        (influence,) = backward(calls, output, Tensor(chosen), [picture])
        strength = np.abs(influence.numpy()[example]).max(axis=0)
        if not strength.any():
            return None
        rows, columns = np.nonzero(strength >= _LEAST_INFLUENCE * strength.max())
        return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def _carried_forwards(call: Call, nudges: Mapping[Tensor, Tensor]) -> Tensor | None:
    """How the output of the call moves with its inputs when these move as ``nudges`` say; None if it does not.

    A vjp is linear in what it carries back, g. Its own vjp, by g, carries forwards.
    """
    total: Tensor | None = None
    g = Tensor(np.zeros(call.output.shape, call.output.dtype))
    for slot, x in enumerate(call.inputs):
        rule = call.primitive.vjp(slot) if x in nudges else None
        if rule is not None:
            (moved,) = pullback(lambda g, rule=rule: rule(g, call.output, *call.inputs, **call.params), nudges[x], g)
            total = moved if total is None else total + moved
    return total
