"""Primitives that move numbers about without changing them; their vjps are each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Shape, Tensor, primitive
from glassnet.errors import ShapeError


def _reshape_shape(x: ArraySpec, *, shape: Shape) -> ArraySpec:
    if prod(shape) != x.size:
        raise ShapeError(f"expected {x.size} elements in the new shape; got {list(shape)} for {x}. To fix: check it.")
    return ArraySpec(shape, x.dtype)


@primitive(_reshape_shape, vjps=[lambda g, out, x, shape: reshape_to(g, shape=x.shape)])
def reshape_to(x: Array, *, shape: Shape) -> Array:
    """The same elements in row-major order under another shape."""
    return x.reshape(shape)


def _transpose_shape(x: ArraySpec, *, axes: tuple[int, ...]) -> ArraySpec:
    if sorted(axes) != list(range(len(x.shape))):
        raise ShapeError(f"expected a permutation of the axes of {x}; got {axes}. To fix: name each axis once.")
    return ArraySpec(tuple(x.shape[axis] for axis in axes), x.dtype)


@primitive(_transpose_shape, vjps=[lambda g, out, x, axes: transpose(g, axes=tuple(np.argsort(axes).tolist()))])
def transpose(x: Array, *, axes: tuple[int, ...]) -> Array:
    """Axes in another order: output axis i is input axis ``axes[i]``."""
    return np.transpose(x, axes)


def _pad_shape(x: ArraySpec, *, before: Shape, after: Shape, value: float) -> ArraySpec:
    if not len(before) == len(after) == len(x.shape) or min((*before, *after, 0)) < 0:
        raise ShapeError(f"expected a padding >= 0 for each axis of {x}; got {before} and {after}. To fix: count axes.")
    return ArraySpec(tuple(b + n + a for b, n, a in zip(before, x.shape, after, strict=True)), x.dtype)


@primitive(
    _pad_shape,
    vjps=[
        lambda g, out, x, before, after, value: slice_of(
            g, start=before, stop=tuple(b + n for b, n in zip(before, x.shape, strict=True))
        )
    ],
)
def pad(x: Array, *, before: Shape, after: Shape, value: float = 0.0) -> Array:
    """``value`` added around ``x``: ``before[i]`` and ``after[i]`` elements along axis i."""
    out = np.full([b + n + a for b, n, a in zip(before, x.shape, after, strict=True)], value, x.dtype)
    out[tuple(slice(b, b + n) for b, n in zip(before, x.shape, strict=True))] = x
    return out


def _slice_shape(x: ArraySpec, *, start: Shape, stop: Shape) -> ArraySpec:
    if not len(start) == len(stop) == len(x.shape) or not all(
        0 <= a <= b <= n for a, b, n in zip(start, stop, x.shape, strict=True)
    ):
        raise ShapeError(f"expected 0 <= start <= stop <= size along each axis of {x}; got {start} to {stop}. To fix: "
                         "count axes and sizes.")  # fmt: skip
    return ArraySpec(tuple(b - a for a, b in zip(start, stop, strict=True)), x.dtype)


@primitive(
    _slice_shape,
    vjps=[
        lambda g, out, x, start, stop: pad(
            g, before=start, after=tuple(n - b for n, b in zip(x.shape, stop, strict=True)), value=0.0
        )
    ],
)
def slice_of(x: Array, *, start: Shape, stop: Shape) -> Array:
    """The block ``x[start[0]:stop[0], start[1]:stop[1], ...]``."""
    return x[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]


def _concatenate_shape(*parts: ArraySpec, axis: int) -> ArraySpec:
    first = parts[0]
    for part in parts:
        without = [shape[:axis] + shape[axis + 1 :] for shape in (part.shape, first.shape)]
        if not 0 <= axis < len(part.shape) or without[0] != without[1] or part.dtype != first.dtype:
            raise ShapeError(f"expected parts that differ along axis {axis} only; got {first} and {part}. To fix: "
                             "reshape or cast them first.")  # fmt: skip
    total = sum(part.shape[axis] for part in parts)
    return ArraySpec((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)


def _concatenate_vjp(index: int) -> Callable[..., Tensor]:
    """The rule for part ``index``, of any number: the block of ``g`` that it became."""

    def vjp(g: Tensor, out: Tensor, *parts: Tensor, axis: int) -> Tensor:
        start = sum(part.shape[axis] for part in parts[:index])
        return slice_axis(g, axis, start, start + parts[index].shape[axis])

    return vjp


@primitive(_concatenate_shape, vjps=_concatenate_vjp)
def concatenate_parts(*parts: Array, axis: int) -> Array:
    """The parts one after another along ``axis``."""
    return np.concatenate(parts, axis)


def _flip_shape(x: ArraySpec, *, axes: tuple[int, ...]) -> ArraySpec:
    if len(set(axes)) != len(axes) or not all(0 <= axis < len(x.shape) for axis in axes):
        raise ShapeError(f"expected distinct axes of {x}; got {axes}. To fix: count axes from 0.")
    return x


@primitive(_flip_shape, vjps=[lambda g, out, x, axes: flip(g, axes=axes)])
def flip(x: Array, *, axes: tuple[int, ...]) -> Array:
    """The order of the elements along ``axes`` reversed."""
    return np.flip(x, axes)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """``x`` under another shape; one entry may be -1 and is then worked out."""
    known = -prod(shape) if -1 in shape else 1
    full = tuple(x.size // max(known, 1) if n == -1 else n for n in shape)
    return x if full == x.shape else reshape_to(x, shape=full)


def slice_axis(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """``x[start:stop]`` along one axis."""
    axis = axis + x.ndim if axis < 0 else axis
    starts = tuple(start if i == axis else 0 for i in range(x.ndim))
    stops = tuple(stop if i == axis else n for i, n in enumerate(x.shape))
    return slice_of(x, start=starts, stop=stops)


def concatenate(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """The parts one after another along ``axis``."""
    return concatenate_parts(*parts, axis=axis + parts[0].ndim if axis < 0 else axis)


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """(B, C, H, W) -> (B, C block^2, H / block, W / block): each block of pixels becomes the channels of one."""
    batch, channels, height, width = x.shape
    blocks = reshape(x, (batch, channels, height // block, block, width // block, block))
    turned = transpose(blocks, axes=(0, 1, 3, 5, 2, 4))
    return reshape(turned, (batch, channels * block * block, height // block, width // block))


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """(B, C block^2, H, W) -> (B, C, H block, W block): `space_to_depth` undone."""
    batch, channels, height, width = x.shape
    blocks = reshape(x, (batch, channels // (block * block), block, block, height, width))
    turned = transpose(blocks, axes=(0, 1, 4, 2, 5, 3))
    return reshape(turned, (batch, channels // (block * block), height * block, width * block))
