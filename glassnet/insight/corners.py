"""Corners: where a slope jumps, as that of relu at 0. A nudge that crosses one sees a mixture of both slopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from glassnet.autodiff import Array
from glassnet.graph import Graph, GraphCall
from glassnet.insight.copies import fold, lead, unfold
from glassnet.insight.parts import Copies, Value
from glassnet.ops.convolution import windows


def _largest_in_window(out: Array, x: Array, call: GraphCall) -> Array:
    view, (height, width) = windows(fold(x), value=-np.inf, **call.params), call.params["kernel"]
    places = [view[..., i, j] == fold(out) for i in range(height) for j in range(width)]
    return np.stack([unfold(place, len(x)) for place in places], axis=-1)


def _largest(out: Array, x: Array, call: GraphCall) -> Array:
    axes = tuple(axis + 1 for axis in call.params["axes"])
    return x == (out if call.params["keepdims"] else np.expand_dims(out, axes))


# (out, x, call) -> on which side of a corner every number is; equal at two places unless there is a corner between.
_SIDES: Mapping[str, Callable[[Array, Array, GraphCall], Array]] = {
    "absolute": lambda out, x, call: np.sign(x),
    "floor": lambda out, x, call: out,
    "max_pool2d_with": _largest_in_window,
    "reduce_max": _largest,
    "relu": lambda out, x, call: out > 0,
    "sign": lambda out, x, call: out,
    "step": lambda out, x, call: out,
}
# Of these the result tells the side, that of a comparison, or which of two numbers it is equal to.
_COMPARISONS = {"equal", "greater", "greater_equal"}
_CHOICES = {"maximum", "minimum"}


def corner_calls(graph: Graph) -> set[int]:
    """The outputs of the calls that have corners, but for those that are only used to be subtracted again."""
    users: dict[int, set[str]] = {}
    for call in graph.calls:
        for value in call.inputs:
            users.setdefault(value, set()).add(call.primitive)
    kinds = {*_SIDES, *_COMPARISONS, *_CHOICES}
    having = {call.output for call in graph.calls if call.primitive in kinds}
    return {value for value in having if users.get(value) != {"stop_gradient"}}


def num_crossed(call: GraphCall, operands: Sequence[Value], out: Copies) -> Array:
    """int64 (n,) for 2n copies, n nudged up and n nudged down: how many corners are between i and n + i."""
    sides = _sides(call, operands, out)
    n = len(sides) // 2
    return np.count_nonzero((sides[:n] != sides[n:]).reshape(n, -1), axis=1)


def _sides(call: GraphCall, operands: Sequence[Value], out: Copies) -> Array:
    x = operands[0]
    if call.primitive in _COMPARISONS:
        return out.array
    if call.primitive in _CHOICES:
        return out.whole() == (lead(x.whole(), out.base.ndim) if isinstance(x, Copies) else x)
    assert isinstance(x, Copies)
    return _SIDES[call.primitive](out.array, x.whole() if out.part is None else x.array, call)
