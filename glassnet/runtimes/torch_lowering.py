"""A graph as PyTorch calls: one rule for each primitive.

What PyTorch does in fewer calls is in `torch_fusion`, kernels of layers in `torch_images`. Knows nothing of devices.
Activations (images and what is computed from them element by element) may be in a low
precision; parameters, sums, statistics and everything of the optimizer are in the graph's own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.errors import MissingRuleError
from glassnet.graph import Graph, GraphCall
from glassnet.ops import num_processes
from glassnet.runtimes import torch_images as images
from glassnet.runtimes.torch_fusion import fuse
from glassnet.runtimes.torch_source import Builder, Form, Rule


def to_source(graph: Graph, low: str | None = None) -> Builder:
    """The graph as lines of a function; ``low`` names the dtype of activations, such as "torch.bfloat16"."""
    for call in graph.calls:
        if call.primitive not in RULES:
            raise MissingRuleError(
                f"expected a torch rule for primitive '{call.primitive}'; got none. To fix: add one to "
                "runtimes/torch_lowering.py, or use --runtime numpy."
            )
    builder = Builder(graph, RULES, low)
    builder.overrides |= fuse(graph)
    return builder


def elementwise(text: str, in_place: str = "") -> Rule:
    """Each element alone: ``text`` with {0}, {1}... for the inputs. The result has the form of the largest input."""

    def rule(b: Builder, call: GraphCall) -> None:
        spec = b.spec(call.output)
        forms = [b.form(v) for v in call.inputs if b.spec(v).shape == spec.shape]
        is_low = any(form.is_low for form in forms) and spec.dtype == np.float32
        is_images = bool(forms) and all(form.is_images for form in forms)
        names = [b.want(v, is_low=is_low) if b.spec(v).dtype == np.float32 else b.native(v) for v in call.inputs]
        b.bind(
            call.output,
            b.emit(text.format(*names), *names, in_place=_fitting(b, call, in_place).format(*names)),
            Form(is_low, is_images),
        )

    return rule


def _fitting(b: Builder, call: GraphCall, in_place: str) -> str:
    """The first input can be written over if it is as large as the result."""
    return in_place if b.spec(call.inputs[0]) == b.spec(call.output) else ""


def plain(text: str, is_fresh: bool = True) -> Rule:
    """``text`` with {0}, {1}... for the inputs, in the graph's own precision, and the params by name."""

    def rule(b: Builder, call: GraphCall) -> None:
        names = [b.full(v) for v in call.inputs]
        b.bind(call.output, b.emit(text.format(*names, **call.params), *names, is_fresh=is_fresh))

    return rule


def view(text: str) -> Rule:
    """The same numbers under another shape, in the precision in which they are."""

    def rule(b: Builder, call: GraphCall) -> None:
        x = call.inputs[0]
        name = b.native(x)
        b.bind(call.output, b.emit(text.format(name, **call.params), name, is_fresh=False), Form(b.form(x).is_low))

    return rule


def _cast(b: Builder, call: GraphCall) -> None:
    x, is_images = b.full(call.inputs[0]), b.form(call.inputs[0]).is_images
    # In what order numbers lie in memory changes the last digit of products; and it is copied anyway.
    order = "preserve_format" if is_images else "contiguous_format"
    name = b.emit(f"{x}.to(torch.{call.params['dtype']}, memory_format=torch.{order})", x, is_fresh=False)
    b.bind(call.output, name, Form(False, is_images))


def _concatenate(b: Builder, call: GraphCall) -> None:
    is_low = all(b.form(v).is_low for v in call.inputs)
    names = [b.want(v, is_low=is_low) for v in call.inputs]
    is_images = all(b.form(v).is_images for v in call.inputs)
    name = b.emit(f"torch.cat(({', '.join(names)},), {call.params['axis']})", *names)
    b.bind(call.output, name, Form(is_low, is_images))


def _slice(b: Builder, call: GraphCall) -> None:
    x = call.inputs[0]
    name = b.native(x)
    text = str(name)
    for axis, (start, stop, size) in enumerate(
        zip(call.params["start"], call.params["stop"], b.spec(x).shape, strict=True)
    ):
        if (start, stop) != (0, size):
            text += f".narrow({axis}, {start}, {stop - start})"
    b.bind(call.output, b.emit(text, name, is_fresh=False), Form(b.form(x).is_low))


def _pad(b: Builder, call: GraphCall) -> None:
    x = b.native(call.inputs[0])
    form = b.form(call.inputs[0])
    sides = [n for pair in zip(call.params["before"], call.params["after"], strict=True) for n in pair]
    last_first = [n for i in range(len(sides) - 2, -2, -2) for n in sides[i : i + 2]]
    value = call.params["value"] or 0
    b.bind(call.output, b.emit(f"torch.constant_pad_nd({x}, {last_first}, {value!r})", x), Form(form.is_low))


def _matmul(b: Builder, call: GraphCall) -> None:
    """Products with weights are in low precision, and go on in full; those of an optimizer are in full."""
    is_matrix = b.spec(call.output).dtype == np.float32 and len(b.spec(call.output).shape) == 2
    is_low = b.has_low and is_matrix and any(_is_weight(b, value) for value in call.inputs)
    x, y = (b.want(v, is_low=is_low) for v in call.inputs)
    b.bind(call.output, b.emit(f"torch.matmul({x}, {y}){'.float()' if is_low else ''}", x, y))


def _is_weight(b: Builder, value: int) -> bool:
    """Whether the value is given to the graph, or a part of what is."""
    while (call := b.producers.get(value)) is not None and call.primitive in ("reshape_to", "slice_of", "transpose"):
        value = call.inputs[0]
    return call is None


def _reduce(function: str) -> Rule:
    def rule(b: Builder, call: GraphCall) -> None:
        axes, keepdims = call.params["axes"], call.params["keepdims"]
        x, spec = b.native(call.inputs[0]), b.spec(call.inputs[0])
        if not axes:
            name = b.full(call.inputs[0])
        elif function == "sum":
            name = b.emit(f"{x}.sum({axes}, {keepdims}, dtype=torch.{spec.dtype.name})", x)
        else:
            x = b.full(call.inputs[0])
            name = b.emit(f"torch.{function}({x}, {axes}, {keepdims})", x)
        b.bind(call.output, name)

    return rule


def _take(b: Builder, call: GraphCall) -> None:
    x, indices = b.full(call.inputs[0]), b.full(call.inputs[1])
    axis, shape = call.params["axis"], b.spec(call.output).shape
    text = f"torch.index_select({x}, {axis}, {indices}.reshape(-1).long()).reshape({shape})"
    b.bind(call.output, b.emit(text, x, indices))


def _scatter_add(b: Builder, call: GraphCall) -> None:
    updates, indices = b.full(call.inputs[0]), b.full(call.inputs[1])
    axis, spec, shape = call.params["axis"], b.spec(call.inputs[1]), b.spec(call.output).shape
    tail = b.spec(call.inputs[0]).shape[axis + len(spec.shape) :]
    flat = f"{updates}.reshape({(*shape[:axis], spec.size, *tail)})"
    text = f"{updates}.new_zeros({shape}).index_add_({axis}, {indices}.reshape(-1).long(), {flat})"
    b.bind(call.output, b.emit(text, updates, indices))


def _over_processes(text: str) -> Rule:
    """``text`` with {0} for the input, in the graph's own precision; of a single process the input itself."""
    return lambda b, call: (plain(text) if num_processes() > 1 else _same_value)(b, call)


def _same_value(b: Builder, call: GraphCall) -> None:
    b.bind(call.output, b.native(call.inputs[0]), b.form(call.inputs[0]))


COLLECTIVES = {"begin_mean", "end_mean", "mean_gradient", "mean_over_processes"}
RULES: Mapping[str, Rule] = {
    "absolute": elementwise("torch.abs({0})"),
    "add": elementwise("torch.add({0}, {1})", "{0}.add_({1})"),
    "argmax": plain("torch.argmax({0}, {axis})"),
    "avg_pool2d_gradient": images.avg_pool2d_gradient,
    "avg_pool2d_with": images.avg_pool2d,
    "begin_mean": _over_processes("processes.begin({0})"),
    "broadcast_to": view("{0}.expand({shape})"),
    "cast_to": _cast,
    "concatenate_parts": _concatenate,
    "conv2d_input_gradient": images.conv2d_input_gradient,
    "conv2d_weight_gradient": images.conv2d_weight_gradient,
    "conv2d_with": images.conv2d,
    "cos": elementwise("torch.cos({0})"),
    "divide": elementwise("torch.div({0}, {1})", "{0}.div_({1})"),
    "end_mean": _over_processes("{0}.end()"),
    "equal": elementwise("torch.eq({0}, {1})"),
    "erf": elementwise("torch.erf({0})"),
    "exp": elementwise("torch.exp({0})", "{0}.exp_()"),
    "flip": plain("torch.flip({0}, {axes})"),
    "floor": elementwise("torch.floor({0})"),
    "gelu": elementwise("nn.gelu({0})"),
    "gelu_gradient": elementwise("aten.gelu_backward.default({0}, {1})"),
    "greater": elementwise("torch.gt({0}, {1})"),
    "greater_equal": elementwise("torch.ge({0}, {1})"),
    "log": elementwise("torch.log({0})", "{0}.log_()"),
    "matmul": _matmul,
    "max_pool2d_gradient": images.max_pool2d_gradient,
    "max_pool2d_pick": images.max_pool2d_pick,
    "max_pool2d_with": images.max_pool2d,
    "maximum": elementwise("torch.maximum({0}, {1})"),
    "mean_gradient": _over_processes("processes.begin({0}).end()"),
    "mean_over_processes": _over_processes("processes.begin({0}).end()"),
    "minimum": elementwise("torch.minimum({0}, {1})"),
    "multiply": elementwise("torch.mul({0}, {1})", "{0}.mul_({1})"),
    "negative": elementwise("torch.neg({0})", "{0}.neg_()"),
    "normalize": images.normalize,
    "normalize_gradient": images.normalize_gradient,
    "pad": _pad,
    "power": elementwise("torch.pow({0}, {1})"),
    "reduce_max": _reduce("amax"),
    "reduce_sum": _reduce("sum"),
    "relu": elementwise("torch.relu({0})", "{0}.relu_()"),
    "reshape_to": view("{0}.reshape({shape})"),
    "scatter_add": _scatter_add,
    "sigmoid": elementwise("torch.sigmoid({0})", "{0}.sigmoid_()"),
    "sign": elementwise("torch.sign({0})"),
    "sin": elementwise("torch.sin({0})"),
    "slice_of": _slice,
    "sqrt": elementwise("torch.sqrt({0})", "{0}.sqrt_()"),
    "step": elementwise("torch.gt({0}, 0).to({0}.dtype)"),
    "stop_gradient": _same_value,
    "subtract": elementwise("torch.sub({0}, {1})", "{0}.sub_({1})"),
    "take": _take,
    "tanh": elementwise("torch.tanh({0})", "{0}.tanh_()"),
    "transpose": view("{0}.permute({axes})"),
    "upsample_nearest2d": images.upsample_nearest2d,
    "where": elementwise("torch.where({0}, {1}, {2})"),
}
