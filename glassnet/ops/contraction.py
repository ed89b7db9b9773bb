"""The matrix product: the multiplications and additions that a network is made of."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, define_operator, primitive
from glassnet.errors import ShapeError
from glassnet.ops.broadcasting import unbroadcast
from glassnet.ops.movement import transpose


def _matmul_shape(x: ArraySpec, y: ArraySpec) -> ArraySpec:
    fits = len(x.shape) >= 2 and len(y.shape) >= 2 and x.shape[-1] == y.shape[-2] and x.dtype == y.dtype
    if not fits:
        raise ShapeError(f"expected (..., n, k) @ (..., k, m) of one dtype; got {x} @ {y}. To fix: transpose or cast.")
    try:
        lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ShapeError(f"expected leading axes that broadcast; got {x} @ {y}. To fix: reshape one.") from None
    return ArraySpec((*lead, x.shape[-2], y.shape[-1]), x.dtype)


@primitive(
    _matmul_shape,
    vjps=[
        lambda g, out, x, y: unbroadcast(matmul(g, swap_last_axes(y)), x),
        lambda g, out, x, y: unbroadcast(matmul(swap_last_axes(x), g), y),
    ],
)
def matmul(x: Array, y: Array) -> Array:
    """(..., n, k) @ (..., k, m) -> (..., n, m); leading axes broadcast"""
    return np.matmul(x, y)


def swap_last_axes(x: Tensor) -> Tensor:
    """The matrix (or each of many) transposed."""
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


define_operator("@", matmul)
