"""Convolution and its gradients in ONNX, in the forms that onnxruntime's CPU kernels do fastest.

benchmarks/onnx_forms.py repeats the comparison that chose them.
"""

from __future__ import annotations

from math import prod
from typing import TypeAlias

import numpy as np

from glassnet.graph import GraphCall
from glassnet.runtimes.onnx_builder import Builder

Shape: TypeAlias = tuple[int, ...]
# Up to this many pixels onnxruntime convolves a batch faster as one wide image, each pixel a row of the whole batch.
_SMALL_IMAGE_PX = 300


def conv2d(b: Builder, call: GraphCall, bias: str | None = None) -> str:
    return _conv(b, call, bias, (0, 0))


def conv2d_cut(b: Builder, call: GraphCall, missed: tuple[int, int]) -> str | None:
    """The convolution without its last ``missed`` rows and columns, if they are left out by padding less."""
    strides, padding = call.params["stride"], call.params["padding"]
    if any(m * s > p for m, s, p in zip(missed, strides, padding, strict=True)):
        return None
    return _conv(b, call, None, missed)


def _conv(b: Builder, call: GraphCall, bias: str | None, missed: tuple[int, int]) -> str:
    (ph, pw), how = call.params["padding"], call.params
    x, w = call.inputs
    pads = [ph, pw, ph - missed[0] * how["stride"][0], pw - missed[1] * how["stride"][1]]
    if _is_small(b, call, x, w):
        wide = b.share(("wide", x), lambda: b.transpose(b.name(x), 1, 2, 3, 0))
        return _conv_small(b, b.name(w), b.spec(w).shape, wide, b.spec(x).shape, pads, bias)
    inputs = [*b.inputs(call), *([bias] if bias else [])]
    return b.node("Conv", *inputs, strides=list(how["stride"]), pads=pads, group=how["groups"])


def conv2d_input_gradient(b: Builder, call: GraphCall) -> str:
    """A convolution with the kernel turned round where images are small, else ConvTranspose."""
    g, w = call.inputs
    (out_channels, channels, kh, kw), (ph, pw) = b.spec(w).shape, call.params["padding"]
    if not _is_small(b, call, g, w):
        return transposed_windows(b, b.name(g), b.name(w), call, call.params["groups"])
    smallest = int(np.iinfo(np.int64).min)
    ends, steps = b.integers(smallest, smallest), b.integers(-1, -1)
    turned = b.node("Slice", b.transpose(b.name(w), 1, 0, 2, 3), steps, ends, b.integers(2, 3), steps)
    name, (height, width) = inside(b, g)
    wide = b.share(("wide inside", g), lambda: b.transpose(name, 1, 2, 3, 0))
    batch, _, full_height, full_width = b.spec(g).shape
    top, left = kh - 1 - ph, kw - 1 - pw
    pads = [top, left, top + full_height - height, left + full_width - width]
    shapes = (channels, out_channels, kh, kw), (batch, out_channels, height, width)
    return _conv_small(b, turned, shapes[0], wide, shapes[1], pads, None)


def inside(b: Builder, g: int) -> tuple[str, tuple[int, int]]:
    """A gradient of images without the last rows and columns that are known to be zeros; its height and width."""
    known: tuple[str, tuple[int, int]] | None = b.shared.get(("inside", g))
    height, width = b.spec(g).shape[2:]
    return known or (b.name(g), (height, width))


def _is_small(b: Builder, call: GraphCall, x: int, w: int) -> bool:
    """Whether the form for small images fits: stride 1, one group, and an output as large as the input."""
    how, kernel = call.params, b.spec(w).shape[2:]
    keeps_size = all(2 * p == k - 1 and k > 1 for p, k in zip(how["padding"], kernel, strict=True))
    is_small = prod(b.spec(x).shape[2:]) <= _SMALL_IMAGE_PX and b.spec(x).shape[1] >= 4
    return how["stride"] == (1, 1) and how["groups"] == 1 and keeps_size and is_small


def _conv_small(
    b: Builder, kernel: str, kernel_shape: Shape, wide: str, image_shape: Shape, pads: list[int], bias: str | None
) -> str:
    """(B, C, H, W) as one image (1, C, H, W * B): neighbours along a row are B numbers apart, which is a dilation.

    ``wide`` is (C, H, W, B) already; ``image_shape`` is what it was.
    """
    (batch, channels, height, width), (out_channels, _, kh, kw) = image_shape, kernel_shape
    top, left, bottom, right = pads
    image = b.reshape(wide, 1, channels, height, width * batch)
    inputs, around = [image, kernel, *([bias] if bias else [])], [top, left * batch, bottom, right * batch]
    out = b.node("Conv", *inputs, pads=around, dilations=[1, batch])
    size = height + top + bottom - kh + 1, width + left + right - kw + 1
    return b.transpose(b.reshape(out, out_channels, *size, batch), 3, 0, 1, 2)


def conv2d_weight_gradient(b: Builder, call: GraphCall) -> str:
    """One convolution with the images as kernels, so that the sum over the batch is its sum over channels.

    The image is laid out (1, B, H, W * C), and the blame (O, B, H', W') slides over it: down by rows, and along by
    whole pixels of C numbers, because its columns are C (times the stride) apart. Every position along a row is then a
    (column of the kernel, channel) pair, and the result reads (1, O, kH, kW * C).

    The two halves of the batch are groups of their own: onnxruntime cuts one long sum differently for other numbers of
    threads, and groups not, so that their number changes no bit.
    """
    x, g = call.inputs
    groups, (kh, kw) = call.params["groups"], call.params["kernel"]
    if groups > 1:
        return _grouped_weight_gradient(b, call)
    (batch, channels, height, width), out_channels = b.spec(x).shape, b.spec(g).shape[1]
    name, (out_height, out_width) = inside(b, g)
    (sh, sw), (ph, pw) = call.params["stride"], call.params["padding"]
    # What the windows never reach at the lower and right border must not count: a negative pad is a cut.
    bottom = (out_height - 1) * sh + kh - height - ph
    right = (out_width - 1) * sw + kw - width - pw
    image = b.share(("rows of pixels", x), lambda: b.transpose(b.name(x), 0, 2, 3, 1))
    if bottom < 0 or right < 0:
        ends = b.integers(height + min(bottom, 0), width + min(right, 0))
        image = b.node("Slice", image, b.integers(0, 0), ends, b.integers(1, 2))
        height, width, bottom, right = height + min(bottom, 0), width + min(right, 0), max(bottom, 0), max(right, 0)
    rows = b.reshape(image, 1, batch, height, width * channels)
    halves = 2 if batch % 2 == 0 else 1

    def kernels() -> str:
        split = b.reshape(name, halves, batch // halves, out_channels, out_height, out_width)
        shape = (halves * out_channels, batch // halves, out_height, out_width)
        return b.reshape(b.transpose(split, 0, 2, 1, 3, 4), *shape)

    blame = b.share(("blame", g), kernels)
    pads = [ph, pw * channels, bottom, right * channels]
    out = b.node("Conv", rows, blame, pads=pads, dilations=[sh, sw * channels], group=halves)
    parts = b.reshape(out, halves, out_channels, kh, kw, channels)
    total = b.node("ReduceSum", parts, b.integers(0), keepdims=0)
    return b.transpose(total, 0, 3, 1, 2)


def _grouped_weight_gradient(b: Builder, call: GraphCall) -> str:
    """Images and blame with their batch and channel axes swapped; each input channel is an image of its own."""
    x, g = call.inputs
    groups, (kh, kw) = call.params["groups"], call.params["kernel"]
    (batch, channels, height, width), (_, out_channels, out_height, out_width) = b.spec(x).shape, b.spec(g).shape
    (sh, sw), (ph, pw) = call.params["stride"], call.params["padding"]
    signal = b.reshape(b.name(x), batch, groups, channels // groups, height, width)
    signal = b.reshape(b.transpose(signal, 2, 1, 0, 3, 4), channels // groups, groups * batch, height, width)
    blame = b.reshape(b.name(g), batch, groups, out_channels // groups, out_height, out_width)
    blame = b.reshape(b.transpose(blame, 1, 2, 0, 3, 4), out_channels, batch, out_height, out_width)
    out = b.node("Conv", signal, blame, pads=[ph, pw, ph, pw], dilations=[sh, sw], group=groups)
    # A stride that does not divide leaves positions at the end that no window of the kernel stands for.
    cut = b.node("Slice", out, b.integers(0, 0), b.integers(kh, kw), b.integers(2, 3))
    return b.transpose(cut, 1, 0, 2, 3)


def transposed_windows(b: Builder, name: str, kernel: str, call: GraphCall, groups: int) -> str:
    """Windows of (B, C', H', W') added up into the image that the call returns."""
    (ph, pw), strides = call.params["padding"], call.params["stride"]
    kernel_size = call.params.get("kernel") or b.spec(call.inputs[1]).shape[2:]
    windows, image = b.spec(call.inputs[0]).shape[2:], b.spec(call.output).shape[2:]
    # Rows and columns that the last window never reached.
    missed = [
        n - ((out - 1) * s - 2 * p + k)
        for n, out, s, p, k in zip(image, windows, strides, (ph, pw), kernel_size, strict=True)
    ]
    # onnxruntime wants output_padding below the stride; what is missed beyond that is padded with zeros.
    beyond = [max(0, m - s + 1) for m, s in zip(missed, strides, strict=True)]
    out = b.node(
        "ConvTranspose", name, kernel, strides=list(strides), pads=[ph, pw, ph, pw], group=groups,
        output_padding=[m - e for m, e in zip(missed, beyond, strict=True)],
    )  # fmt: skip
    return b.node("Pad", out, b.integers(0, 0, 0, 0, 0, 0, *beyond)) if any(beyond) else out
