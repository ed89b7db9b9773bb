"""The chain rule of one weight: signal times blame adds up to the gradient, for every layer that learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from glassnet import nn
from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.insight.chain_rule import ChainRule
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.nn import Module
from glassnet.ops import Random, mean, reshape, square, tanh

G = np.random.default_rng(0)
BATCH = 3
IMAGES = G.standard_normal((BATCH, 4, 6, 5))
VECTORS = G.standard_normal((BATCH, 4))


class LearnedWhitening(Module):
    """`PatchWhitening` with a weight that is learned."""

    def __init__(self) -> None:
        self.weight = nn.PatchWhitening(2, 4).weight

    def __call__(self, x: Tensor) -> Tensor:
        layer = nn.PatchWhitening(2, 4)
        layer.load({"weight": self.weight})
        y: Tensor = layer(x)
        return y


class Twice(Module):
    """One layer used at two depths."""

    def __init__(self) -> None:
        self.layer = nn.Linear(4, 4, generator=G)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(tanh(self.layer(x)))
        return y


@dataclass(frozen=True)
class Case:
    layer: Module
    x: Array
    num_meetings: Mapping[str, int] | None = None  # by name; else one for each
    is_training: bool = True


CASES: dict[str, Case] = {
    "Linear": Case(nn.Linear(4, 3, generator=G), VECTORS),
    "Linear without bias": Case(nn.Linear(5, 3, has_bias=False, generator=G), IMAGES),
    "Conv2d": Case(nn.Conv2d(4, 6, 3, padding=1, generator=G), IMAGES),
    "Conv2d, strides and groups": Case(
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), groups=2, generator=G), IMAGES
    ),
    "ConvTranspose2d": Case(nn.ConvTranspose2d(4, 6, 2, stride=2, generator=G), IMAGES),
    "ConvTranspose2d, padding and groups": Case(
        nn.ConvTranspose2d(4, 6, (4, 3), stride=(2, 1), padding=1, groups=2, generator=G), IMAGES
    ),
    "BatchNorm2d": Case(nn.BatchNorm2d(4), IMAGES),
    "BatchNorm2d without scale": Case(nn.BatchNorm2d(4, has_scale=False), IMAGES),
    "BatchNorm2d, evaluation": Case(nn.BatchNorm2d(4), IMAGES, {"0.weight": 2}, is_training=False),
    "GroupNorm": Case(nn.GroupNorm(2, 4), IMAGES),
    "LayerNorm": Case(nn.LayerNorm((6, 5)), IMAGES),
    "Embedding": Case(nn.Embedding(5, 3, generator=G), np.array([[0, 4, 4], [1, 0, 4], [2, 2, 0]])),
    "Cosine": Case(nn.Cosine(4, 3, generator=G), VECTORS),
    "PatchWhitening": Case(LearnedWhitening(), IMAGES),
    "twice": Case(Twice(), VECTORS, {"0.layer.weight": 2, "0.layer.bias": 2}),
}


class Loss:
    """The mean of tanh(y)^2 with a target beside it, so that every place has a blame of its own."""

    def __init__(self, layer: Module):
        self.layer = layer
        self.targets: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, inputs: Mapping[str, Tensor], random: Random) -> Tensor:
        y = tanh(self.layer(inputs["x"]))
        target = self.targets.setdefault(y.shape, Tensor(np.random.default_rng(1).standard_normal(y.shape)))
        return mean(square(y - target))


def landscape_of(layer: Module, x: Array) -> tuple[Landscape, Weights]:
    model = nn.Sequential(layer)
    weights = in_float64(model)
    numbers = np.random.default_rng(2)
    weights = {name: array + 0.3 * numbers.standard_normal(array.shape) for name, array in weights.items()}
    model.load({name: Tensor(array) for name, array in weights.items()})
    graphs = trace_loss(model, Loss(model), {"x": ArraySpec(x.shape, x.dtype)})
    return Landscape(*graphs, {"x": x}), weights


def chain_rule(landscape: Landscape, weights: Weights, name: str, index: tuple[int, ...]) -> ChainRule:
    return ChainRule(landscape.graph, landscape.with_weights(weights), BATCH, name, index)


@pytest.mark.parametrize("case", CASES)
def test_the_terms_add_up_to_the_gradient(case: str) -> None:
    given = CASES[case]
    given.layer.train(given.is_training)
    landscape, weights = landscape_of(given.layer, given.x)
    _, gradient = landscape.gradient(weights)
    for name, slopes in gradient.items():
        for index in map(tuple, np.argwhere(np.ones(slopes.shape))[:: max(1, slopes.size // 7)].tolist()):
            rule = chain_rule(landscape, weights, name, index)
            assert rule.total == pytest.approx(slopes[index], rel=1e-9, abs=0.0), (name, index)
            assert len(rule.meetings) == (given.num_meetings or {}).get(name, 1)


def test_every_layer_that_learns_is_among_the_cases() -> None:
    classes = {name: getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    learning = {type(case.layer).__name__ for case in CASES.values()} | {"PatchWhitening"}
    others = set(classes) - learning
    assert others == {
        "AvgPool2d", "Dropout", "Flatten", "GELU", "GlobalAvgPool", "GlobalMaxPool", "LeakyReLU", "MaxPool2d",
        "Module", "ReLU", "Residual", "Sequential", "SiLU", "Sigmoid", "Standardize", "Tanh", "Upsample",
    }  # fmt: skip


class Recording(Module):
    """A convolution of pictures with one channel, after what was done to the picture."""

    buffer_names: ClassVar[tuple[str, ...]] = ("scale",)

    def __init__(self) -> None:
        self.scale = Tensor(np.array(2.0, np.float32))
        self.conv = nn.Conv2d(1, 2, 3, generator=G)
        self.linear = nn.Linear(2 * 16, 1, generator=G)

    def __call__(self, x: Tensor) -> Tensor:
        y = self.conv(x * self.scale)
        z: Tensor = self.linear(reshape(y, (BATCH, -1)))
        return z


def test_signal_and_blame_of_a_convolution() -> None:
    """By hand: the signal is the pixel under the weight, at every place; the patch is the window."""
    x = np.random.default_rng(3).standard_normal((BATCH, 1, 6, 6))
    landscape, weights = landscape_of(Recording(), x)
    rule = chain_rule(landscape, weights, "0.conv.weight", (1, 0, 2, 0))
    (meeting,) = rule.meetings
    assert meeting.primitive == "conv2d_with"
    assert meeting.num_terms == BATCH * 4 * 4
    np.testing.assert_allclose(meeting.signal[:, 1], 2.0 * x[:, 0, 2:, :4])
    assert not meeting.signal[:, 0].any()
    picture = rule.picture(meeting)
    assert picture is not None
    np.testing.assert_allclose(picture, 2.0 * x)
    for term in rule.largest(5):
        example, channel, row, column = term.index
        assert (term.example, channel) == (example, 1)
        assert term.signal == pytest.approx(2.0 * x[example, 0, row + 2, column])
        assert term.value == term.signal * term.blame
        assert term.patch == (row, column, row + 3, column + 3)


def test_the_largest_terms() -> None:
    landscape, weights = landscape_of(Recording(), np.random.default_rng(3).standard_normal((BATCH, 1, 6, 6)))
    rule = chain_rule(landscape, weights, "0.conv.weight", (1, 0, 2, 0))
    terms = rule.meetings[0].terms.reshape(BATCH, -1)
    expected = [term for row in terms.tolist() for term in sorted(row, key=abs, reverse=True)[:2]]
    expected.sort(key=abs, reverse=True)
    assert [term.value for term in rule.largest(5)] == expected[:5]
    assert [term.value for term in rule.largest(6)] == expected
    by_example = rule.by_example()
    assert by_example is not None
    np.testing.assert_allclose(by_example, terms.sum(axis=1))
    assert len(rule.largest(40)) == 40


def test_blame_is_how_far_the_loss_moves_with_the_result() -> None:
    landscape, weights = landscape_of(Recording(), np.random.default_rng(3).standard_normal((BATCH, 1, 6, 6)))
    rule = chain_rule(landscape, weights, "0.linear.bias", (0,))
    (meeting,) = rule.meetings
    assert meeting.signal.tolist() == [[1.0]] * BATCH
    bias = weights["0.linear.bias"]
    up, down = (landscape.loss({**weights, "0.linear.bias": bias + amount}) for amount in (1e-5, -1e-5))
    assert float(meeting.blame.sum()) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_rows_that_belong_to_one_example() -> None:
    """A linear layer sees all axes but the last as rows."""
    landscape, weights = landscape_of(nn.Linear(5, 3, generator=G), IMAGES)
    rule = chain_rule(landscape, weights, "0.weight", (2, 1))
    (meeting,) = rule.meetings
    assert meeting.signal.shape == (BATCH * 4 * 6, 3)
    for term in rule.largest(9):
        assert term.example == term.index[0] // 24
        assert term.signal == IMAGES.reshape(-1, 5)[term.index[0], 1]
        assert term.patch is None


def test_a_weight_that_nothing_comes_to() -> None:
    landscape, weights = landscape_of(nn.Linear(4, 3, generator=G), VECTORS * [0.0, 1.0, 1.0, 1.0])
    rule = chain_rule(landscape, weights, "0.weight", (0, 0))
    assert (rule.total, rule.largest(3), rule.meetings[0].num_terms) == (0.0, [], 0)
