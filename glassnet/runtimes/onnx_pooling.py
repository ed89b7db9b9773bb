"""Pooling and its gradients, and up-sampling, in ONNX."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto

from glassnet.graph import GraphCall
from glassnet.runtimes import onnx_convolution as convolution
from glassnet.runtimes.onnx_builder import Builder


def max_pool2d(b: Builder, call: GraphCall) -> str:
    return b.node("MaxPool", _reached(b, call, call.inputs[0]), **_window(call))


def avg_pool2d(b: Builder, call: GraphCall) -> str:
    return b.node("AveragePool", b.name(call.inputs[0]), count_include_pad=1, **_window(call))


def max_pool2d_gradient(b: Builder, call: GraphCall) -> str:
    """Blame goes where the image equals the maximum of its window, in equal shares."""
    g, x, out = call.inputs
    if not _lie_side_by_side(call):
        return _overlapping_max_gradient(b, call)
    winners = _winners(b, call, x, out)
    shares = b.node("Div", b.name(g), _window_sums(b, winners, call))
    blame = b.node("Mul", _spread(b, shares, call.params["kernel"]), winners)
    missed = _missed(b, call, x)
    if not any(missed):
        return blame
    height, width = b.spec(x).shape[2:]
    b.shared["inside", call.output] = blame, (height - missed[0], width - missed[1])
    return b.node("Pad", blame, b.integers(0, 0, 0, 0, 0, 0, *missed))


def max_pool2d_pick(b: Builder, call: GraphCall) -> str:
    gg, x, out = call.inputs
    if not _lie_side_by_side(call):
        return _overlapping_max_pick(b, call)
    winners = _winners(b, call, x, out)
    total = _window_sums(b, b.node("Mul", _reached(b, call, gg), winners), call)
    return b.node("Div", total, _window_sums(b, winners, call))


def avg_pool2d_gradient(b: Builder, call: GraphCall) -> str:
    """A depthwise transposed convolution with a kernel of equal shares."""
    how, channels = call.params, b.spec(call.output).shape[1]
    kernel = np.full((channels, 1, *how["kernel"]), 1.0 / prod(how["kernel"]), np.float32)
    return convolution.transposed_windows(b, b.name(call.inputs[0]), b.constant(kernel), call, channels)


def upsample_nearest2d(b: Builder, call: GraphCall) -> str:
    return _spread(b, b.name(call.inputs[0]), call.params["scale"])


def _window(call: GraphCall) -> dict[str, list[int]]:
    (ph, pw), how = call.params["padding"], call.params
    return {"kernel_shape": list(how["kernel"]), "strides": list(how["stride"]), "pads": [ph, pw, ph, pw]}


def _lie_side_by_side(call: GraphCall) -> bool:
    """Whether no two windows overlap, so that gradients need no sums."""
    return call.params["kernel"] == call.params["stride"] and call.params["padding"] == (0, 0)


def _missed(b: Builder, call: GraphCall, images: int) -> tuple[int, int]:
    """The last rows and columns that no window reaches, where windows lie side by side."""
    (height, width), (kh, kw) = b.spec(images).shape[2:], call.params["kernel"]
    return height % kh, width % kw


def _reached(b: Builder, call: GraphCall, images: int) -> str:
    """The images as far as windows reach, where those lie side by side; a convolution does not make the rest."""
    missed = _missed(b, call, images)
    if not any(missed) or not _lie_side_by_side(call):
        return b.name(images)
    return str(b.share(("reached", images, missed), lambda: _cut(b, images, missed)))


def _cut(b: Builder, images: int, missed: tuple[int, int]) -> str:
    made = b.producer(images, "conv2d_with")
    if made is not None and all(user.primitive.startswith("max_pool2d") for user in b.users(images)):
        less = convolution.conv2d_cut(b, made, missed)
        if less is not None:
            return less
    ends = (n - m for n, m in zip(b.spec(images).shape[2:], missed, strict=True))
    return b.node("Slice", b.name(images), b.integers(0, 0), b.integers(*ends), b.integers(2, 3))


def _spread(b: Builder, name: str, scale: tuple[int, int]) -> str:
    scales = b.constant(np.array([1, 1, *scale], np.float32))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return b.node("Resize", name, "", scales, **how)


def _winners(b: Builder, call: GraphCall, x: int, out: int) -> str:
    """1.0 where the image equals the maximum of its window."""

    def make() -> str:
        best = _spread(b, b.name(out), call.params["kernel"])
        return b.node("Cast", b.node("Equal", _reached(b, call, x), best), to=TensorProto.FLOAT)

    return str(b.share(("winners", x, out, call.params["kernel"]), make))


def _window_sums(b: Builder, name: str, call: GraphCall) -> str:
    """(B, C, H' kH, W' kW) -> (B, C, H', W') as a product with zeros and ones, which is faster than AveragePool."""
    batch, channels, height, width = b.spec(call.inputs[2]).shape
    kh, kw = call.params["kernel"]
    columns = np.tile(np.repeat(np.eye(width, dtype=np.float32), kw, axis=0), (kh, 1))
    sums = b.node("MatMul", b.reshape(name, -1, kh * width * kw), b.constant(columns))
    return b.reshape(sums, batch, channels, height, width)


def _overlapping_max_gradient(b: Builder, call: GraphCall) -> str:
    """Every window laid out by itself, its winners found there, and their shares added up where windows overlap."""
    g = call.inputs[0]
    (batch, channels, height, width), kernel = b.spec(g).shape, call.params["kernel"]
    shares = b.node("Mul", _shares_in_windows(b, call), b.node("Unsqueeze", b.name(g), b.integers(2)))
    flat = b.reshape(shares, batch, channels * prod(kernel), height, width)
    return convolution.transposed_windows(b, flat, b.constant(_one_hot(channels, kernel)), call, channels)


def _overlapping_max_pick(b: Builder, call: GraphCall) -> str:
    values = _laid_out(b, call, b.name(call.inputs[0]), 0.0)
    product = b.node("Mul", values, _shares_in_windows(b, call))
    return b.node("ReduceSum", product, b.integers(2), keepdims=0)


def _shares_in_windows(b: Builder, call: GraphCall) -> str:
    """(B, C, kH * kW, H', W'): the share of each element of each window in its maximum."""
    lowest = float(np.finfo(np.float32).min)
    values = _laid_out(b, call, b.name(call.inputs[1]), lowest)
    best = b.node("Unsqueeze", b.name(call.inputs[2]), b.integers(2))
    winners = b.node("Cast", b.node("Equal", values, best), to=TensorProto.FLOAT)
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
