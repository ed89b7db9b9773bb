"""Convolution, pooling and normalization in PyTorch: channels last, activations in the low precision of the run."""

from __future__ import annotations

from math import prod
from typing import Any

from glassnet.graph import GraphCall
from glassnet.runtimes.torch_source import Builder, Form, Name

IMAGES = Form(is_low=True, is_images=True)


def conv2d(b: Builder, call: GraphCall) -> None:
    convolve(b, call, call.output, bias=None)


def convolve(b: Builder, call: GraphCall, output: int, bias: Name | None) -> None:
    """``output`` = the convolution of ``call``, plus a bias (O,) for each channel."""
    x, w = b.images(call.inputs[0]), b.want(call.inputs[1], is_low=True)
    how = f"{bias}, {call.params['stride']}, {call.params['padding']}, (1, 1), {call.params['groups']}"
    names = (x, w) if bias is None else (x, w, bias)
    b.bind(output, b.emit(f"torch.conv2d({x}, {w}, {how})", *names), IMAGES)


def conv2d_input_gradient(b: Builder, call: GraphCall) -> None:
    """Alone, as in a layer that scales up, it is a transposed convolution."""
    g, w = b.images(call.inputs[0]), b.want(call.inputs[1], is_low=True)
    stride, padding, groups = (call.params[name] for name in ("stride", "padding", "groups"))
    small, large, kernel = (
        b.spec(call.inputs[0]).shape[2:],
        call.params["input_size"],
        b.spec(call.inputs[1]).shape[2:],
    )
    missing = tuple(
        n - ((m - 1) * s - 2 * p + k) for n, m, s, p, k in zip(large, small, stride, padding, kernel, strict=True)
    )
    text = f"torch.conv_transpose2d({g}, {w}, None, {stride}, {padding}, {missing}, {groups})"
    b.bind(call.output, b.emit(text, g, w), IMAGES)


def conv2d_weight_gradient(b: Builder, call: GraphCall) -> None:
    x, g = b.images(call.inputs[0]), b.images(call.inputs[1])
    w = b.emit(f"{x}.new_empty({b.spec(call.output).shape})", x)  # read for its shape only
    _, gw, _ = both_gradients(b, g, x, w, call.params, b.spec(call.inputs[1]).shape[1], (False, True, False))
    b.bind(call.output, in_full(b, gw))


def both_gradients(
    b: Builder, g: Name, x: Name, w: Name, params: Any, num_channels: int, mask: tuple[bool, bool, bool]
) -> tuple[Name, ...]:
    """The gradients of image, kernel and bias (O,) in one call; those that ``mask`` leaves out are None."""
    bias_sizes = [num_channels] if mask[2] else None
    how = f"{bias_sizes}, {params['stride']}, {params['padding']}, (1, 1), False, (0, 0), {params['groups']}, {mask}"
    return b.emit_many(3, f"aten.convolution_backward.default({g}, {x}, {w}, {how})", g, x, w)


def in_full(b: Builder, name: Name) -> Name:
    """Gradients of parameters are in full precision from the moment they are made."""
    return b.emit(f"{name}.float()", name) if b.has_low else name


def max_pool2d(b: Builder, call: GraphCall) -> None:
    b.bind(call.output, _pooled(b, call.inputs[0], call.params)[0], IMAGES)


def max_pool2d_gradient(b: Builder, call: GraphCall) -> None:
    g, x = b.images(call.inputs[0]), b.images(call.inputs[1])
    _, places = _pooled(b, call.inputs[1], call.params)
    text = f"aten.max_pool2d_with_indices_backward.default({g}, {x}, {_window(call.params)}, (1, 1), False, {places})"
    b.bind(call.output, b.emit(text, g, x, places), IMAGES)


def max_pool2d_pick(b: Builder, call: GraphCall) -> None:
    gg = b.images(call.inputs[0])
    _, places = _pooled(b, call.inputs[1], call.params)
    text = f"{gg}.flatten(2).gather(2, {places}.flatten(2)).reshape({b.spec(call.output).shape})"
    b.bind(call.output, b.emit(text, gg, places), Form(is_low=True))


def _pooled(b: Builder, x: int, params: Any) -> tuple[Name, ...]:
    """The largest numbers and where they were."""
    images = b.images(x)
    text = f"nn.max_pool2d_with_indices({images}, {_window(params)})"
    names: tuple[Name, ...] = b.share(("max_pool", x, *params.values()), lambda: b.emit_many(2, text, images))
    return names


def _window(params: Any) -> str:
    return f"{params['kernel']}, {params['stride']}, {params['padding']}"


def avg_pool2d(b: Builder, call: GraphCall) -> None:
    x = b.images(call.inputs[0])
    b.bind(call.output, b.emit(f"nn.avg_pool2d({x}, {_window(call.params)}, False, True)", x), IMAGES)


def avg_pool2d_gradient(b: Builder, call: GraphCall) -> None:
    g = b.images(call.inputs[0])
    x = b.emit(f"{g}.new_empty({b.spec(call.output).shape})", g)  # read for its shape only
    text = f"aten.avg_pool2d_backward.default({g}, {x}, {_window(call.params)}, False, True, None)"
    b.bind(call.output, b.emit(text, g, x), IMAGES)


def upsample_nearest2d(b: Builder, call: GraphCall) -> None:
    x = b.images(call.inputs[0])
    b.bind(call.output, b.emit(f"nn.upsample_nearest2d({x}, {b.spec(call.output).shape[2:]})", x), IMAGES)


def normalize(b: Builder, call: GraphCall) -> None:
    x = call.inputs[0]
    if over_batch(b, call):
        b.bind(call.output, batch_normalized(b, x, call.params["eps"])[0], IMAGES)
    elif (length := _length_of_rows(b, call)) is not None:
        b.bind(call.output, _normalized_rows(b, x, length, call.params["eps"])[0])
    else:
        b.bind(call.output, _normalized(b, call, x)[0])


def normalize_gradient(b: Builder, call: GraphCall) -> None:
    g, x = call.inputs
    eps = call.params["eps"]
    if over_batch(b, call):
        gx, _, _ = batch_gradients(b, g, x, None, eps, (True, False, False))
        b.bind(call.output, gx, IMAGES)
    elif (length := _length_of_rows(b, call)) is not None:
        _, mean, scale = _normalized_rows(b, x, length, eps)
        blame, images = b.full(g), b.full(x)
        text = (
            f"aten.native_layer_norm_backward.default({blame}, {images}, {length}, {mean}, {scale}, None, None, "
            "[True, False, False])[0]"
        )
        b.bind(call.output, b.emit(text, blame, images, mean, scale))
    else:
        y, scale = _normalized(b, call, x)
        blame, axes = b.full(g), call.params["axes"]
        text = f"({blame} - {blame}.mean({axes}, True) - {y} * ({blame} * {y}).mean({axes}, True)) * {scale}"
        b.bind(call.output, b.emit(text, blame, y, scale))


def over_batch(b: Builder, call: GraphCall) -> bool:
    """Whether images are normalized channel by channel."""
    return len(b.spec(call.inputs[-1]).shape) == 4 and call.params["axes"] == (0, 2, 3)


def batch_normalized(
    b: Builder, x: int, eps: float, weight: Name | None = None, bias: Name | None = None
) -> tuple[Name, ...]:
    """Images normalized, scaled (C,) and shifted (C,); and the mean and 1 / deviation of each channel (C,)."""
    images = b.images(x)
    names = [name for name in (images, weight, bias) if name is not None]
    text = f"torch.native_batch_norm({images}, {weight}, {bias}, None, None, True, 0.0, {eps!r})"
    return b.emit_many(3, text, *names)


def batch_statistics(b: Builder, x: int, eps: float) -> tuple[Name, Name]:
    """The mean and 1 / deviation of each channel, of the normalization that was done before."""
    if ("batch", x, eps) not in b.shared:
        b.shared["batch", x, eps] = batch_normalized(b, x, eps)
    _, mean, scale = b.shared["batch", x, eps]
    return mean, scale


def batch_gradients(
    b: Builder, g: int, x: int, weight: Name | None, eps: float, mask: tuple[bool, bool, bool]
) -> tuple[Name, ...]:
    """The gradients of images, scale and shift."""
    mean, scale = batch_statistics(b, x, eps)
    blame, images = b.images(g), b.images(x)
    names = [name for name in (blame, images, weight, mean, scale) if name is not None]
    text = (
        f"aten.native_batch_norm_backward.default({blame}, {images}, {weight}, None, None, {mean}, {scale}, True, "
        f"{eps!r}, {list(mask)})"
    )
    return b.emit_many(3, text, *names)


def _length_of_rows(b: Builder, call: GraphCall) -> tuple[int, ...] | None:
    """The last axes, if it is they that are normalized."""
    shape, axes = b.spec(call.inputs[-1]).shape, call.params["axes"]
    return shape[axes[0] :] if axes == tuple(range(axes[0], len(shape))) and prod(shape) else None


def _normalized_rows(b: Builder, x: int, length: tuple[int, ...], eps: float) -> tuple[Name, ...]:
    name = b.full(x)
    text = f"torch.native_layer_norm({name}, {length}, None, None, {eps!r})"
    names: tuple[Name, ...] = b.share(("rows", x, length, eps), lambda: b.emit_many(3, text, name))
    return names


def _normalized(b: Builder, call: GraphCall, x: int) -> tuple[Name, Name]:
    """Over any axes: normalized x, and 1 / deviation."""
    name, axes, eps = b.full(x), call.params["axes"], call.params["eps"]

    def make() -> tuple[Name, Name]:
        variance, mean = b.emit_many(2, f"torch.var_mean({name}, {axes}, correction=0, keepdim=True)", name)
        scale = b.emit(f"torch.rsqrt({variance} + {eps!r})", variance)
        return b.emit(f"({name} - {mean}) * {scale}", name, mean, scale), scale

    made: tuple[Name, Name] = b.share(("normalized", x, axes, eps), make)
    return made
