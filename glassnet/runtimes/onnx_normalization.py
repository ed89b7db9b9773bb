"""Normalization and its gradient in ONNX, and scaling by channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from glassnet.graph import GraphCall
from glassnet.runtimes.onnx_builder import Builder


def normalize(b: Builder, call: GraphCall) -> str:
    form = _Form.of(b.spec(call.inputs[0]).shape, call.params["axes"])
    return form.undo(b, _normalized(b, call.inputs[0], call, form)[0])


def normalize_gradient(b: Builder, call: GraphCall) -> str:
    """(g - mean(g) - y mean(g y)) / deviation, as two scalings g r + y k, each with its shift, in one pass each."""
    g, x = call.inputs
    form = _Form.of(b.spec(x).shape, call.params["axes"])
    y, scale = _normalized(b, x, call, form)
    blame = form.apply(b, b.name(g))
    mean_g = _mean(b, g, form) if form.batch > 1 else _channel_mean(b, blame, form)
    mean_gy = _channel_mean(b, b.node("Mul", blame, y), form)
    minus, zeros = b.node("Neg", scale), b.constant(np.zeros(form.channels, np.float32))
    from_g = scale_and_shift(b, blame, scale, b.node("Mul", minus, mean_g), form.channels)
    from_y = scale_and_shift(b, y, b.node("Mul", minus, mean_gy), zeros, form.channels)
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
        if form.batch > 1:
            return _normalized_over_batch(b, x, eps, form)
        # BatchNormalization in training mode would do both forms in one pass, but onnxruntime 1.32 overwrites its
        # inputs when one of its outputs is not used, and then normalizes wrongly.
        ones = b.constant(np.ones(form.length, np.float32))
        values = form.apply(b, b.name(x))
        y, _, scale = b.nodes("LayerNormalization", values, ones, num_outputs=3, axis=-1, epsilon=eps)
        return y, b.reshape(scale, form.channels)

    y, scale = b.share(("normalized", x, form, eps), make)
    return y, scale


def _normalized_over_batch(b: Builder, x: int, eps: float, form: _Form) -> tuple[str, str]:
    centered, variance = _centered(b, x, form)
    scale = b.node("Reciprocal", b.node("Sqrt", b.node("Add", variance, b.constant(np.array(eps, np.float32)))))
    zeros = b.constant(np.zeros(form.channels, np.float32))
    return scale_and_shift(b, centered, scale, zeros, form.channels), scale


def _centered(b: Builder, x: int, form: _Form) -> tuple[str, str]:
    """x - mean(x) in that form, and the variance of each channel."""

    def make() -> tuple[str, str]:
        ones = b.constant(np.ones(form.channels, np.float32))
        centered = scale_and_shift(b, form.apply(b, b.name(x)), ones, b.node("Neg", _mean(b, x, form)), form.channels)
        return centered, _channel_mean(b, b.node("Mul", centered, centered), form)

    centered, variance = b.share(("centered", x), make)
    return centered, variance


def _mean(b: Builder, x: int, form: _Form) -> str:
    return b.node("Mul", channel_sums(b, x), b.constant(np.array(1.0 / (form.batch * form.length), np.float32)))


def channel_sums(b: Builder, x: int) -> str:
    """(B, C, ...) -> (C,). A bias's gradient, a running mean and a normalization ask for the same sums."""

    def make() -> str:
        form = _Form.of(b.spec(x).shape, (0, *range(2, len(b.spec(x).shape))))
        squared = _squared_deviation_of(b, x)
        if squared is not None:
            count = b.constant(np.array(form.batch * form.length, np.float32))
            return b.node("Mul", _centered(b, squared, form)[1], count)
        rows = b.node(
            "ReduceSum", b.reshape(b.name(x), form.batch * form.channels, form.length), b.integers(1), keepdims=0
        )
        return b.node("ReduceSum", b.reshape(rows, form.batch, form.channels), b.integers(0), keepdims=0)

    return str(b.share(("channel sums", x), make))


def _squared_deviation_of(b: Builder, squares: int) -> int | None:
    """x, if the squares are those of x - mean(x) with one mean for each channel."""
    square = b.producer(squares, "multiply")
    centered = b.producer(square.inputs[0], "subtract") if square and len(set(square.inputs)) == 1 else None
    mean = b.producer(centered.inputs[1], "multiply") if centered else None
    if centered is None or mean is None:
        return None
    x, shape = centered.inputs[0], b.spec(centered.inputs[0]).shape
    by_channel = {"axes": (0, *range(2, len(shape))), "keepdims": True}
    for total, share in (mean.inputs, mean.inputs[::-1]):
        summed, value = b.producer(total, "reduce_sum"), b.graph.constants.get(share)
        is_sum = summed is not None and summed.inputs == (x,) and summed.params == by_channel
        if is_sum and value is not None and value.size == 1 and np.isclose(value * prod(shape), shape[1], rtol=1e-6):
            return x
    return None


def _channel_mean(b: Builder, name: str, form: _Form) -> str:
    rows = b.reshape(name, form.batch * form.channels, form.length)
    by_row = b.node("ReduceMean", rows, b.integers(1), keepdims=0)
    if form.batch == 1:
        return by_row
    return b.node("ReduceMean", b.reshape(by_row, form.batch, form.channels), b.integers(0), keepdims=0)


def scale_and_shift(b: Builder, name: str, scale: str, shift: str, channels: int) -> str:
    """x * scale + shift by channel in one pass: what BatchNormalization does with mean 0 and variance 1."""
    zeros, ones = (b.constant(np.full(channels, value, np.float32)) for value in (0, 1))
    return b.node("BatchNormalization", name, scale, shift, zeros, ones, epsilon=0.0)
