"""Many copies of a computation at once: a value that differs between the copies has one more axis, in front.

One call of NumPy then serves all copies. Since the axis is a new one, nothing in the network that mixes the examples of
a batch (batch normalization in training) mixes the copies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from glassnet.autodiff import Array
from glassnet.graph import GraphCall

# What NumPy broadcasts, element by element.
ELEMENTWISE = {
    "absolute", "add", "cast_to", "cos", "divide", "equal", "erf", "exp", "floor", "gelu", "gelu_gradient", "greater",
    "greater_equal", "log", "maximum", "minimum", "multiply", "negative", "power", "relu", "sigmoid", "sign", "sin",
    "sqrt", "step", "stop_gradient", "subtract", "tanh", "where",
}  # fmt: skip
# What treats each image of a batch alone.
IMAGES = {
    "avg_pool2d_gradient", "avg_pool2d_with", "conv2d_input_gradient", "conv2d_with", "max_pool2d_with",
    "upsample_nearest2d",
}  # fmt: skip


def _later(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"axes": tuple(axis + 1 for axis in params["axes"])}


# What has its axes in its parameters: how these read when there is one more axis, of length n, in front.
_SHIFTED: Mapping[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {
    "argmax": lambda params, n: {"axis": params["axis"] + 1},
    "flip": lambda params, n: _later(params),
    "normalize": lambda params, n: _later(params),
    "pad": lambda params, n: {"before": (0, *params["before"]), "after": (0, *params["after"])},
    "reduce_max": lambda params, n: _later(params),
    "reduce_sum": lambda params, n: _later(params),
    "reshape_to": lambda params, n: {"shape": (n, *params["shape"])},
    "slice_of": lambda params, n: {"start": (0, *params["start"]), "stop": (n, *params["stop"])},
    "take": lambda params, n: {"axis": params["axis"] + 1},
    "transpose": lambda params, n: {"axes": (0, *_later(params)["axes"])},
}


def evaluate_copies(call: GraphCall, operands: Sequence[Array], is_stacked: Sequence[bool], rank: int) -> Array:
    """(K, *output of rank ``rank``): the call for each copy; operands that are stacked are (K, ...) as well."""
    evaluate, params = call.rules.evaluate, call.params
    n = next(len(x) for x, stacked in zip(operands, is_stacked, strict=True) if stacked)
    first, *others = operands
    is_first_alone = is_stacked[0] and not any(is_stacked[1:])
    if call.primitive in ELEMENTWISE:
        lined = (lead(x, rank) if stacked else x for x, stacked in zip(operands, is_stacked, strict=True))
        return np.asarray(evaluate(*lined, **params))
    if call.primitive in _SHIFTED and is_first_alone:
        return np.asarray(evaluate(first, *others, **{**params, **_SHIFTED[call.primitive](params, n)}))
    if call.primitive in IMAGES and is_first_alone:
        return unfold(evaluate(fold(first), *others, **params), n)
    if call.primitive == "broadcast_to":
        return np.broadcast_to(lead(first, rank), (n, *params["shape"]))
    if call.primitive == "matmul":
        return _matmul(first, others[0], is_stacked, rank)
    if call.primitive == "conv2d_with" and not is_stacked[0] and params["groups"] == 1:
        return _many_kernels(call, first, others[0])
    return _one_by_one(call, operands, is_stacked, n)


def lead(x: Array, rank: int) -> Array:
    """(K, ...) with axes of length 1 after the first, so that each copy has ``rank`` axes."""
    return x.reshape(len(x), *(1,) * (rank + 1 - x.ndim), *x.shape[1:])


def fold(x: Array) -> Array:
    """(K, B, ...) -> (K B, ...): the copies as one large batch."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def unfold(x: Array, n: int) -> Array:
    """(K B, ...) -> (K, B, ...), K being ``n``."""
    return x.reshape(n, len(x) // n, *x.shape[1:])


def _matmul(x: Array, y: Array, is_stacked: Sequence[bool], rank: int) -> Array:
    if not is_stacked[1] and y.ndim == 2:  # one product of a tall matrix instead of many small ones
        rows = x.reshape(int(np.prod(x.shape[:-1])), x.shape[-1])
        return np.matmul(rows, y).reshape(*x.shape[:-1], y.shape[1])
    return np.matmul(*(lead(a, rank) if stacked else a for a, stacked in zip((x, y), is_stacked, strict=True)))


def _many_kernels(call: GraphCall, x: Array, w: Array) -> Array:
    """Kernels (K, O, C, kH, kW) on the same images: one convolution with K O outputs."""
    out = call.rules.evaluate(x, fold(w), **call.params)
    return np.moveaxis(out.reshape(len(x), *w.shape[:2], *out.shape[2:]), 1, 0)


def _one_by_one(call: GraphCall, operands: Sequence[Array], is_stacked: Sequence[bool], n: int) -> Array:
    """What always works."""
    pairs = list(zip(operands, is_stacked, strict=True))
    return np.stack(
        [call.rules.evaluate(*(x[i] if stacked else x for x, stacked in pairs), **call.params) for i in range(n)]
    )
