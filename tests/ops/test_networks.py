"""Whole networks, written once over a namespace of operations, in glassnet and in PyTorch: loss and all gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from glassnet import ops
from glassnet.autodiff import Tensor, value_and_grad

OURS = SimpleNamespace(
    conv=ops.conv2d,
    upconv=ops.conv_transpose2d,
    max_pool=ops.max_pool2d,
    upsample=ops.upsample_nearest,
    normalize=lambda x, axes: ops.normalize(x, axes=axes, eps=1e-5),
    relu=ops.relu,
    gelu=ops.gelu,
    tanh=ops.tanh,
    softmax=ops.softmax,
    log_softmax=ops.log_softmax,
    concatenate=lambda *parts: ops.concatenate(parts, 1),
    mean=ops.mean,
    reshape=ops.reshape,
    transpose=lambda x, axes: ops.transpose(x, axes=axes),
    embed=lambda table, indices: ops.take(table, indices, axis=0),
    one_hot=lambda labels, num_classes: ops.one_hot(labels, num_classes, "float64"),
)
THEIRS = SimpleNamespace(
    conv=F.conv2d,
    upconv=F.conv_transpose2d,
    max_pool=F.max_pool2d,
    upsample=lambda x, scale: F.interpolate(x, scale_factor=scale, mode="nearest"),
    normalize=lambda x, axes: (
        (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, correction=0, keepdim=True) + 1e-5)
    ),
    relu=F.relu,
    gelu=F.gelu,
    tanh=torch.tanh,
    softmax=lambda x: F.softmax(x, -1),
    log_softmax=lambda x: F.log_softmax(x, -1),
    concatenate=lambda *parts: torch.cat(parts, 1),
    mean=torch.mean,
    reshape=torch.reshape,
    transpose=torch.permute,
    embed=lambda table, indices: table[indices],
    one_hot=lambda labels, num_classes: F.one_hot(labels, num_classes).double(),
)


def cross_entropy(o, logits, labels):
    return -o.mean(o.log_softmax(logits) * o.one_hot(labels, 10)) * 10.0


def mlp(o, p, x, labels):
    x = o.tanh(x @ p["w1"] + p["b1"])
    return cross_entropy(o, o.gelu(x @ p["w2"] + p["b2"]) @ p["w3"], labels)


def convolutional(o, p, x, labels):
    x = o.max_pool(o.relu(o.conv(x, p["c1"], padding=1) + p["b1"]), 2)
    x = o.max_pool(o.relu(o.conv(x, p["c2"], stride=1, padding=1)), 3, 2, 1)
    return cross_entropy(o, o.reshape(x, (4, -1)) @ p["w"], labels)


def residual(o, p, x, labels):
    x = o.relu(o.normalize(o.conv(x, p["stem"], padding=1), (0, 2, 3)) * p["scale"] + p["shift"])
    inside = o.relu(o.normalize(o.conv(x, p["down1"], stride=2, padding=1), (0, 2, 3)))
    inside = o.normalize(o.conv(inside, p["down2"], padding=1, groups=2), (1, 2, 3))
    x = o.relu(inside + o.conv(x, p["shortcut"], stride=2))
    return cross_entropy(o, o.mean(x, (2, 3)) @ p["w"], labels)


def u_net(o, p, x, _labels):
    outer = o.relu(o.conv(x, p["in"], padding=1))
    inner = o.relu(o.conv(o.max_pool(outer, 2), p["middle"], padding=1))
    both = o.concatenate(outer, o.upsample(inner, 2), o.upconv(inner, p["up"], stride=2))
    drawn = o.conv(o.relu(both), p["out"], padding=1)
    return o.mean((drawn - x) ** 2.0)


def attention(o, p, x, labels):
    tokens = o.embed(p["table"], labels) + o.reshape(x, (4, 16, 4)) @ p["patch"]  # (B, T, D)
    heads = [o.transpose(o.reshape(tokens @ p[name], (4, 16, 2, 3)), (0, 2, 1, 3)) for name in ("q", "k", "v")]
    q, k, v = heads  # (B, heads, T, D / heads)
    seen = o.softmax(q @ o.transpose(k, (0, 1, 3, 2)) / 3.0**0.5) @ v
    tokens = tokens + o.reshape(o.transpose(seen, (0, 2, 1, 3)), (4, 16, 6)) @ p["o"]
    return cross_entropy(o, o.mean(o.normalize(tokens, (2,)), (1,)) @ p["w"], o.reshape(labels, (4,)))


NETWORKS = {
    "mlp": (mlp, (4, 20), {"w1": (20, 8), "b1": (8,), "w2": (8, 7), "b2": (7,), "w3": (7, 10)}),
    "convolutional": (
        convolutional, (4, 2, 8, 8), {"c1": (3, 2, 3, 3), "b1": (3, 1, 1), "c2": (4, 3, 3, 3), "w": (16, 10)}
    ),
    "residual": (
        residual, (4, 2, 8, 8),
        {"stem": (4, 2, 3, 3), "scale": (4, 1, 1), "shift": (4, 1, 1), "down1": (6, 4, 3, 3), "down2": (6, 3, 3, 3),
         "shortcut": (6, 4, 1, 1), "w": (6, 10)},
    ),
    "u_net": (
        u_net, (4, 2, 8, 8), {"in": (3, 2, 3, 3), "middle": (4, 3, 3, 3), "up": (4, 2, 2, 2), "out": (2, 9, 3, 3)}
    ),
    "attention": (
        attention, (4, 16, 4),
        {"table": (10, 6), "patch": (4, 6), "q": (6, 6), "k": (6, 6), "v": (6, 6), "o": (6, 6), "w": (6, 10)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore:CUDA initialization")
def test_loss_and_all_gradients(name: str) -> None:
    network, shape, parameter_shapes = NETWORKS[name]
    generator = np.random.default_rng(1)
    x, labels = generator.standard_normal(shape), generator.integers(0, 10, (4, 1) if name == "attention" else 4)
    values = {key: generator.standard_normal(size) * 0.5 for key, size in parameter_shapes.items()}

    mine = {key: Tensor(value) for key, value in values.items()}
    loss, gradients = value_and_grad(lambda p: network(OURS, p, Tensor(x), Tensor(labels)))(mine)

    theirs = {key: torch.tensor(value, requires_grad=True) for key, value in values.items()}
    expected = network(THEIRS, theirs, torch.tensor(x), torch.tensor(labels))
    expected.backward()

    assert loss.item() == pytest.approx(expected.item(), rel=1e-10)
    for key, parameter in theirs.items():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) > 0.0
        np.testing.assert_allclose(gradients[key].numpy(), parameter.grad.numpy(), rtol=1e-9, atol=1e-10, err_msg=key)
