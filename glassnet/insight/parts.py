"""Copies of a value that differ in a part of it only: the part is computed for each copy, the rest once for all.

A nudged weight changes one channel of what its layer says. Until the next layer mixes the channels, that one is all
that has to be computed; and what the next layer makes of it is what it made before, and the product with the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

import numpy as np

from glassnet.autodiff import Array
from glassnet.graph import GraphCall
from glassnet.insight.copies import ELEMENTWISE, evaluate_copies, fold, lead, unfold


@dataclass(frozen=True, slots=True)
class Part:
    """From ``start`` to before ``stop`` along ``axis``."""

    axis: int
    start: int
    stop: int

    def index(self, axis: int) -> tuple[slice, ...]:
        """What cuts the part out of an array that has it along ``axis``."""
        return (*(slice(None),) * axis, slice(self.start, self.stop))

    def of(self, x: Array) -> Array:
        return x[self.index(self.axis)]

    def along(self, axis: int) -> Part:
        return Part(axis, self.start, self.stop)


@dataclass(frozen=True, slots=True)
class Copies:
    """A value in K copies that are like ``base`` outside of ``part``; None: they differ everywhere.

    array: (K, *shape of the part).
    """

    array: Array
    base: Array
    part: Part | None = None

    def whole(self) -> Array:
        """(K, *shape of the base)"""
        if self.part is None:
            return self.array
        whole = np.repeat(self.base[None], len(self.array), axis=0)
        whole[self.part.index(self.part.axis + 1)] = self.array
        return whole

    def change(self) -> Array:
        """(K, *shape of the part): what the copies have more than the base."""
        return self.array - (self.base if self.part is None else self.part.of(self.base))


Value: TypeAlias = Array | Copies


def evaluate_call(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies:
    """The call for each copy; ``base`` is what it gives for the values that the copies are copies of."""
    if call.primitive in _RULES and all(not isinstance(x, Copies) or x.part is not None for x in operands):
        of_parts = _RULES[call.primitive](call, operands, base)
        if of_parts is not None:
            return of_parts
    arrays = [x.whole() if isinstance(x, Copies) else x for x in operands]
    return Copies(evaluate_copies(call, arrays, [isinstance(x, Copies) for x in operands], base.ndim), base)


def _elementwise(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies | None:
    parts = {
        x.part.along(x.part.axis + base.ndim - x.base.ndim)
        for x in operands
        if isinstance(x, Copies) and x.part is not None
    }
    if len(parts) > 1:
        return None
    (part,) = parts
    arrays = (lead(x.array, base.ndim) if isinstance(x, Copies) else _cut(x, part, base.ndim) for x in operands)
    return Copies(np.asarray(call.rules.evaluate(*arrays, **call.params)), base, part)


def _cut(x: Array, part: Part, rank: int) -> Array:
    """What an operand that will be broadcast to ``rank`` axes has to say about the part."""
    axis = part.axis - (rank - x.ndim)
    return x if axis < 0 or x.shape[axis] == 1 else part.along(axis).of(x)


def _transpose(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies:
    x, part = _first(operands)
    axes = call.params["axes"]
    turned = np.transpose(x.array, (0, *(axis + 1 for axis in axes)))
    return Copies(turned, base, part.along(axes.index(part.axis)))


def _reshape(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies | None:
    """The part is a run of elements after each index of the axes before it; is it one along a new axis, too?"""
    x, part = _first(operands)
    old, new = x.base.shape, base.shape
    num_runs, size = prod(old[: part.axis]), prod(old[part.axis + 1 :])
    for axis in range(len(new)):
        inner = prod(new[axis + 1 :])
        fits = inner and part.start * size % inner == 0 and part.stop * size % inner == 0
        if fits and prod(new[:axis]) == num_runs and new[axis] > 1:
            moved = Part(axis, part.start * size // inner, part.stop * size // inner)
            shape = (*new[:axis], moved.stop - moved.start, *new[axis + 1 :])
            return Copies(x.array.reshape(len(x.array), *shape), base, moved)
    return None


def _each_channel(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies | None:
    """What treats each channel of an image alone."""
    x, part = _first(operands)
    if part.axis != 1:
        return None
    return Copies(unfold(call.rules.evaluate(fold(x.array), **call.params), len(x.array)), base, part)


def _convolution(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies | None:
    x, w = operands
    if call.params["groups"] != 1:
        return None
    if isinstance(w, Copies) and isinstance(x, np.ndarray) and w.part is not None and w.part.axis == 0:
        out = evaluate_copies(call, [x, w.array], [False, True], base.ndim)
        return Copies(out, base, w.part.along(1))
    if isinstance(x, Copies) and isinstance(w, np.ndarray) and x.part is not None and x.part.axis == 1:
        kernels = x.part.of(w)
        added = call.rules.evaluate(fold(x.change()), kernels, **call.params)
        return Copies(unfold(added, len(x.array)) + base, base)
    return None


def _matmul(call: GraphCall, operands: Sequence[Value], base: Array) -> Copies | None:
    x, y = operands
    if isinstance(y, Copies) and isinstance(x, np.ndarray) and y.part is not None and y.part.axis == y.base.ndim - 1:
        out = evaluate_copies(call, [x, y.array], [False, True], base.ndim)
        return Copies(out, base, y.part.along(base.ndim - 1))
    if isinstance(x, Copies) and isinstance(y, np.ndarray) and x.part is not None and x.part.axis == x.base.ndim - 1:
        rows = x.part.along(y.ndim - 2).of(y)
        return Copies(evaluate_copies(call, [x.change(), rows], [True, False], base.ndim) + base, base)
    return None


def _first(operands: Sequence[Value]) -> tuple[Copies, Part]:
    x = operands[0]
    assert isinstance(x, Copies)
    assert x.part is not None
    return x, x.part


_RULES: Mapping[str, Callable[[GraphCall, Sequence[Value], Array], Copies | None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "avg_pool2d_with": _each_channel,
    "conv2d_with": _convolution,
    "matmul": _matmul,
    "max_pool2d_with": _each_channel,
    "reshape_to": _reshape,
    "transpose": _transpose,
    "upsample_nearest2d": _each_channel,
}
