"""Spreading an array over new or longer axes, and its mirror image, the sum over them."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Shape, Tensor, primitive
from glassnet.errors import ShapeError
from glassnet.ops.movement import reshape


def broadcast_shape(*specs: ArraySpec) -> ArraySpec:
    """The common shape of elementwise inputs, after NumPy's rule; their dtypes must be equal."""
    first = specs[0]
    if any(spec.dtype != first.dtype for spec in specs):
        raise ShapeError(f"expected equal dtypes; got {' and '.join(map(str, specs))}. To fix: cast one of them.")
    if all(spec.shape == first.shape for spec in specs):
        return first
    try:
        return ArraySpec(np.broadcast_shapes(*(spec.shape for spec in specs)), first.dtype)
    except ValueError:
        raise ShapeError(
            f"expected shapes that broadcast; got {' and '.join(map(str, specs))}. To fix: make the axes "
            "equal or 1, counted from the last."
        ) from None


def reduced_shape(x: ArraySpec, *, axes: tuple[int, ...], keepdims: bool) -> ArraySpec:
    """The shape of ``x`` when ``axes`` (sorted, non-negative, distinct) are reduced."""
    if x.dtype == bool:
        raise ShapeError(f"expected numbers to reduce; got {x}. To fix: cast the bool to a number.")
    if list(axes) != sorted(set(axes)) or not all(0 <= axis < len(x.shape) for axis in axes):
        raise ShapeError(f"expected distinct axes of {x} in order; got {axes}. To fix: count axes from 0.")
    if keepdims:
        return ArraySpec(tuple(1 if i in axes else n for i, n in enumerate(x.shape)), x.dtype)
    return ArraySpec(tuple(n for i, n in enumerate(x.shape) if i not in axes), x.dtype)


def _broadcast_to_shape(x: ArraySpec, *, shape: Shape) -> ArraySpec:
    if broadcast_shape(x, ArraySpec(shape, x.dtype)).shape != shape:
        raise ShapeError(f"expected a shape that {x} broadcasts to; got {list(shape)}. To fix: reshape it first.")
    return ArraySpec(shape, x.dtype)


@primitive(_broadcast_to_shape, vjps=[lambda g, out, x, shape: unbroadcast(g, x)])
def broadcast_to(x: Array, *, shape: Shape) -> Array:
    """``x`` repeated along axes of size 1 and along new leading axes."""
    return np.broadcast_to(x, shape)


@primitive(reduced_shape, vjps=[lambda g, out, x, axes, keepdims: spread(g, x, axes)])
def reduce_sum(x: Array, *, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The sum over ``axes``."""
    return np.sum(x, axes, keepdims=keepdims, dtype=x.dtype)


def spread(reduced: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A reduced tensor repeated over the axes of ``x`` that were reduced."""
    kept = reshape(reduced, reduced_shape(x.spec, axes=axes, keepdims=True).shape)
    return broadcast_to(kept, shape=x.shape)


def unbroadcast(g: Tensor, x: Tensor) -> Tensor:
    """The cotangent of an input that was broadcast: the sum over all its copies."""
    if g.shape == x.shape:
        return g
    new = g.ndim - x.ndim
    axes = tuple(i for i, n in enumerate(g.shape) if i < new or (x.shape[i - new] == 1 and n != 1))
    return reshape(reduce_sum(g, axes=axes, keepdims=False), x.shape)
