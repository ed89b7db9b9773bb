"""Many numbers into one: maximum and the composites mean, variance and log-sum-exp."""

from __future__ import annotations

from math import prod

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive
from glassnet.errors import ShapeError
from glassnet.ops.broadcasting import reduce_sum, reduced_shape, spread
from glassnet.ops.elementwise import cast, equal, exp, log, square, stop_gradient


def _share_of_maxima(x: Tensor, out: Tensor, axes: tuple[int, ...]) -> Tensor:
    """1 at the maximum, shared equally where several elements are equal to it; 0 elsewhere."""
    is_maximum = cast(equal(x, spread(out, x, axes)), x.dtype)
    return is_maximum / reduce_sum(is_maximum, axes=axes, keepdims=True)


def _max_shape(x: ArraySpec, *, axes: tuple[int, ...], keepdims: bool) -> ArraySpec:
    spec = reduced_shape(x, axes=axes, keepdims=keepdims)
    if any(x.shape[axis] == 0 for axis in axes):
        raise ShapeError(
            f"expected at least one element to compare; got {x} over axes {axes}. To fix: skip empty data."
        )
    return spec


@primitive(
    _max_shape,
    vjps=[lambda g, out, x, axes, keepdims: spread(g, x, axes) * _share_of_maxima(x, out, axes)],
)
def reduce_max(x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The largest element along ``axes``; equal maxima share the gradient."""
    return np.max(x, axes, keepdims=keepdims)


@primitive(
    lambda x, *, axis: ArraySpec(_max_shape(x, axes=(axis,), keepdims=False).shape, np.dtype(np.int64)),
    vjps=[None],
)
def argmax(x: Array, *, axis: int) -> Array:
    """The position of the largest element along ``axis`` (the first, where several are equal)."""
    return np.argmax(x, axis)


def sum(x: Tensor, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """The sum over ``axes`` (all of them by default)."""
    return reduce_sum(x, axes=as_axes(x, axes), keepdims=keepdims)


def max(x: Tensor, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """The largest element along ``axes`` (all of them by default)."""
    return reduce_max(x, axes=as_axes(x, axes), keepdims=keepdims)


def mean(x: Tensor, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """The average over ``axes`` (all of them by default)."""
    count = prod(x.shape[axis] for axis in as_axes(x, axes))
    if count == 0:
        raise ShapeError(f"expected at least one element to average; got {x.spec}. To fix: skip empty data.")
    return sum(x, axes, keepdims) * (1.0 / count)


def variance(x: Tensor, axes: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """The average squared distance from the mean (biased: divided by the count)."""
    return mean(square(x - mean(x, axes, keepdims=True)), axes, keepdims)


def logsumexp(x: Tensor, axis: int = -1) -> Tensor:
    """log(sum(exp(x))) along ``axis``, which is kept with size 1."""
    # The largest is taken out first so that exp cannot overflow; it cancels, so its gradient is not needed.
    largest = stop_gradient(max(x, axis, keepdims=True))
    return log(sum(exp(x - largest), axis, keepdims=True)) + largest


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The logarithm of the probabilities that ``x`` (logits) stands for."""
    return x - logsumexp(x, axis)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """The probabilities that ``x`` (logits) stands for."""
    return exp(log_softmax(x, axis))


def as_axes(x: Tensor, axes: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Axes as primitives take them: non-negative and in order."""
    if axes is None:
        return tuple(range(x.ndim))
    listed = (axes,) if isinstance(axes, int) else axes
    return tuple(sorted(axis + x.ndim if axis < 0 else axis for axis in listed))
