"""Every layer that `nn` exports agrees with PyTorch: names, shapes, values and gradients, in both precisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from glassnet import nn, ops
from glassnet.autodiff import Array, Tensor, check_grads, placeholder, value_and_grad


class TorchResidual(torch.nn.Module):
    def __init__(self, inner: torch.nn.Module, shortcut: torch.nn.Module | None = None):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut or torch.nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) + self.shortcut(x)


class TorchStandardize(torch.nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x / 255 - self.mean[:, None, None]) / self.std[:, None, None]


class TorchPatchWhitening(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(32, 4, 2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.conv2d(x, self.weight)


class TorchBatchNormWithoutScale(torch.nn.BatchNorm2d):
    def __init__(self, num_features: int):
        super().__init__(num_features)
        self.weight = None  # type: ignore[assignment]


class TorchCosine(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cosine_similarity(x[:, None], self.weight[None], dim=2)


@dataclass(frozen=True)
class Case:
    """A layer, what it is in PyTorch, and the shape of an input (for `Embedding` the indices themselves)."""

    ours: Callable[..., nn.Module]
    theirs: torch.nn.Module
    x: tuple[int, ...] | Array
    is_training: bool = True


T = torch.nn
IMAGES = (2, 4, 6, 5)  # (B, C, H, W)

CASES: dict[str, list[Case]] = {
    "Linear": [
        Case(lambda **how: nn.Linear(4, 3, **how), T.Linear(4, 3), (5, 4)),
        Case(lambda **how: nn.Linear(4, 3, has_bias=False, **how), T.Linear(4, 3, bias=False), (2, 5, 4)),
        Case(lambda **how: nn.Linear(4, 3, **how), T.Linear(4, 3), (4,)),
    ],
    "Conv2d": [
        Case(lambda **how: nn.Conv2d(4, 6, 3, padding=1, **how), T.Conv2d(4, 6, 3, padding=1), IMAGES),
        Case(
            lambda **how: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), groups=2, has_bias=False, **how),
            T.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), groups=2, bias=False),
            IMAGES,
        ),
    ],
    "ConvTranspose2d": [
        Case(lambda **how: nn.ConvTranspose2d(4, 6, 2, stride=2, **how), T.ConvTranspose2d(4, 6, 2, stride=2), IMAGES),
        Case(
            lambda **how: nn.ConvTranspose2d(4, 6, (4, 3), stride=(2, 1), padding=1, groups=2, has_bias=False, **how),
            T.ConvTranspose2d(4, 6, (4, 3), stride=(2, 1), padding=1, groups=2, bias=False),
            IMAGES,
        ),
    ],
    "GroupNorm": [
        Case(lambda generator, **how: nn.GroupNorm(2, 4, **how), T.GroupNorm(2, 4), IMAGES),
        Case(lambda generator, **how: nn.GroupNorm(1, 4, eps=0.1, **how), T.GroupNorm(1, 4, eps=0.1), (3, 4)),
    ],
    "BatchNorm2d": [
        Case(lambda generator, **how: nn.BatchNorm2d(4, **how), T.BatchNorm2d(4), IMAGES),
        Case(lambda generator, **how: nn.BatchNorm2d(4, eps=0.1, **how), T.BatchNorm2d(4, eps=0.1), IMAGES, False),
        *(
            Case(
                lambda generator, **how: nn.BatchNorm2d(4, has_scale=False, **how),
                TorchBatchNormWithoutScale(4),
                IMAGES,
                is_training,
            )
            for is_training in (True, False)
        ),
    ],
    "LayerNorm": [
        Case(lambda generator, **how: nn.LayerNorm(5, **how), T.LayerNorm(5), IMAGES),
        Case(lambda generator, **how: nn.LayerNorm((6, 5), eps=0.1, **how), T.LayerNorm((6, 5), eps=0.1), IMAGES),
    ],
    "MaxPool2d": [
        Case(lambda **_: nn.MaxPool2d(2), T.MaxPool2d(2), IMAGES),
        Case(lambda **_: nn.MaxPool2d(3, stride=(1, 2), padding=1), T.MaxPool2d(3, stride=(1, 2), padding=1), IMAGES),
    ],
    "AvgPool2d": [
        Case(lambda **_: nn.AvgPool2d((3, 2)), T.AvgPool2d((3, 2)), IMAGES),
        Case(lambda **_: nn.AvgPool2d(3, stride=2, padding=1), T.AvgPool2d(3, stride=2, padding=1), IMAGES),
    ],
    "GlobalAvgPool": [
        Case(lambda **_: nn.GlobalAvgPool(), T.Sequential(T.AdaptiveAvgPool2d(1), T.Flatten()), IMAGES),
    ],
    "GlobalMaxPool": [
        Case(lambda **_: nn.GlobalMaxPool(), T.Sequential(T.AdaptiveMaxPool2d(1), T.Flatten()), IMAGES),
    ],
    "PatchWhitening": [
        Case(lambda generator, **how: nn.PatchWhitening(2, 4, **how), TorchPatchWhitening(), IMAGES),
    ],
    "Standardize": [
        Case(lambda generator, **how: nn.Standardize([0.0] * 4, [1.0] * 4, **how), TorchStandardize(4), IMAGES),
    ],
    "Upsample": [
        Case(lambda **_: nn.Upsample(2), T.Upsample(scale_factor=2), IMAGES),
        Case(lambda **_: nn.Upsample((1, 3)), T.Upsample(scale_factor=(1, 3)), IMAGES),
    ],
    "Flatten": [Case(lambda **_: nn.Flatten(), T.Flatten(), IMAGES)],
    "Dropout": [
        Case(lambda **_: nn.Dropout(0.3), T.Dropout(0.3), IMAGES, False),
        Case(lambda **_: nn.Dropout(0.0), T.Dropout(0.0), IMAGES),
    ],
    "Embedding": [
        Case(lambda **how: nn.Embedding(5, 3, **how), T.Embedding(5, 3), np.array([[0, 4, 4], [1, 0, 4]])),
    ],
    "Cosine": [Case(lambda **how: nn.Cosine(4, 3, **how), TorchCosine(), (5, 4))],
    "ReLU": [Case(lambda **_: nn.ReLU(), T.ReLU(), IMAGES)],
    "LeakyReLU": [
        Case(lambda **_: nn.LeakyReLU(), T.LeakyReLU(), IMAGES),
        Case(lambda **_: nn.LeakyReLU(0.2), T.LeakyReLU(0.2), IMAGES),
    ],
    "GELU": [Case(lambda **_: nn.GELU(), T.GELU(), IMAGES)],
    "SiLU": [Case(lambda **_: nn.SiLU(), T.SiLU(), IMAGES)],
    "Tanh": [Case(lambda **_: nn.Tanh(), T.Tanh(), IMAGES)],
    "Sigmoid": [Case(lambda **_: nn.Sigmoid(), T.Sigmoid(), IMAGES)],
    "Sequential": [
        Case(
            lambda dtype, **how: nn.Sequential(
                nn.Conv2d(4, 3, 3, dtype=dtype, **how), nn.BatchNorm2d(3, dtype=dtype), nn.SiLU(), nn.Flatten(),
                nn.Sequential(nn.Linear(36, 2, dtype=dtype, **how)),
            ),
            T.Sequential(
                T.Conv2d(4, 3, 3), T.BatchNorm2d(3), T.SiLU(), T.Flatten(), T.Sequential(T.Linear(36, 2)),
            ),
            IMAGES,
        )
    ],
    "Residual": [
        Case(lambda **how: nn.Residual(nn.Linear(4, 4, **how)), TorchResidual(T.Linear(4, 4)), (3, 4)),
        Case(
            lambda **how: nn.Residual(nn.Linear(4, 2, **how), nn.Linear(4, 2, has_bias=False, **how)),
            TorchResidual(T.Linear(4, 2), T.Linear(4, 2, bias=False)),
            (3, 4),
        ),
    ],
}  # fmt: skip

each_case = pytest.mark.parametrize(
    "case", [pytest.param(c, id=f"{name}-{i}") for name, cases in CASES.items() for i, c in enumerate(cases)]
)
each_dtype = pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])


def test_every_exported_layer_has_a_case() -> None:
    exported = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)} - {"Module"}
    assert set(CASES) == exported
    for name, cases in CASES.items():
        for case in cases:
            assert type(built(case, "float32")).__name__ == name


def built(case: Case, dtype: str) -> nn.Module:
    """The layer with weights and statistics of no special value, as trained ones are."""
    layer = case.ours(generator=np.random.default_rng(1), dtype=dtype)
    draw = np.random.default_rng(2).uniform
    layer.load({name: Tensor(draw(0.5, 1.5, x.shape).astype(dtype)) for name, x in layer.tensors().items()})
    layer.train(case.is_training)
    return layer


def input_of(case: Case, dtype: str) -> Array:
    if isinstance(case.x, np.ndarray):
        return case.x
    return np.random.default_rng(3).standard_normal(case.x).astype(dtype)


def copied_to_torch(case: Case, layer: nn.Module, dtype: str) -> torch.nn.Module:
    theirs = case.theirs.to(getattr(torch, dtype))
    state = {name: torch.from_numpy(x.numpy().copy()) for name, x in layer.tensors().items()}
    result = theirs.load_state_dict(state, strict=False)
    assert not result.unexpected_keys
    assert all(name.endswith("num_batches_tracked") for name in result.missing_keys)
    return theirs.train(case.is_training)


def assert_close(ours: Array, theirs: Any, tolerance: float) -> None:
    expected = theirs.detach().numpy()
    assert ours.shape == expected.shape
    if ours.dtype.kind == "f":
        assert ours.dtype == expected.dtype
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max()))


@each_case
@each_dtype
def test_agrees_with_torch(case: Case, dtype: str, tolerance: float) -> None:
    layer, x = built(case, dtype), input_of(case, dtype)
    theirs = copied_to_torch(case, layer, dtype)
    their_x = torch.from_numpy(x).requires_grad_(x.dtype.kind == "f")
    their_y = theirs(their_x)
    g = np.random.default_rng(4).standard_normal(their_y.shape).astype(dtype)
    their_y.backward(torch.from_numpy(g))

    def weighted(tensors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        weights = {name: t for name, t in tensors.items() if name != "x"}
        with layer.holding(weights):
            y: Tensor = layer(tensors["x"])
        return ops.sum(y * g), y

    (_, y), gradients = value_and_grad(weighted, has_aux=True)({"x": Tensor(x), **layer.parameters()})
    assert_close(y.numpy(), their_y, tolerance)
    if their_x.grad is not None:
        assert_close(gradients["x"].numpy(), their_x.grad, tolerance)
    for name, parameter in theirs.named_parameters():
        assert_close(gradients[name].numpy(), parameter.grad, tolerance)
    theirs.zero_grad()


@each_case
def test_gradients_agree_with_a_nudge(case: Case) -> None:
    layer, x = built(case, "float64"), input_of(case, "float64")
    names = list(layer.parameters())

    def function(x: Tensor, *weights: Tensor) -> Tensor:
        with layer.holding(dict(zip(names, weights, strict=True))):
            y: Tensor = layer(x)
        return y

    check_grads(function, x, *(p.numpy() for p in layer.parameters().values()), order=2)


@each_case
def test_can_be_traced(case: Case) -> None:
    layer, x = built(case, "float32"), Tensor(input_of(case, "float32"))
    promised = {name: placeholder(t.spec) for name, t in layer.tensors().items()}
    expected = layer(x).spec
    with layer.holding(promised):
        y = layer(placeholder(x.spec))
        assert all(t.is_symbolic for t in layer.tensors().values())
    assert y.is_symbolic
    assert y.spec == expected
    assert not any(t.is_symbolic for t in layer.tensors().values())


def test_one_seed_gives_one_network_in_every_dtype() -> None:
    single, double = (nn.Conv2d(2, 3, 3, generator=np.random.default_rng(0), dtype=d) for d in ("float32", "float64"))
    np.testing.assert_array_equal(single.weight.numpy(), double.weight.numpy().astype(np.float32))
