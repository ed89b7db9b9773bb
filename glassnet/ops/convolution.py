"""Convolution is bilinear: it and its two gradients are three primitives whose vjps are each other.

Images are (batch, channels, height, width), kernels (out_channels, in_channels / groups, height, width). As
everywhere in the field the kernel is not flipped: this is cross-correlation.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive
from glassnet.errors import ShapeError

Pair = tuple[int, int]


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Pair:
    """Height and width after a window of size ``kernel`` has gone over a padded image of ``size``."""
    spare = [n + 2 * p - k for n, k, p in zip(size, kernel, padding, strict=True)]
    if min(*spare, *padding) < 0 or min(*kernel, *stride) < 1:
        raise ShapeError(
            f"expected a window that fits into the image; got image {size}, window {kernel}, stride {stride}, "
            f"padding {padding}. To fix: use a smaller window or more padding."
        )
    return spare[0] // stride[0] + 1, spare[1] // stride[1] + 1


def _conv2d_shape(x: ArraySpec, w: ArraySpec, *, stride: Pair, padding: Pair, groups: int) -> ArraySpec:
    _check_convolution(x, w, "x (B, C, H, W) and w (O, C / groups, kH, kW)")
    if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"expected in_channels = {groups} x {w.shape[1]} and out_channels divisible by groups={groups}; got "
            f"x {x}, w {w}. To fix: match the channels."
        )
    height, width = output_size(x.shape[2:], w.shape[2:], stride, padding)  # type: ignore[arg-type]
    return ArraySpec((x.shape[0], w.shape[0], height, width), x.dtype)


def _input_gradient_shape(
    g: ArraySpec, w: ArraySpec, *, input_size: Pair, stride: Pair, padding: Pair, groups: int
) -> ArraySpec:
    _check_convolution(g, w, "g (B, O, H, W) and w (O, C / groups, kH, kW)")
    expected = (w.shape[0], *output_size(input_size, w.shape[2:], stride, padding))  # type: ignore[arg-type]
    if g.shape[1:] != expected or w.shape[0] % groups:
        raise ShapeError(
            f"expected g of shape (B, {', '.join(map(str, expected))}) and groups that divide its channels; got {g}, "
            f"groups={groups}. To fix: check w, input_size, stride, padding and groups."
        )
    return ArraySpec((g.shape[0], w.shape[1] * groups, *input_size), g.dtype)


def _weight_gradient_shape(
    x: ArraySpec, g: ArraySpec, *, kernel: Pair, stride: Pair, padding: Pair, groups: int
) -> ArraySpec:
    _check_convolution(x, g, "x (B, C, H, W) and g (B, O, H, W)")
    expected = (x.shape[0], g.shape[1], *output_size(x.shape[2:], kernel, stride, padding))  # type: ignore[arg-type]
    if g.shape != expected or x.shape[1] % groups or g.shape[1] % groups:
        raise ShapeError(
            f"expected g of shape {expected} and groups that divide both channels; got x {x}, g {g}, groups={groups}. "
            "To fix: check kernel, stride, padding and groups."
        )
    return ArraySpec((g.shape[1], x.shape[1] // groups, *kernel), x.dtype)


def _check_convolution(a: ArraySpec, b: ArraySpec, expected: str) -> None:
    if len(a.shape) != 4 or len(b.shape) != 4 or a.dtype != b.dtype:
        raise ShapeError(f"expected {expected} of one dtype; got {a} and {b}. To fix: reshape or cast.")


@primitive(
    _conv2d_shape,
    vjps=[
        lambda g, out, x, w, **how: conv2d_input_gradient(g, w, input_size=x.shape[2:], **how),
        lambda g, out, x, w, **how: conv2d_weight_gradient(x, g, kernel=w.shape[2:], **how),
    ],
)
def conv2d_with(x: Array, w: Array, *, stride: Pair, padding: Pair, groups: int) -> Array:
    """(B, C, H, W), (O, C / groups, kH, kW) -> (B, O, H', W'): each window times each kernel, summed."""
    columns, (height, width) = _columns(x, w.shape[2:], stride, padding, groups)
    kernels = w.reshape(groups, w.shape[0] // groups, -1)
    return np.matmul(kernels, columns).reshape(len(x), w.shape[0], height, width)


@primitive(
    _input_gradient_shape,
    vjps=[
        lambda gg, out, g, w, input_size, **how: conv2d_with(gg, w, **how),
        lambda gg, out, g, w, input_size, **how: conv2d_weight_gradient(gg, g, kernel=w.shape[2:], **how),
    ],
)
def conv2d_input_gradient(g: Array, w: Array, *, input_size: Pair, stride: Pair, padding: Pair, groups: int) -> Array:
    """The cotangent of the image: each output pixel hands ``g`` back to its window, weighted by the kernel."""
    batch, out_channels, height, width = g.shape
    kernels = w.reshape(groups, out_channels // groups, -1).swapaxes(1, 2)
    columns = np.matmul(kernels, g.reshape(batch, groups, out_channels // groups, height * width))
    columns = columns.reshape(batch, groups * w.shape[1], *w.shape[2:], height, width)
    return fold(columns, input_size, stride, padding)


@primitive(
    _weight_gradient_shape,
    vjps=[
        lambda gg, out, x, g, kernel, **how: conv2d_input_gradient(g, gg, input_size=x.shape[2:], **how),
        lambda gg, out, x, g, kernel, **how: conv2d_with(x, gg, **how),
    ],
)
def conv2d_weight_gradient(x: Array, g: Array, *, kernel: Pair, stride: Pair, padding: Pair, groups: int) -> Array:
    """The cotangent of the kernel: (signal coming in) x (blame coming back), summed over positions and batch."""
    columns, (height, width) = _columns(x, kernel, stride, padding, groups)
    blame = g.reshape(len(g), groups, g.shape[1] // groups, height * width)
    per_image = np.matmul(blame, columns.swapaxes(2, 3))
    return per_image.sum(0, dtype=x.dtype).reshape(g.shape[1], x.shape[1] // groups, *kernel)


def windows(x: Array, kernel: Pair, stride: Pair, padding: Pair, value: float = 0.0) -> Array:
    """(B, C, H, W) -> (B, C, H', W', kH, kW): a view of every window of the padded image."""
    around = [(0, 0), (0, 0), (padding[0], padding[0]), (padding[1], padding[1])]
    padded = np.pad(x, around, constant_values=value) if any(padding) else x
    return sliding_window_view(padded, kernel, axis=(2, 3))[:, :, :: stride[0], :: stride[1]]


def fold(columns: Array, input_size: Pair, stride: Pair, padding: Pair) -> Array:
    """(B, C, kH, kW, H', W') -> (B, C, H, W): the mirror image of `windows`, adding where windows overlap."""
    batch, channels, kernel_height, kernel_width, height, width = columns.shape
    padded_size = (input_size[0] + 2 * padding[0], input_size[1] + 2 * padding[1])
    out = np.zeros((batch, channels, *padded_size), columns.dtype)
    for i in range(kernel_height):
        for j in range(kernel_width):
            rows = slice(i, i + stride[0] * height, stride[0])
            out[:, :, rows, j : j + stride[1] * width : stride[1]] += columns[:, :, i, j]
    return out[:, :, padding[0] : padding[0] + input_size[0], padding[1] : padding[1] + input_size[1]]


def _columns(x: Array, kernel: Pair, stride: Pair, padding: Pair, groups: int) -> tuple[Array, Pair]:
    """Every window as a column: (B, groups, C / groups * kH * kW, H' * W')."""
    view = windows(x, kernel, stride, padding)
    batch, channels, height, width = view.shape[:4]
    depth = channels // groups * kernel[0] * kernel[1]
    columns = view.transpose(0, 1, 4, 5, 2, 3).reshape(batch, groups, depth, height * width)
    return columns, (height, width)


def conv2d(x: Tensor, w: Tensor, stride: int | Pair = 1, padding: int | Pair = 0, groups: int = 1) -> Tensor:
    """(B, C, H, W), (O, C / groups, kH, kW) -> (B, O, H', W')."""
    return conv2d_with(x, w, stride=as_pair(stride), padding=as_pair(padding), groups=groups)


def conv_transpose2d(x: Tensor, w: Tensor, stride: int | Pair = 1, padding: int | Pair = 0, groups: int = 1) -> Tensor:
    """(B, C, H, W), (C, O / groups, kH, kW) -> (B, O, H', W'): `conv2d` run backwards, H' = (H - 1) s - 2 p + kH."""
    _check_convolution(x.spec, w.spec, "x (B, C, H, W) and w (C, O / groups, kH, kW)")
    stride, padding = as_pair(stride), as_pair(padding)
    size = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(x.shape[2:], stride, padding, w.shape[2:], strict=True)]
    return conv2d_input_gradient(x, w, input_size=(size[0], size[1]), stride=stride, padding=padding, groups=groups)


def as_pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value
