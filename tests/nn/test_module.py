"""Names, modes and borrowed tensors: what every module can do; and what layers say at their doors."""

from collections.abc import Callable

import numpy as np
import pytest

from glassnet import nn
from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError, ShapeError


def seed() -> np.random.Generator:
    return np.random.default_rng(0)


class Net(nn.Module):
    def __init__(self) -> None:
        self.stem = nn.Conv2d(1, 2, 3, generator=seed())
        self.blocks = [nn.BatchNorm2d(2), nn.Residual(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(2)))]
        self.scale = Tensor(np.ones((), "float32"))


def test_names_are_paths_of_attributes() -> None:
    net = Net()
    learned = ["weight", "bias"]
    assert list(net.parameters()) == [
        "scale", *(f"stem.{n}" for n in learned), *(f"blocks.0.{n}" for n in learned),
        *(f"blocks.1.inner.1.{n}" for n in learned),
    ]  # fmt: skip
    assert list(net.buffers()) == [f"blocks.{p}.running_{s}" for p in ("0", "1.inner.1") for s in ("mean", "var")]
    assert net.tensors().keys() == net.parameters().keys() | net.buffers().keys()
    assert net.num_weights() == 1 + 18 + 2 + 4 + 4


def test_training_mode_reaches_everything() -> None:
    net = Net()
    inner = net.blocks[1].inner.layers[1]  # type: ignore[attr-defined]
    assert net.is_training
    net.train(False)
    assert not net.is_training
    assert not inner.is_training
    net.train()
    assert inner.is_training


def test_holding_lends_tensors_and_gives_them_back_even_after_an_error() -> None:
    net = Net()
    own, lent = net.stem.weight, Tensor(np.zeros((2, 1, 3, 3), "float32"))

    def fail_while_holding() -> None:
        with net.holding({"stem.weight": lent}):
            assert net.stem.weight is lent
            raise KeyError

    with pytest.raises(KeyError):
        fail_while_holding()
    assert net.stem.weight is own


def test_load_refuses_what_does_not_fit() -> None:
    net = nn.Linear(2, 3, generator=seed())
    with pytest.raises(ShapeError, match=r"expected one of the tensors weight, bias; got 'wait'\. To fix: "):
        net.load({"wait": net.weight})
    with pytest.raises(ShapeError, match=r"expected float32\[3\] for 'bias'; got float32\[3, 2\]\. To fix: "):
        net.load({"bias": net.weight})


IMAGES = Tensor(np.zeros((2, 3, 4, 4), "float32"))
DOORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: nn.Linear(5, 2, generator=seed())(IMAGES), ShapeError, r"x \(\.\.\., 5\); got float32\[2, 3, 4, 4\]"),
    (lambda: nn.Conv2d(5, 2, 3, generator=seed())(IMAGES), ShapeError, r"\(B, 5, H, W\); got float32\[2, 3, 4, 4\]"),
    (lambda: nn.Conv2d(3, 2, 5, generator=seed())(IMAGES), ShapeError, r"window that fits .* image \(4, 4\)"),
    (lambda: nn.Conv2d(3, 2, 3, generator=seed(), groups=2), SettingsError, "in_channels divisible .*; got 3 in 2"),
    (lambda: nn.Conv2d(4, 3, 3, generator=seed(), groups=2), SettingsError, "out_channels divisible .*; got 3 in 2"),
    (
        lambda: nn.ConvTranspose2d(5, 2, 3, generator=seed())(IMAGES),
        ShapeError,
        r"\(B, 5, H, W\); got float32\[2, 3, 4, 4\]",
    ),
    (lambda: nn.GroupNorm(2, 3), SettingsError, "num_channels divisible by the number of groups; got 3 in 2 groups"),
    (lambda: nn.GroupNorm(2, 4)(IMAGES), ShapeError, r"x \(B, 4, \.\.\.\); got float32\[2, 3, 4, 4\]"),
    (lambda: nn.BatchNorm2d(4)(IMAGES), ShapeError, r"\(B, 4, H, W\); got float32\[2, 3, 4, 4\]"),
    (
        lambda: nn.BatchNorm2d(3)(Tensor(np.zeros((1, 3, 1, 1), "float32"))),
        ShapeError,
        r"several values per channel to train on; got float32\[1, 3, 1, 1\]",
    ),
    (lambda: nn.LayerNorm((4, 5))(IMAGES), ShapeError, r"x \(\.\.\., 4, 5\); got float32\[2, 3, 4, 4\]"),
    (lambda: nn.LayerNorm((1, 2, 3, 4, 4))(IMAGES), ShapeError, r"x \(\.\.\., 1, 2, 3, 4, 4\); got float32"),
    (lambda: nn.MaxPool2d(2)(Tensor(np.zeros((3, 4)))), ShapeError, r"images \(B, C, H, W\) .*; got float64\[3, 4\]"),
    (lambda: nn.AvgPool2d(2)(Tensor(np.zeros((3, 4)))), ShapeError, r"images \(B, C, H, W\) .*; got float64\[3, 4\]"),
    (lambda: nn.Upsample(2)(Tensor(np.zeros((3, 4)))), ShapeError, r"images \(B, C, H, W\); got float64\[3, 4\]"),
    (lambda: nn.GlobalAvgPool()(Tensor(np.zeros((3, 4)))), ShapeError, r"images \(B, C, H, W\); got float64\[3, 4\]"),
    (lambda: nn.GlobalMaxPool()(Tensor(np.zeros((3, 4)))), ShapeError, r"images \(B, C, H, W\); got float64\[3, 4\]"),
    (lambda: nn.PatchWhitening(2, 5)(IMAGES), ShapeError, r"\(B, 5, H, W\); got float32\[2, 3, 4, 4\]"),
    (lambda: nn.Standardize([0.5] * 5, [1.0] * 5)(IMAGES), ShapeError, r"\(B, 5, H, W\); got float32\[2, 3, 4, 4\]"),
    (
        lambda: nn.Standardize([0.5, 0.5], [1.0, 0.0]),
        SettingsError,
        r"std > 0 per channel; got \[0\.5, 0\.5\] and \[1\.0",
    ),
    (
        lambda: nn.Standardize([0.5], [1.0, 1.0]),
        SettingsError,
        r"one mean and one std > 0 per channel; got \[0\.5\] and",
    ),
    (
        lambda: nn.whitening_filters(np.zeros((0, 3, 4, 4)), 2),
        ShapeError,
        r"images \(N, C, H, W\) of at least 2 by 2 pixels; got \(0, 3, 4, 4\)",
    ),
    (lambda: nn.whitening_filters(np.zeros((5, 3, 1, 4)), 2), ShapeError, r"at least 2 by 2 .*; got \(5, 3, 1, 4\)"),
    (lambda: nn.Dropout(1.0), SettingsError, "a probability 0 <= p < 1 to leave out; got 1.0"),
    (lambda: nn.Embedding(3, 2, generator=seed())(IMAGES), ShapeError, r"whole numbers as indices; got float32"),
    (
        lambda: nn.Residual(nn.Upsample(2))(IMAGES),
        ShapeError,
        r"equal shapes on both ways of a residual; got float32\[2, 3, 8, 8\] and past it float32\[2, 3, 4, 4\]",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), DOORS)
def test_a_wrong_shape_is_named_at_the_door(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=rf"^expected .*{message}.*\. To fix: \w.*\.$"):
        call()
