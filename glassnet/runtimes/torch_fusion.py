"""Where PyTorch has one kernel for several calls: a convolution with its bias, both its gradients, batch normalization
with scale and shift and its three gradients, and the gradient of relu.

A fusion names the values that it makes (an override of the rules); calls that nobody needs any more fall away.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from glassnet.graph import Graph, GraphCall
from glassnet.runtimes import torch_images as images
from glassnet.runtimes.torch_source import Builder, Name

Override: TypeAlias = Callable[[Builder], None]


def fuse(graph: Graph) -> dict[int, Override]:
    """Value -> what makes it in place of the rule of its call."""
    view = _View(graph)
    overrides: dict[int, Override] = {}
    for call in graph.calls:
        if call.primitive == "conv2d_with":
            overrides |= _bias(view, call)
        elif call.primitive == "conv2d_weight_gradient":
            overrides |= _gradients(view, call)
        elif call.primitive == "multiply":
            overrides |= _relu_gradient(view, call)
        elif call.primitive in ("add", "subtract"):
            overrides |= _multiply_and_add(view, call)
    for call in graph.calls:
        if call.primitive == "normalize" and call.params["axes"] == (0, 2, 3) and view.rank(call.inputs[0]) == 4:
            overrides |= _batch_norm(view, call)
    return overrides


class _View:
    """A graph, asked who makes and who takes a value."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.producers = {call.output: call for call in graph.calls}
        self.users: dict[int, list[GraphCall]] = {}
        for call in graph.calls:
            for value in dict.fromkeys(call.inputs):
                self.users.setdefault(value, []).append(call)
        self._outputs = set(graph.outputs.values())
        self._positions = {call.output: position for position, call in enumerate(graph.calls)}

    def rank(self, value: int) -> int:
        return len(self.graph.specs[value].shape)

    def only_user(self, value: int, primitive: str) -> GraphCall | None:
        """The one call that takes the value, if it is of that primitive and the value is no output."""
        users = self.users.get(value, [])
        fits = len(users) == 1 and users[0].primitive == primitive and value not in self._outputs
        return users[0] if fits else None

    def takers(self, value: int, primitive: str) -> list[GraphCall]:
        """The calls of that primitive that take the value."""
        return [call for call in self.users.get(value, []) if call.primitive == primitive]

    def made_by(self, value: int, primitive: str) -> GraphCall | None:
        call = self.producers.get(value)
        return call if call is not None and call.primitive == primitive else None

    def is_made_before(self, value: int, call: GraphCall) -> bool:
        return self._positions.get(value, -1) < self._positions[call.output]

    def other(self, call: GraphCall, value: int) -> int:
        """The other input of a call of two."""
        return call.inputs[1] if call.inputs[0] == value else call.inputs[0]

    def is_per_channel(self, value: int, like: int) -> bool:
        """One number for each channel of the images ``like``."""
        shape, channels = self.graph.specs[value].shape, self.graph.specs[like].shape[1]
        return shape in ((channels, 1, 1), (1, channels, 1, 1))

    def channel_sums(self, value: int) -> list[GraphCall]:
        """Its sums over batch, height and width."""
        return [call for call in self.takers(value, "reduce_sum") if call.params["axes"] == (0, 2, 3)]


def _vector(b: Builder, value: int) -> Name:
    """A value (C, 1, 1) as the vector (C,) that it was, in full precision."""
    made = b.producer(value, "reshape_to")
    if made is not None and len(b.spec(made.inputs[0]).shape) == 1:
        return b.full(made.inputs[0])
    name = b.full(value)
    return b.emit(f"{name}.reshape(-1)", name, is_fresh=False)


def _bind_sum(b: Builder, call: GraphCall, name: Name) -> None:
    """Channel sums (C,) where the graph has them with or without axes of size 1."""
    shape = b.spec(call.output).shape
    b.bind(call.output, b.emit(f"{name}.reshape({shape})", name, is_fresh=False) if len(shape) > 1 else name)


def _bias(view: _View, conv: GraphCall) -> dict[int, Override]:
    add = view.only_user(conv.output, "add")
    if add is None or not view.is_per_channel(view.other(add, conv.output), conv.output):
        return {}

    def override(b: Builder) -> None:
        bias = view.other(add, conv.output)
        name = _vector(b, bias)
        if b.has_low:
            name = b.emit(f"{name}.to({b.low_dtype})", name)
        images.convolve(b, conv, add.output, name)

    return {add.output: override}


def _gradients(view: _View, call: GraphCall) -> dict[int, Override]:
    """The gradients of kernel, image and bias, which all come from the same g."""
    x, g = call.inputs
    how = {name: call.params[name] for name in ("stride", "padding", "groups")}
    w = next((f.inputs[1] for f in view.takers(x, "conv2d_with") if f.inputs[0] == x and f.params == how
              and view.graph.specs[f.inputs[1]] == view.graph.specs[call.output]), None)  # fmt: skip
    if w is None:
        return {}
    # What comes before x is another layer's, which scales up: its output is the gradient of images of a convolution.
    to_images = [
        c for c in view.takers(g, "conv2d_input_gradient")
        if c.inputs == (g, w) and c.params == {**how, "input_size": view.graph.specs[x].shape[2:]}
        and view.is_made_before(x, c)
    ]  # fmt: skip
    sums = [c for c in view.channel_sums(g) if view.is_made_before(x, c)]

    def override(b: Builder) -> None:
        mask = (bool(to_images), True, bool(sums))
        names = b.images(g), b.images(x), b.want(w, is_low=True)
        gx, gw, gb = images.both_gradients(b, *names, call.params, b.spec(g).shape[1], mask)
        b.bind(call.output, images.in_full(b, gw))
        for c in to_images:
            b.bind(c.output, gx, images.IMAGES)
        if sums:
            summed = images.in_full(b, gb)
            for c in sums:
                _bind_sum(b, c, summed)

    return dict.fromkeys((c.output for c in (call, *to_images, *sums)), override)


def _relu_gradient(view: _View, call: GraphCall) -> dict[int, Override]:
    """g step(x): PyTorch's threshold_backward."""
    for g, mask in (call.inputs, call.inputs[::-1]):
        step = view.made_by(mask, "step")
        if step is not None and view.graph.specs[g] == view.graph.specs[mask] and step.inputs[0] != g:
            return {call.output: partial(_threshold, output=call.output, g=g, x=step.inputs[0])}
    return {}


def _threshold(b: Builder, output: int, g: int, x: int) -> None:
    form = b.form(x)
    blame, y = b.want(g, is_low=form.is_low, is_images=form.is_images), b.native(x)
    text = f"aten.threshold_backward.default({blame}, {y}, 0)"
    in_place = f"aten.threshold_backward.grad_input({blame}, {y}, 0, grad_input={blame})"
    b.bind(output, b.emit(text, blame, y, in_place=in_place), form)


def _multiply_and_add(view: _View, call: GraphCall) -> dict[int, Override]:
    """x + a b and x - a b in one pass, for what optimizers are made of: vectors and matrices of one shape."""
    spec, is_sum = view.graph.specs[call.output], call.primitive == "add"
    if not 1 <= len(spec.shape) <= 2 or spec.dtype.kind != "f":
        return {}
    for x, y in (call.inputs, call.inputs[::-1]) if is_sum else (call.inputs,):
        product = view.made_by(y, "multiply")
        is_last_use = product is not None and view.only_user(y, call.primitive) is not None and x != y
        if product is not None and is_last_use and view.graph.specs[x] == view.graph.specs[y] == spec:
            return {call.output: partial(_addcmul, call=call, x=x, product=product)}
    return {}


def _addcmul(b: Builder, call: GraphCall, x: int, product: GraphCall) -> None:
    names = [b.full(value) for value in (x, *product.inputs)]
    factors = f"{names[1]}, {names[2]}{'' if call.primitive == 'add' else ', value=-1'}"
    name = b.emit(f"torch.addcmul({names[0]}, {factors})", *names, in_place=f"{names[0]}.addcmul_({factors})")
    b.bind(call.output, name)


def _batch_norm(view: _View, norm: GraphCall) -> dict[int, Override]:
    """Normalization over the batch with what follows and what comes back, whatever of it is there."""
    x, y, eps = norm.inputs[0], norm.output, norm.params["eps"]
    scaling = next((c for c in view.takers(y, "multiply") if view.is_per_channel(view.other(c, y), y)), None)
    scaled = y if scaling is None else scaling.output
    shifting = next((c for c in view.takers(scaled, "add") if view.is_per_channel(view.other(c, scaled), y)), None)
    weight = None if scaling is None else view.other(scaling, y)
    bias = None if shifting is None else view.other(shifting, scaled)
    result = scaled if shifting is None else shifting.output

    def forward(b: Builder) -> None:
        if ("batch", x, eps) in b.shared:
            return
        w = None if weight is None else _vector(b, weight)
        c = None if bias is None else _vector(b, bias)
        made = b.shared["batch", x, eps] = images.batch_normalized(b, x, eps, w, c)
        b.bind(result, made[0], images.IMAGES)

    overrides: dict[int, Override] = {result: forward}
    overrides |= _statistics(view, x, eps, forward)
    for back in view.takers(x, "normalize_gradient"):
        if back.inputs[1] == x and back.params == norm.params:
            overrides |= _batch_norm_gradients(view, back, y, weight)
    return overrides


def _batch_norm_gradients(view: _View, back: GraphCall, y: int, weight: int | None) -> dict[int, Override]:
    g, x = back.inputs
    if weight is not None:
        scaled = view.made_by(g, "multiply")
        if scaled is None or weight not in scaled.inputs:
            return {}
        g = view.other(scaled, weight)
    shifts = view.channel_sums(g)
    products = [c for c in view.takers(g, "multiply") if y in c.inputs]
    scales = [] if weight is None else [s for c in products for s in view.channel_sums(c.output)]

    def override(b: Builder) -> None:
        mask = (True, bool(scales), bool(shifts))
        w = None if weight is None else _vector(b, weight)
        gx, gw, gb = images.batch_gradients(b, g, x, w, back.params["eps"], mask)
        b.bind(back.output, gx, images.IMAGES)
        for call, name in [*((c, gw) for c in scales), *((c, gb) for c in shifts)]:
            _bind_sum(b, call, name)

    return dict.fromkeys((c.output for c in (back, *scales, *shifts)), override)


def _statistics(view: _View, x: int, eps: float, forward: Override) -> dict[int, Override]:
    """The sums from which the running mean and variance are computed, known from the normalization."""
    spec = view.graph.specs[x]
    count = spec.size // spec.shape[1]
    sums = {call.output: call for call in view.channel_sums(x)}
    squares = {
        call.output: call
        for total in sums.values()
        for mean in view.takers(total.output, "multiply")
        if _is_share(view, view.other(mean, total.output), count)
        for centered in view.takers(mean.output, "subtract")
        if centered.inputs == (x, mean.output)
        for square in view.takers(centered.output, "multiply")
        if square.inputs == (centered.output,) * 2
        for call in view.channel_sums(square.output)
    }

    def sum_of(text: str, call: GraphCall) -> Override:
        def override(b: Builder) -> None:
            forward(b)
            mean, scale = images.batch_statistics(b, x, eps)
            _bind_sum(b, call, b.emit(text.format(mean=mean, scale=scale), mean, scale))

        return override

    of_squares = f"({{scale}}.pow(-2) - {eps!r}) * {count}"
    return {
        **{value: sum_of(f"{{mean}} * {count}", call) for value, call in sums.items()},
        **{value: sum_of(of_squares, call) for value, call in squares.items()},
    }


def _is_share(view: _View, value: int, count: int) -> bool:
    """Whether the value is the constant 1 / count."""
    array = view.graph.constants.get(value)
    return array is not None and array.size == 1 and bool(np.isclose(array, 1.0 / count, rtol=1e-6))
