"""A window into one number: largest and average pooling with their gradients, and up-sampling."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive
from glassnet.errors import ShapeError
from glassnet.ops.convolution import Pair, as_pair, fold, output_size, windows


def _pool_shape(x: ArraySpec, *, kernel: Pair, stride: Pair, padding: Pair) -> ArraySpec:
    if len(x.shape) != 4 or x.dtype.kind != "f" or any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ShapeError(
            f"expected float images (B, C, H, W) and a padding of at most half the window; got {x}, window {kernel}, "
            f"padding {padding}. To fix: reshape, cast, or pad less."
        )
    return ArraySpec((*x.shape[:2], *output_size(x.shape[2:], kernel, stride, padding)), x.dtype)


def _max_pool2d_gradient_shape(g: ArraySpec, x: ArraySpec, out: ArraySpec, **how: Any) -> ArraySpec:
    _check_pooled(x, how, g, out)
    return x


def _max_pool2d_pick_shape(gg: ArraySpec, x: ArraySpec, out: ArraySpec, **how: Any) -> ArraySpec:
    _check_pooled(gg, how, out)
    _check_pooled(x, how, out)
    return out


def _avg_pool2d_gradient_shape(g: ArraySpec, *, input_size: Pair, **how: Any) -> ArraySpec:
    x = ArraySpec((*g.shape[:2], *input_size), g.dtype)
    _check_pooled(x, how, g)
    return x


def _check_pooled(x: ArraySpec, how: Mapping[str, Any], *pooled: ArraySpec) -> None:
    expected = _pool_shape(x, **how)
    if any(spec != expected for spec in pooled):
        given = " and ".join(map(str, pooled))
        raise ShapeError(f"expected {expected} from the pooling of {x}; got {given}. To fix: use the same window.")


@primitive(_pool_shape, vjps=[lambda g, out, x, **how: max_pool2d_gradient(g, x, out, **how)])
def max_pool2d_with(x: Array, *, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """(B, C, H, W) -> (B, C, H', W'): the largest number in each window"""
    view = windows(x, kernel, stride, padding, value=-np.inf)
    # One place of all windows after another: several times as fast as one window after another.
    return reduce(np.maximum, (view[..., i, j] for i in range(kernel[0]) for j in range(kernel[1])))


def _maxima(x: Array, out: Array, how: Mapping[str, Any]) -> Array:
    """The share of each element of each window (B, C, H', W', kH, kW) in its maximum."""
    is_maximum = windows(x, value=-np.inf, **how) == out[..., None, None]
    return is_maximum / is_maximum.sum((4, 5), keepdims=True, dtype=x.dtype)


@primitive(
    _max_pool2d_gradient_shape,
    vjps=[lambda gg, _, g, x, out, **how: max_pool2d_pick(gg, x, out, **how), None, None],
)
def max_pool2d_gradient(g: Array, x: Array, out: Array, **how: Any) -> Array:
    """``g`` handed back to the largest number of each window.

    Where several are equally large any weights that sum to 1 give a subgradient. The reference shares equally;
    runtimes may choose otherwise.
    """
    shares = _maxima(x, out, how) * g[..., None, None]
    return fold(shares.transpose(0, 1, 4, 5, 2, 3), x.shape[2:], how["stride"], how["padding"])


@primitive(
    _max_pool2d_pick_shape,
    vjps=[lambda g, _, gg, x, out, **how: max_pool2d_gradient(g, x, out, **how), None, None],
)
def max_pool2d_pick(gg: Array, x: Array, out: Array, **how: Any) -> Array:
    """The elements of ``gg`` at the place of the largest number of each window of ``x``"""
    return np.sum(_maxima(x, out, how) * windows(gg, **how), (4, 5), dtype=gg.dtype)


@primitive(
    _pool_shape,
    vjps=[lambda g, out, x, **how: avg_pool2d_gradient(g, input_size=x.shape[2:], **how)],
)
def avg_pool2d_with(x: Array, *, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """(B, C, H, W) -> (B, C, H', W'): the average of each window, padding counted as zeros"""
    return windows(x, kernel, stride, padding).mean((4, 5), dtype=x.dtype)


@primitive(
    _avg_pool2d_gradient_shape,
    vjps=[lambda gg, out, g, input_size, **how: avg_pool2d_with(gg, **how)],
)
def avg_pool2d_gradient(g: Array, *, input_size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Array:
    """``g`` handed back in equal parts to each element of its window"""
    columns = np.broadcast_to(g[:, :, None, None] / (kernel[0] * kernel[1]), (*g.shape[:2], *kernel, *g.shape[2:]))
    return fold(columns, input_size, stride, padding)


def _upsample_shape(x: ArraySpec, *, scale: Pair) -> ArraySpec:
    if len(x.shape) != 4 or min(scale) < 1:
        raise ShapeError(f"expected images (B, C, H, W) and a scale >= 1; got {x}, scale {scale}. To fix: reshape.")
    return ArraySpec((*x.shape[:2], x.shape[2] * scale[0], x.shape[3] * scale[1]), x.dtype)


def _sum_of_copies(g: Tensor, scale: Pair) -> Tensor:
    return avg_pool2d_with(g, kernel=scale, stride=scale, padding=(0, 0)) * float(scale[0] * scale[1])


@primitive(_upsample_shape, vjps=[lambda g, out, x, scale: _sum_of_copies(g, scale)])
def upsample_nearest2d(x: Array, *, scale: Pair) -> Array:
    """(B, C, H, W) -> (B, C, H * scale, W * scale): each pixel repeated"""
    return x.repeat(scale[0], axis=2).repeat(scale[1], axis=3)


def max_pool2d(x: Tensor, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Tensor:
    """The largest number in each window; the stride is the window's size unless given."""
    return max_pool2d_with(x, **_pooling(kernel, stride, padding))


def avg_pool2d(x: Tensor, kernel: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Tensor:
    """The average of each window; the stride is the window's size unless given."""
    return avg_pool2d_with(x, **_pooling(kernel, stride, padding))


def upsample_nearest(x: Tensor, scale: int | Pair) -> Tensor:
    """Each pixel repeated ``scale`` times along both sides."""
    return upsample_nearest2d(x, scale=as_pair(scale))


def _pooling(kernel: int | Pair, stride: int | Pair | None, padding: int | Pair) -> dict[str, Any]:
    kernel = as_pair(kernel)
    return {"kernel": kernel, "stride": kernel if stride is None else as_pair(stride), "padding": as_pair(padding)}
