"""Operations that ONNX has not, or not in a fast form: what takes a bias or a shift with it, sums, slices."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from glassnet.graph import GraphCall
from glassnet.runtimes.onnx_builder import Builder, per_channel
from glassnet.runtimes.onnx_convolution import conv2d
from glassnet.runtimes.onnx_normalization import channel_sums, scale_and_shift

# With this slope HardSigmoid is a step: 1 for every x > 1e-38, 0 for x <= 0. It is vectorized; Where and Sign are not.
_STEEP = 1e38


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
    out = scale_and_shift(b, images, vector(scale), zeros if shift is None else vector(shift), channels)
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


def reduce_sum(b: Builder, call: GraphCall) -> str:
    x = call.inputs[0]
    if call.params["axes"] == (0, 2, 3) and len(b.spec(x).shape) == 4:
        return b.reshape(channel_sums(b, x), *b.spec(call.output).shape)
    return _reduce(b, call, "ReduceSum")


def reduce_max(b: Builder, call: GraphCall) -> str:
    return _reduce(b, call, "ReduceMax")


def _reduce(b: Builder, call: GraphCall, op_type: str) -> str:
    """Without axes ONNX would reduce all of them."""
    axes, name = call.params["axes"], b.name(call.inputs[0])
    return b.node(op_type, name, b.integers(*axes), keepdims=int(call.params["keepdims"])) if axes else name


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
    places = b.node("Expand", b.node("Cast", places, to=TensorProto.INT64), b.integers(*shape))
    zeros = b.node("Expand", b.constant(np.zeros((1,) * len(shape), out.dtype)), b.integers(*out.shape))
    return b.node("ScatterElements", zeros, places, b.reshape(b.name(updates), *shape), axis=axis, reduction="add")
