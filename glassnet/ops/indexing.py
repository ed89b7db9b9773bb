"""Picking slices by number, and its mirror image: adding slices up where the numbers say."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive
from glassnet.errors import ShapeError
from glassnet.ops.elementwise import cast, equal
from glassnet.ops.movement import reshape


def _check_indices(indices: ArraySpec) -> None:
    if indices.dtype.kind not in "iu":
        raise ShapeError(f"expected whole numbers as indices; got {indices}. To fix: cast them to int64.")


def _take_shape(x: ArraySpec, indices: ArraySpec, *, axis: int) -> ArraySpec:
    _check_indices(indices)
    if not 0 <= axis < len(x.shape):
        raise ShapeError(f"expected an axis of {x}; got {axis}. To fix: count axes from 0.")
    return ArraySpec(x.shape[:axis] + indices.shape + x.shape[axis + 1 :], x.dtype)


@primitive(
    _take_shape,
    vjps=[lambda g, out, x, indices, axis: scatter_add(g, indices, axis=axis, size=x.shape[axis]), None],
)
def take(x: Array, indices: Array, *, axis: int) -> Array:
    """The slices of ``x`` along ``axis`` that ``indices`` (any shape) name, in the place of that axis."""
    return np.take(x, indices, axis)


def _scatter_add_shape(updates: ArraySpec, indices: ArraySpec, *, axis: int, size: int) -> ArraySpec:
    _check_indices(indices)
    depth = len(indices.shape)
    if not 0 <= axis <= len(updates.shape) - depth or updates.shape[axis : axis + depth] != indices.shape:
        raise ShapeError(
            f"expected updates whose axes from {axis} on are {list(indices.shape)}; got {updates}. "
            "To fix: give one slice for each index."
        )
    return ArraySpec((*updates.shape[:axis], size, *updates.shape[axis + depth :]), updates.dtype)


@primitive(_scatter_add_shape, vjps=[lambda g, out, updates, indices, axis, size: take(g, indices, axis=axis), None])
def scatter_add(updates: Array, indices: Array, *, axis: int, size: int) -> Array:
    """Zeros with ``size`` slices along ``axis``, and each update added to the slice that its index names."""
    lead, tail = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    out = np.zeros((*lead, size, *tail), updates.dtype)
    flat = updates.reshape(*lead, indices.size, *tail)
    np.add.at(np.moveaxis(out, axis, 0), indices.reshape(-1), np.moveaxis(flat, axis, 0))
    return out


def one_hot(labels: Tensor, num_classes: int, dtype: np.dtype[Any] | str = "float32") -> Tensor:
    """(batch,) whole numbers to (batch, num_classes): 1 at the label, 0 elsewhere."""
    classes = np.arange(num_classes, dtype=labels.dtype)
    return cast(equal(reshape(labels, (*labels.shape, 1)), classes), dtype)
