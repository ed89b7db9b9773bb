"""Every primitive and composite beside its counterpart in PyTorch: values and gradients."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from glassnet import ops
from glassnet.autodiff import PRIMITIVES, Tensor, pullback
from tests.samples import SAMPLES, Sample, apart, away, normal, positive, smooth, truth

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def torch_dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def padded(x, before, after, value):
    widths = [n for pair in reversed(list(zip(before, after, strict=True))) for n in pair]
    return F.pad(x, widths, value=value)


def sliced(x, start, stop):
    return x[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]


def taken(x, indices, axis):
    flat = torch.index_select(x, axis, indices.reshape(-1))
    return flat.reshape(x.shape[:axis] + indices.shape + x.shape[axis + 1 :])


def scattered(updates, indices, axis, size):
    lead, tail = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    zeros = torch.zeros((*lead, size, *tail), dtype=updates.dtype)
    return zeros.index_add(axis, indices.reshape(-1), updates.reshape(*lead, indices.numel(), *tail))


def vjp(function: Callable[..., torch.Tensor], g: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """A gradient that can itself be differentiated."""
    x = x if x.requires_grad else x.detach().requires_grad_()
    return torch.autograd.grad(function(x), x, g, create_graph=True)[0]


def conv_input_gradient(g, w, input_size, **how):
    size = (len(g), w.shape[1] * how["groups"], *input_size)
    return vjp(lambda x: F.conv2d(x, w, **how), g, torch.zeros(size, dtype=g.dtype))


def conv_weight_gradient(x, g, kernel, **how):
    size = (g.shape[1], x.shape[1] // how["groups"], *kernel)
    return vjp(lambda w: F.conv2d(x, w, **how), g, torch.zeros(size, dtype=g.dtype))


def max_pool(x, kernel, stride, padding):
    return F.max_pool2d(x, kernel, stride, padding)


def max_pool_pick(gg, x, out, kernel, stride, padding):
    if len(x) == 0:
        return out
    _, places = F.max_pool2d(x, kernel, stride, padding, return_indices=True)
    return gg.flatten(2).gather(2, places.flatten(2)).reshape(out.shape)


def avg_pool(x, kernel, stride, padding):
    return F.avg_pool2d(x, kernel, stride, padding)


def avg_pool_gradient(g, input_size, **how):
    return vjp(lambda x: avg_pool(x, **how), g, torch.zeros((*g.shape[:2], *input_size), dtype=g.dtype))


def normalized(x, axes, eps):
    return (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, correction=0, keepdim=True) + eps)


PRIMITIVE_COUNTERPARTS: dict[str, Callable[..., torch.Tensor]] = {
    "absolute": torch.abs, "add": torch.add, "avg_pool2d_gradient": avg_pool_gradient, "avg_pool2d_with": avg_pool,
    "argmax": lambda x, axis: torch.argmax(x, axis), "broadcast_to": lambda x, shape: x.broadcast_to(shape),
    "cast_to": lambda x, dtype: x.to(torch_dtype(dtype)),
    "concatenate_parts": lambda *parts, axis: torch.cat(parts, axis), "conv2d_input_gradient": conv_input_gradient,
    "conv2d_weight_gradient": conv_weight_gradient, "conv2d_with": F.conv2d, "cos": torch.cos, "divide": torch.div,
    "equal": torch.eq, "erf": torch.erf, "exp": torch.exp, "flip": lambda x, axes: torch.flip(x, axes),
    "floor": torch.floor, "gelu": F.gelu, "gelu_gradient": lambda g, x: vjp(F.gelu, g, x), "greater": torch.gt,
    "greater_equal": torch.ge, "log": torch.log, "matmul": torch.matmul,
    "max_pool2d_gradient": lambda g, x, out, **how: vjp(lambda x: max_pool(x, **how), g, x),
    "max_pool2d_pick": max_pool_pick, "max_pool2d_with": max_pool, "maximum": torch.maximum, "minimum": torch.minimum,
    "multiply": torch.mul, "negative": torch.neg, "normalize": normalized,
    **dict.fromkeys(("begin_mean", "end_mean", "mean_gradient", "mean_over_processes"), torch.clone),
    "normalize_gradient": lambda g, x, **how: vjp(lambda x: normalized(x, **how), g, x), "pad": padded,
    "power": torch.pow, "reduce_max": lambda x, axes, keepdims: torch.amax(x, axes, keepdims) if axes else x,
    "reduce_sum": lambda x, axes, keepdims: torch.sum(x, axes, keepdims) if axes else x, "relu": torch.relu,
    "reshape_to": lambda x, shape: torch.reshape(x, shape), "scatter_add": scattered, "sigmoid": torch.sigmoid,
    "sign": torch.sign, "sin": torch.sin, "slice_of": sliced, "sqrt": torch.sqrt,
    "step": lambda x: torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype)),
    "stop_gradient": lambda x: x.detach(), "subtract": torch.sub, "take": taken, "tanh": torch.tanh,
    "transpose": lambda x, axes: x.permute(axes),
    "upsample_nearest2d": lambda x, scale: x.repeat_interleave(scale[0], 2).repeat_interleave(scale[1], 3),
    "where": torch.where,
}  # fmt: skip


# (ours, theirs, a call)
COMPOSITES: dict[str, tuple[Callable[..., Tensor], Callable[..., torch.Tensor], Sample]] = {
    "avg_pool2d": (ops.avg_pool2d, F.avg_pool2d, smooth(normal(2, 3, 7, 5))),
    "avg_pool2d-overlap": (ops.avg_pool2d, F.avg_pool2d, smooth(normal(2, 3, 7, 5))),
    "cast": (lambda x: ops.cast(x, "float64"), lambda x: x.double(), smooth(normal(3))),
    "concatenate": (lambda *x: ops.concatenate(x, -1), lambda *x: torch.cat(x, -1), smooth(normal(2, 3), normal(2, 1))),
    "conv2d": (ops.conv2d, F.conv2d, smooth(normal(2, 4, 7, 5), normal(6, 2, 3, 2))),
    "conv_transpose2d": (ops.conv_transpose2d, F.conv_transpose2d, smooth(normal(2, 4, 3, 5), normal(4, 3, 2, 3))),
    "leaky_relu": (ops.leaky_relu, F.leaky_relu, smooth(away(3, 4))),
    "less": (ops.less, torch.lt, smooth(normal(4), normal(4))),
    "log_softmax": (ops.log_softmax, F.log_softmax, smooth(normal(3, 4) * 5.0)),
    "logsumexp": (ops.logsumexp, torch.logsumexp, smooth(normal(3, 4) * 5.0)),
    "logsumexp-large": (ops.logsumexp, torch.logsumexp, smooth(normal(3, 4) * 50.0 + 900.0)),
    "max": (ops.max, torch.max, smooth(*apart((3, 4)))),
    "max_pool2d": (ops.max_pool2d, F.max_pool2d, smooth(*apart((2, 3, 7, 6)))),
    "max_pool2d-overlap": (ops.max_pool2d, F.max_pool2d, smooth(*apart((2, 3, 7, 6)))),
    "mean": (ops.mean, torch.mean, smooth(normal(3, 4))),
    "mean-axes": (lambda x: ops.mean(x, (0, -1)), lambda x: torch.mean(x, (0, -1)), smooth(normal(2, 3, 4))),
    "power": (lambda x: x**3, lambda x: x**3, smooth(away(3))),
    "power-of-number": (lambda x: 2.0**x, lambda x: 2.0**x, smooth(normal(3))),
    "reshape": (lambda x: ops.reshape(x, (-1, 2)), lambda x: x.reshape(-1, 2), smooth(normal(3, 4))),
    "silu": (ops.silu, F.silu, smooth(normal(3, 4) * 3.0)),
    "slice_axis": (lambda x: ops.slice_axis(x, -1, 1, 3), lambda x: x[..., 1:3], smooth(normal(2, 4))),
    "softmax": (ops.softmax, F.softmax, smooth(normal(3, 4) * 5.0)),
    "softplus": (ops.softplus, F.softplus, smooth(normal(3, 4) * 3.0)),
    "softplus-at-zero": (ops.softplus, F.softplus, smooth(np.array([0.0, -0.0]))),
    "square": (ops.square, torch.square, smooth(normal(3))),
    "symbols": (
        lambda x, y: -((x - 1.5) * y + 2 / y - 3) / (y * 2),
        lambda x, y: -((x - 1.5) * y + 2 / y - 3) / (y * 2),
        smooth(normal(3), positive(3)),
    ),
    "upsample_nearest": (
        lambda x: ops.upsample_nearest(x, 2),
        lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
        smooth(normal(1, 2, 3, 2)),
    ),
    "variance": (lambda x: ops.variance(x, 1), lambda x: torch.var(x, 1, correction=0), smooth(normal(3, 4))),
    "where-number": (
        lambda c, x: ops.where(c, x, 0.0),
        lambda c, x: torch.where(c, x, torch.zeros_like(x)),
        smooth(truth(4), normal(4)),
    ),
}  # fmt: skip
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "avg_pool2d": ({"kernel": 2}, {"kernel_size": 2}),
    "avg_pool2d-overlap": (
        {"kernel": (3, 2), "stride": (2, 1), "padding": 1}, {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}
    ),
    "conv2d": ({"stride": 2, "padding": (1, 0), "groups": 2},) * 2,
    "conv_transpose2d": ({"stride": (2, 1), "padding": (0, 1), "groups": 2},) * 2,
    "log_softmax": ({"axis": 0}, {"dim": 0}),
    "logsumexp": ({"axis": 0}, {"dim": 0, "keepdim": True}),
    "logsumexp-large": ({}, {"dim": -1, "keepdim": True}),
    "max_pool2d": ({"kernel": (2, 3)}, {"kernel_size": (2, 3)}),
    "max_pool2d-overlap": (
        {"kernel": 3, "stride": (2, 1), "padding": (1, 0)}, {"kernel_size": 3, "stride": (2, 1), "padding": (1, 0)}
    ),
    "softmax": ({}, {"dim": -1}),
}  # fmt: skip


def agree(mine: Any, theirs: torch.Tensor, tolerance: float) -> None:
    """To ``tolerance``, relative to the largest finite number."""
    expected = theirs.detach().numpy()
    assert (mine.shape, mine.dtype) == (expected.shape, expected.dtype)
    finite = np.abs(expected[np.isfinite(expected)]).astype(np.float64)
    np.testing.assert_allclose(mine, expected, rtol=0.0, atol=tolerance * max(1.0, finite.max(initial=0.0)))


def compare(ours: Callable[..., Tensor], theirs: Callable[..., torch.Tensor], sample: Sample) -> None:
    dtype = next((x.dtype.name for x in sample.inputs if x.dtype.kind == "f"), "float64")
    inputs = [Tensor(x) for x in sample.inputs]
    torch_inputs = [torch.tensor(x) for x in sample.inputs]
    for i in sample.differentiable:
        torch_inputs[i].requires_grad_()
    out, torch_out = ours(*inputs), theirs(*torch_inputs)
    agree(out.numpy(), torch_out, TOLERANCE[dtype])
    if not sample.differentiable or not torch_out.requires_grad:
        return
    g = normal(*out.shape).astype(out.dtype)
    cotangents = pullback(ours, Tensor(g), *inputs)
    by = [torch_inputs[i] for i in sample.differentiable]
    torch_cotangents = torch.autograd.grad(torch_out, by, torch.tensor(g), allow_unused=True, materialize_grads=True)
    for i, torch_cotangent in zip(sample.differentiable, torch_cotangents, strict=True):
        agree(cotangents[i].numpy(), torch_cotangent, TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("name", "sample"),
    [pytest.param(name, sample, id=f"{name}-{i}") for name in SAMPLES for i, sample in enumerate(SAMPLES[name])],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # casting, comparing and powering nan and inf
@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_primitive(name: str, sample: Sample) -> None:
    def ours(*inputs: Tensor) -> Tensor:
        return PRIMITIVES[name](*inputs, **sample.params)

    compare(ours, lambda *x: PRIMITIVE_COUNTERPARTS[name](*x, **sample.params), sample)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", COMPOSITES)
def test_composite(name: str, dtype: str) -> None:
    ours, theirs, sample = COMPOSITES[name]
    our_settings, their_settings = SETTINGS.get(name, ({}, {}))
    compare(lambda *x: ours(*x, **our_settings), lambda *x: theirs(*x, **their_settings), sample.to(dtype))


def test_one_hot() -> None:
    labels = np.array([2, 0, 1, 2])
    agree(ops.one_hot(Tensor(labels), 3, "int64").numpy(), F.one_hot(torch.tensor(labels), 3), 0.0)
    assert ops.one_hot(Tensor(labels), 3).dtype == np.float32


def test_ties_share_the_gradient() -> None:
    """As `torch.amax` and `torch.maximum` do; `torch.max_pool2d` gives all to the first, we share there too."""
    for shape in [(4,), (2, 3)]:
        sample = smooth(np.ones(shape))
        axes = tuple(range(len(shape)))
        compare(ops.max, lambda x, axes=axes: torch.amax(x, axes), sample)
    compare(ops.maximum, torch.maximum, smooth(np.ones(3), np.ones(3)))
    compare(ops.minimum, torch.minimum, smooth(np.ones(3), np.ones(3)))
    (shares,) = pullback(lambda x: ops.max_pool2d(x, 2), Tensor(np.ones((1, 1, 1, 1))), Tensor(np.ones((1, 1, 2, 2))))
    np.testing.assert_array_equal(shares.numpy(), np.full((1, 1, 2, 2), 0.25))


def test_padding_takes_no_gradient() -> None:
    """After a relu whole windows are zero, as if they were padding; what goes in must still come out."""
    g, x = Tensor(np.ones((1, 1, 3, 3))), Tensor(np.zeros((1, 1, 5, 5)))
    (shares,) = pullback(lambda x: ops.max_pool2d(x, 3, 2, 1), g, x)
    assert float(shares.numpy().sum()) == pytest.approx(9.0)
