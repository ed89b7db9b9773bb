"""Operations that ONNX has not, or not in a fast form: products with a bias, convolution gradients, pooling, norms.

Each form is the fastest of several that were timed on onnxruntime's CPU kernels; benchmarks/onnx_forms.py repeats
the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from glassnet.graph import GraphCall
from glassnet.runtimes.onnx_builder import Builder, per_channel

# With this slope HardSigmoid is a step: 1 for every x > 1e-38, 0 for x <= 0. It is vectorized; Where and Sign are not.
_STEEP = 1e38


# Up to this many pixels onnxruntime convolves a batch faster as one wide image, each pixel a row of the whole batch.
_SMALL_IMAGE_PX = 200


def add(b: Builder, call: GraphCall) -> str:
    """x + y, where a convolution or a product takes a bias with it, and a scaling by channel a shift."""
    for value, other in (call.inputs, call.inputs[::-1]):
        if value in b.deferred and value not in b.names and b.spec(value) == b.spec(call.output):
            made = b.producers[value]
            if made.primitive == "conv2d_with" and per_channel(b.spec(other), b.spec(value)) == 1:
                return conv2d(b, made, bias=b.reshape(b.name(other), -1))
            if (
                made.primitive == "matmul"
                and _is_gemm(b, made)
                and b.spec(other).shape[-1:] == b.spec(value).shape[-1:]
            ):
                return matmul(b, made, bias=b.name(other))
            if made.primitive == "multiply" and per_channel(b.spec(other), b.spec(value)):
                return multiply(b, made, shift=other)
    return b.node("Add", *b.inputs(call))


def multiply(b: Builder, call: GraphCall, shift: int | None = None) -> str:
    """x * y, in one pass with the shift that follows where y is one number for each channel."""
    for x, scale in (call.inputs, call.inputs[::-1]):
        if b.spec(x) == b.spec(call.output) and per_channel(b.spec(scale), b.spec(x)):
            return _scale_by_channel(b, x, scale, shift)
    product = b.node("Mul", *b.inputs(call))
    return product if shift is None else b.node("Add", product, b.name(shift))


def _scale_by_channel(b: Builder, x: int, scale: int, shift: int | None) -> str:
    shape = b.spec(x).shape
    rows = max(per_channel(b.spec(value), b.spec(x)) for value in (scale, shift) if value is not None)
    channels = shape[1] if rows == 1 else shape[0] * shape[1]

    def vector(value: int) -> str:
        if b.spec(value).size == channels:
            return b.reshape(b.name(value), channels)
        return b.reshape(b.node("Expand", b.reshape(b.name(value), 1, shape[1]), b.integers(*shape[:2])), channels)

    zeros = b.constant(np.zeros(channels, np.float32))
    images = b.reshape(b.name(x), shape[0] if rows == 1 else 1, channels, -1)
    out = _scale_and_shift(b, images, vector(scale), zeros if shift is None else vector(shift), channels)
    return b.reshape(out, *shape)


def matmul(b: Builder, call: GraphCall, bias: str | None = None) -> str:
    """A product of matrices takes transposed operands as they are, and a bias; of batches of them it does not."""
    x, y = call.inputs
    if not _is_gemm(b, call):
        return b.node("MatMul", *b.inputs(call))
    names, flags = [], []
    for value in (x, y):
        transposed = b.producer(value, "transpose")
        names.append(b.name(transposed.inputs[0] if transposed else value))
        flags.append(int(transposed is not None))
    return b.node("Gemm", *names, *([bias] if bias else []), transA=flags[0], transB=flags[1])


def _is_gemm(b: Builder, call: GraphCall) -> bool:
    return all(len(b.spec(value).shape) == 2 and b.spec(value).dtype.kind == "f" for value in call.inputs)


def conv2d(b: Builder, call: GraphCall, bias: str | None = None) -> str:
    (ph, pw), how = call.params["padding"], call.params
    x, w = call.inputs
    if _is_small(b, call, x, w):
        return _conv_small(b, b.name(w), x, b.spec(w).shape[0], (ph, pw), bias)
    inputs = [*b.inputs(call), *([bias] if bias else [])]
    return b.node("Conv", *inputs, strides=list(how["stride"]), pads=[ph, pw, ph, pw], group=how["groups"])


def conv2d_input_gradient(b: Builder, call: GraphCall) -> str:
    """A convolution with the kernel turned round where images are small, else ConvTranspose."""
    g, w = call.inputs
    kernel, padding = b.spec(w).shape[2:], call.params["padding"]
    if _is_small(b, call, g, w):
        smallest = int(np.iinfo(np.int64).min)
        ends, steps = b.integers(smallest, smallest), b.integers(-1, -1)
        turned = b.node("Slice", b.transpose(b.name(w), 1, 0, 2, 3), steps, ends, b.integers(2, 3), steps)
        around = (kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1])
        return _conv_small(b, turned, g, b.spec(w).shape[1], around, None)
    return _transposed_windows(b, *b.inputs(call), call, call.params["groups"])


def _is_small(b: Builder, call: GraphCall, x: int, w: int) -> bool:
    """Whether the form for small images fits: stride 1, one group, and an output as large as the input."""
    how, kernel = call.params, b.spec(w).shape[2:]
    keeps_size = all(2 * p == k - 1 and k > 1 for p, k in zip(how["padding"], kernel, strict=True))
    is_small = prod(b.spec(x).shape[2:]) <= _SMALL_IMAGE_PX and b.spec(x).shape[1] >= 16
    return how["stride"] == (1, 1) and how["groups"] == 1 and keeps_size and is_small


def _conv_small(b: Builder, kernel: str, x: int, out_channels: int, padding: tuple[int, int], bias: str | None) -> str:
    """(B, C, H, W) as one image (1, C, H, W * B): neighbours along a row are B numbers apart, which is a dilation."""
    batch, channels, height, width = b.spec(x).shape
    wide = b.share(("wide", x), lambda: b.transpose(b.name(x), 1, 2, 3, 0))
    wide = b.reshape(wide, 1, channels, height, width * batch)
    pads = [padding[0], padding[1] * batch] * 2
    out = b.node("Conv", wide, kernel, *([bias] if bias else []), pads=pads, dilations=[1, batch])
    return b.transpose(b.reshape(out, out_channels, height, width, batch), 3, 0, 1, 2)


def conv2d_weight_gradient(b: Builder, call: GraphCall) -> str:
    """One convolution with the images as kernels, so that the sum over the batch is its sum over channels.

    The image is laid out (1, B, H, W * C), and the blame (O, B, H', W') slides over it: down by rows, and along by
    whole pixels of C numbers, because its columns are C (times the stride) apart. Every position along a row is then a
    (column of the kernel, channel) pair, and the result reads (1, O, kH, kW * C).
    """
    x, g = call.inputs
    groups, (kh, kw) = call.params["groups"], call.params["kernel"]
    if groups > 1:
        return _grouped_weight_gradient(b, call)
    (batch, channels, height, width), (_, out_channels, out_height, out_width) = b.spec(x).shape, b.spec(g).shape
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
    blame = b.share(("blame", g), lambda: b.transpose(b.name(g), 1, 0, 2, 3))
    pads = [ph, pw * channels, bottom, right * channels]
    out = b.node("Conv", rows, blame, pads=pads, dilations=[sh, sw * channels])
    return b.transpose(b.reshape(out, out_channels, kh, kw, channels), 0, 3, 1, 2)


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


def reduce_sum(b: Builder, call: GraphCall) -> str:
    axes, shape = call.params["axes"], b.spec(call.inputs[0]).shape
    name = b.name(call.inputs[0])
    if not axes:
        return name
    if axes == (0, 2, 3) and len(shape) == 4:  # a bias: rows first, then the batch
        by_row = b.node("ReduceSum", b.reshape(name, shape[0] * shape[1], -1), b.integers(1), keepdims=0)
        total = b.node("ReduceSum", b.reshape(by_row, *shape[:2]), b.integers(0), keepdims=0)
        return b.reshape(total, *b.spec(call.output).shape)
    return b.node("ReduceSum", name, b.integers(*axes), keepdims=int(call.params["keepdims"]))


def step(b: Builder, call: GraphCall) -> str:
    return b.node("HardSigmoid", b.name(call.inputs[0]), alpha=_STEEP, beta=0.0)


def slice_of(b: Builder, call: GraphCall) -> str:
    """Slicing only the axes that are really cut; slices that part a vector completely are one Split."""
    start, stop, shape = call.params["start"], call.params["stop"], b.spec(call.inputs[0]).shape
    if len(shape) == 1:
        parts = b.share(("split", call.inputs[0]), lambda: _split(b, call.inputs[0]))
        if (start, stop) in parts:
            return str(parts[start, stop])
    axes = [i for i, n in enumerate(shape) if (start[i], stop[i]) != (0, n)]
    if not axes:
        return b.name(call.inputs[0])
    bounds = [b.integers(*(bound[i] for i in axes)) for bound in (start, stop)]
    return b.node("Slice", b.name(call.inputs[0]), *bounds, b.integers(*axes))


def _split(b: Builder, vector: int) -> dict[Any, str]:
    """(start, stop) -> name for the slices of a vector, if they lie end to end; else nothing."""
    slices = {
        (call.params["start"], call.params["stop"])
        for call in b.graph.calls
        if call.primitive == "slice_of" and call.inputs == (vector,)
    }
    places = sorted(slices)
    ends = [0, *(stop[0] for _, stop in places)]
    if len(places) < 2 or [start[0] for start, _ in places] != ends[:-1] or ends[-1] != b.spec(vector).size:
        return {}
    sizes = b.integers(*(stop[0] - start[0] for start, stop in places))
    return dict(zip(places, b.nodes("Split", b.name(vector), sizes, num_outputs=len(places), axis=0), strict=True))


def scatter_add(b: Builder, call: GraphCall) -> str:
    axis, (updates, indices), out = call.params["axis"], call.inputs, b.spec(call.output)
    count = b.spec(indices).size
    shape = (*out.shape[:axis], count, *out.shape[axis + 1 :])
    places = b.reshape(b.name(indices), *(count if i == axis else 1 for i in range(len(shape))))
    places = b.node("Expand", b.node("Cast", places, to=7), b.integers(*shape))
    zeros = b.node("Expand", b.constant(np.zeros((1,) * len(shape), out.dtype)), b.integers(*out.shape))
    return b.node("ScatterElements", zeros, places, b.reshape(b.name(updates), *shape), axis=axis, reduction="add")


def max_pool2d(b: Builder, call: GraphCall) -> str:
    return b.node("MaxPool", b.name(call.inputs[0]), **_window(call))


def avg_pool2d(b: Builder, call: GraphCall) -> str:
    return b.node("AveragePool", b.name(call.inputs[0]), count_include_pad=1, **_window(call))


def max_pool2d_gradient(b: Builder, call: GraphCall) -> str:
    """Blame goes where the image equals the maximum of its window, in equal shares."""
    g, x, out = call.inputs
    if not _tiles(b, call, x):
        return _overlapping_max_gradient(b, call)
    winners = _winners(b, call, x, out)
    shares = _divide_by_count(b, b.name(g), winners, call)
    return b.node("Mul", _spread(b, shares, call.params["kernel"]), winners)


def max_pool2d_pick(b: Builder, call: GraphCall) -> str:
    gg, x, out = call.inputs
    size, window = prod(call.params["kernel"]), _window(call)
    if not _tiles(b, call, x):
        return _overlapping_max_pick(b, call)
    winners = _winners(b, call, x, out)
    picked = b.node("AveragePool", b.node("Mul", b.name(gg), winners), count_include_pad=1, **window)
    total = b.node("Mul", picked, b.constant(np.array(size, np.float32)))
    return _divide_by_count(b, total, winners, call)


def avg_pool2d_gradient(b: Builder, call: GraphCall) -> str:
    """A depthwise transposed convolution with a kernel of equal shares."""
    how, channels = call.params, b.spec(call.output).shape[1]
    kernel = np.full((channels, 1, *how["kernel"]), 1.0 / prod(how["kernel"]), np.float32)
    return _transposed_windows(b, b.name(call.inputs[0]), b.constant(kernel), call, channels)


def upsample_nearest2d(b: Builder, call: GraphCall) -> str:
    return _spread(b, b.name(call.inputs[0]), call.params["scale"])


def _window(call: GraphCall) -> dict[str, list[int]]:
    (ph, pw), how = call.params["padding"], call.params
    return {"kernel_shape": list(how["kernel"]), "strides": list(how["stride"]), "pads": [ph, pw, ph, pw]}


def _tiles(b: Builder, call: GraphCall, x: int) -> bool:
    """Whether the windows lie side by side and cover the image, so that gradients need no sums."""
    how = call.params
    divides = all(n % k == 0 for n, k in zip(b.spec(x).shape[2:], how["kernel"], strict=True))
    return how["kernel"] == how["stride"] and how["padding"] == (0, 0) and divides


def _spread(b: Builder, name: str, scale: tuple[int, int]) -> str:
    scales = b.constant(np.array([1, 1, *scale], np.float32))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return b.node("Resize", name, "", scales, **how)


def _winners(b: Builder, call: GraphCall, x: int, out: int) -> str:
    """1.0 where the image equals the maximum of its window: x - maximum is 0 there and negative elsewhere."""

    def make() -> str:
        behind = b.node("Sub", b.name(x), _spread(b, b.name(out), call.params["kernel"]))
        return b.node("HardSigmoid", behind, alpha=_STEEP, beta=1.0)

    return str(b.share(("winners", x, out, call.params["kernel"]), make))


def _divide_by_count(b: Builder, name: str, winners: str, call: GraphCall) -> str:
    share = b.node("AveragePool", winners, count_include_pad=1, **_window(call))
    return b.node("Div", name, b.node("Mul", share, b.constant(np.array(prod(call.params["kernel"]), np.float32))))


def _overlapping_max_gradient(b: Builder, call: GraphCall) -> str:
    """Every window laid out by itself, its winners found there, and their shares added up where windows overlap."""
    g = call.inputs[0]
    (batch, channels, height, width), kernel = b.spec(g).shape, call.params["kernel"]
    shares = b.node("Mul", _shares_in_windows(b, call), b.node("Unsqueeze", b.name(g), b.integers(2)))
    flat = b.reshape(shares, batch, channels * prod(kernel), height, width)
    return _transposed_windows(b, flat, b.constant(_one_hot(channels, kernel)), call, channels)


def _overlapping_max_pick(b: Builder, call: GraphCall) -> str:
    values = _laid_out(b, call, b.name(call.inputs[0]), 0.0)
    product = b.node("Mul", values, _shares_in_windows(b, call))
    return b.node("ReduceSum", product, b.integers(2), keepdims=0)


def _shares_in_windows(b: Builder, call: GraphCall) -> str:
    """(B, C, kH * kW, H', W'): the share of each element of each window in its maximum."""
    lowest = float(np.finfo(np.float32).min)
    values = _laid_out(b, call, b.name(call.inputs[1]), lowest)
    best = b.node("Unsqueeze", b.name(call.inputs[2]), b.integers(2))
    winners = b.node("Cast", b.node("Equal", values, best), to=1)
    return b.node("Div", winners, b.node("ReduceSum", winners, b.integers(2), keepdims=1))


def _laid_out(b: Builder, call: GraphCall, name: str, padding_value: float) -> str:
    """(B, C, H, W) -> (B, C, kH * kW, H', W') by one strided slice for each place in the window."""
    (ph, pw), (sh, sw), (kh, kw) = call.params["padding"], call.params["stride"], call.params["kernel"]
    height, width = b.spec(call.inputs[2]).shape[2:]
    value = b.constant(np.array(padding_value, np.float32))
    padded = b.node("Pad", name, b.integers(0, 0, ph, pw, 0, 0, ph, pw), value)
    parts = [
        b.node("Unsqueeze", b.node("Slice", padded, b.integers(i, j),
               b.integers(i + (height - 1) * sh + 1, j + (width - 1) * sw + 1), b.integers(2, 3), b.integers(sh, sw)),
               b.integers(2))
        for i in range(kh) for j in range(kw)
    ]  # fmt: skip
    return b.node("Concat", *parts, axis=2)


def _one_hot(channels: int, kernel: tuple[int, int]) -> Any:
    """(C * kH * kW, 1, kH, kW): kernel (c, i, j) is 1 at (i, j)."""
    return np.tile(np.eye(prod(kernel), dtype=np.float32), (channels, 1)).reshape(-1, 1, *kernel)


def _transposed_windows(b: Builder, name: str, kernel: str, call: GraphCall, groups: int) -> str:
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


def normalize(b: Builder, call: GraphCall) -> str:
    form = _Form.of(b.spec(call.inputs[0]).shape, call.params["axes"])
    return form.undo(b, _normalized(b, call.inputs[0], call, form)[0])


def normalize_gradient(b: Builder, call: GraphCall) -> str:
    """(g - mean(g) - y mean(g y)) / deviation, as two scalings g r + y k, each with its shift, in one pass each."""
    g, x = call.inputs
    form = _Form.of(b.spec(x).shape, call.params["axes"])
    y, scale = _normalized(b, x, call, form)
    blame = form.apply(b, b.name(g))
    mean_g, mean_gy = _channel_mean(b, blame, form), _channel_mean(b, b.node("Mul", blame, y), form)
    minus, zeros = b.node("Neg", scale), b.constant(np.zeros(form.channels, np.float32))
    from_g = _scale_and_shift(b, blame, scale, b.node("Mul", minus, mean_g), form.channels)
    from_y = _scale_and_shift(b, y, b.node("Mul", minus, mean_gy), zeros, form.channels)
    return form.undo(b, b.node("Add", from_g, from_y))


@dataclass(frozen=True, slots=True)
class _Form:
    """An array seen as (batch, channels, length), where each channel has a mean and a variance of its own."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]  # of the array, in the order in which the form takes them
    batch: int
    channels: int
    length: int

    @staticmethod
    def of(shape: tuple[int, ...], reduced: tuple[int, ...]) -> _Form:
        rank = len(shape)
        if rank > 2 and reduced == (0, *range(2, rank)):
            return _Form(shape, tuple(range(rank)), shape[0], shape[1], prod(shape[2:]))
        kept = tuple(axis for axis in range(rank) if axis not in reduced)
        channels, length = (prod(shape[axis] for axis in axes) for axes in (kept, reduced))
        return _Form(shape, (*kept, *reduced), 1, channels, length)

    def apply(self, b: Builder, name: str) -> str:
        if self.axes != tuple(range(len(self.shape))):
            name = b.transpose(name, *self.axes)
        return b.reshape(name, self.batch, self.channels, self.length)

    def undo(self, b: Builder, name: str) -> str:
        name = b.reshape(name, *(self.shape[axis] for axis in self.axes))
        if self.axes != tuple(range(len(self.shape))):
            name = b.transpose(name, *np.argsort(self.axes).tolist())
        return name


def _normalized(b: Builder, x: int, call: GraphCall, form: _Form) -> tuple[str, str]:
    """Normalized values in that form, and 1 / deviation of each channel; made once for both directions."""
    eps = call.params["eps"]

    def make() -> tuple[str, str]:
        values = form.apply(b, b.name(x))
        if form.batch > 1:
            return _normalized_over_batch(b, values, eps, form)
        # BatchNormalization in training mode would do both forms in one pass, but onnxruntime 1.32 overwrites its
        # inputs when one of its outputs is not used, and then normalizes wrongly.
        ones = b.constant(np.ones(form.length, np.float32))
        y, _, scale = b.nodes("LayerNormalization", values, ones, num_outputs=3, axis=-1, epsilon=eps)
        return y, b.reshape(scale, form.channels)

    y, scale = b.share(("normalized", x, form, eps), make)
    return y, scale


def _normalized_over_batch(b: Builder, values: str, eps: float, form: _Form) -> tuple[str, str]:
    ones, zeros = (b.constant(np.full(form.channels, value, np.float32)) for value in (1, 0))
    centered = _scale_and_shift(b, values, ones, b.node("Neg", _channel_mean(b, values, form)), form.channels)
    variance = _channel_mean(b, b.node("Mul", centered, centered), form)
    scale = b.node("Reciprocal", b.node("Sqrt", b.node("Add", variance, b.constant(np.array(eps, np.float32)))))
    return _scale_and_shift(b, centered, scale, zeros, form.channels), scale


def _channel_mean(b: Builder, name: str, form: _Form) -> str:
    rows = b.reshape(name, form.batch * form.channels, form.length)
    by_row = b.node("ReduceMean", rows, b.integers(1), keepdims=0)
    if form.batch == 1:
        return by_row
    return b.node("ReduceMean", b.reshape(by_row, form.batch, form.channels), b.integers(0), keepdims=0)


def _scale_and_shift(b: Builder, name: str, scale: str, shift: str, channels: int) -> str:
    """x * scale + shift by channel in one pass: what BatchNormalization does with mean 0 and variance 1."""
    zeros, ones = (b.constant(np.full(channels, value, np.float32)) for value in (0, 1))
    return b.node("BatchNormalization", name, scale, shift, zeros, ones, epsilon=0.0)
