"""The pass that sends gradients: together, and while the backward pass is still at work.

Each message between processes costs time, however short it is; so gradients that are done one after another go as one.
A message leaves as soon as its last gradient is there, and is waited for where the first of them is needed. PyTorch's
DistributedDataParallel does the same with hooks (Li et al. 2020, https://arxiv.org/abs/2006.15704).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glassnet.autodiff import ArraySpec
from glassnet.graph.graph import Graph, GraphCall
from glassnet.graph.spec import check

MOST_BYTES = 4 * 2**20
_MARK = "mean_gradient"


@dataclass
class _Bucket:
    """Marked calls that go as one message, after the call at position ``ready``."""

    ready: int
    calls: list[GraphCall] = field(default_factory=list)
    num_bytes: int = 0


def bucket_gradients(graph: Graph, most_bytes: int = MOST_BYTES) -> Graph:
    """Every `mean_gradient` as part of a message, begun early and ended late."""
    graph = _hurried(graph)
    buckets = _buckets(graph, most_bytes)
    leaving: dict[int, list[_Bucket]] = {}
    for bucket in buckets:
        leaving.setdefault(bucket.ready, []).append(bucket)
    bucket_of = {call.output: bucket for bucket in buckets for call in bucket.calls}
    writer = _Writer(list(graph.specs))
    for bucket in leaving.get(-1, ()):
        writer.begin(bucket)
    for position, call in enumerate(graph.calls):
        if call.primitive != _MARK:
            for value in call.inputs:
                if value in bucket_of:
                    writer.end(bucket_of[value])
            writer.calls.append(call)
        for bucket in leaving.get(position, ()):
            writer.begin(bucket)
    for bucket in buckets:
        writer.end(bucket)
    graph = replace(graph, specs=tuple(writer.specs), calls=tuple(writer.calls))
    check(graph)
    return graph


def _hurried(graph: Graph) -> Graph:
    """What serves nothing but messages (to add pieces, to widen numbers) is done as soon as what it needs is there."""
    computed, hurried = {call.output for call in graph.calls}, _for_messages_alone(graph)
    missing: dict[int, int] = {}
    waiting: dict[int, list[GraphCall]] = {}
    for call in graph.calls:
        needed = computed.intersection(call.inputs)
        if needed and call.output in hurried:
            missing[call.output] = len(needed)
            for value in needed:
                waiting.setdefault(value, []).append(call)
    calls: list[GraphCall] = []
    for call in graph.calls:
        ready = [] if call.output in missing else [call]
        while ready:
            calls.append(ready.pop())
            for other in waiting.get(calls[-1].output, ()):
                missing[other.output] -= 1
                if missing[other.output] == 0:
                    ready.append(other)
    return replace(graph, calls=tuple(calls))


def _for_messages_alone(graph: Graph) -> set[int]:
    """The values that nothing but a `mean_gradient`, or others of these values, is made of."""
    found: set[int] = set()
    used, used_otherwise = set[int](), set(graph.outputs.values())
    for call in reversed(graph.calls):
        used.update(call.inputs)
        if call.primitive == _MARK:
            continue
        if call.output in used and call.output not in used_otherwise:
            found.add(call.output)
        else:
            used_otherwise.update(call.inputs)
    return found


class _Writer:
    """The calls of the new graph, as they are written."""

    def __init__(self, specs: list[ArraySpec]):
        self.specs = specs
        self.calls: list[GraphCall] = []
        self._under_way: dict[int, int] = {}  # by the identity of a bucket, the value that is to come
        self._ended: set[int] = set()

    def begin(self, bucket: _Bucket) -> None:
        flat = [self._call("reshape_to", (c.inputs[0],), shape=(self.specs[c.output].size,)) for c in bucket.calls]
        message = flat[0] if len(flat) == 1 else self._call("concatenate_parts", flat, axis=0)
        self._under_way[id(bucket)] = self._call("begin_mean", (message,))

    def end(self, bucket: _Bucket) -> None:
        """Wait for the message, and take it apart; once."""
        if id(bucket) in self._ended:
            return
        self._ended.add(id(bucket))
        message, start = self._call("end_mean", (self._under_way[id(bucket)],)), 0
        for call in bucket.calls:
            spec = self.specs[call.output]
            part = message
            if len(bucket.calls) > 1:
                part = self._call("slice_of", (message,), start=(start,), stop=(start + spec.size,))
            self.calls.append(GraphCall("reshape_to", (part,), {"shape": spec.shape}, call.output))
            start += spec.size

    def _call(self, primitive: str, inputs: Sequence[int], **params: Any) -> int:
        call = GraphCall(primitive, tuple(inputs), params, len(self.specs))
        self.specs.append(call.rules.shape(*(self.specs[value] for value in call.inputs), **params))
        self.calls.append(call)
        return call.output


def _buckets(graph: Graph, most_bytes: int) -> list[_Bucket]:
    """In the order in which they can leave."""
    made_at = {call.output: position for position, call in enumerate(graph.calls)}
    needed_at = dict(_first_uses(graph))
    marked = [call for call in graph.calls if call.primitive == _MARK]
    buckets: list[_Bucket] = []
    for call in sorted(marked, key=lambda call: made_at.get(call.inputs[0], -1)):
        ready, spec = made_at.get(call.inputs[0], -1), graph.specs[call.output]
        num_bytes = spec.size * spec.dtype.itemsize
        last = buckets[-1] if buckets else None
        is_fitting = (
            last is not None
            and last.num_bytes + num_bytes <= most_bytes
            and graph.specs[last.calls[0].output].dtype == spec.dtype
            and all(needed_at.get(other.output, ready + 1) > ready for other in last.calls)
        )
        if last is None or not is_fitting:
            last = _Bucket(ready)
            buckets.append(last)
        last.ready = ready
        last.calls.append(call)
        last.num_bytes += num_bytes
    return buckets


def _first_uses(graph: Graph) -> Iterator[tuple[int, int]]:
    for position in range(len(graph.calls) - 1, -1, -1):
        for value in graph.calls[position].inputs:
            yield value, position
