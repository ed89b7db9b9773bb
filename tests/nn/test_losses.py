"""Every loss and metric of `nn.losses` agrees with PyTorch, in value and gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as f

from glassnet import nn
from glassnet.autodiff import Array, Tensor, check_grads, value_and_grad
from glassnet.errors import SettingsError, ShapeError
from glassnet.nn import losses

DRAW = np.random.default_rng(0)
LOGITS = DRAW.standard_normal((6, 4)) * 3.0
LABELS = np.array([0, 3, 1, 1, 2, 0])
SIGNALS = np.append(DRAW.standard_normal((5, 3)) * 4.0, [[0.0, 50.0, -50.0]], axis=0)
TARGETS = DRAW.uniform(size=SIGNALS.shape)

Case = tuple[Callable[..., Any], Callable[..., Any], Array, Array]
CASES: dict[str, list[Case]] = {
    "mse_loss": [(nn.mse_loss, f.mse_loss, SIGNALS, TARGETS)],
    "cross_entropy": [
        (nn.cross_entropy, f.cross_entropy, LOGITS, LABELS),
        (nn.cross_entropy, f.cross_entropy, LOGITS + 1000.0, LABELS),
        (
            lambda x, y: nn.cross_entropy(x, y, label_smoothing=0.1),
            lambda x, y: f.cross_entropy(x, y, label_smoothing=0.1),
            LOGITS,
            LABELS,
        ),
    ],
    "margin_cross_entropy": [
        (
            lambda x, y: nn.margin_cross_entropy(x, y, scale=16.0, margin=0.2),
            lambda x, y: f.cross_entropy(16.0 * (x - 0.2 * f.one_hot(y, 4).to(x.dtype)), y),
            np.tanh(LOGITS),
            LABELS,
        )
    ],
    "binary_cross_entropy_with_logits": [
        (nn.binary_cross_entropy_with_logits, f.binary_cross_entropy_with_logits, SIGNALS, TARGETS),
        (nn.binary_cross_entropy_with_logits, f.binary_cross_entropy_with_logits, SIGNALS, np.sign(TARGETS - 0.5) > 0),
    ],
    "accuracy": [(nn.accuracy, lambda x, y: (x.argmax(1) == y).to(x.dtype).mean() + 0.0 * x.sum(), LOGITS, LABELS)],
}  # fmt: skip
each_case = pytest.mark.parametrize("case", [pytest.param(c, id=n) for n, cases in CASES.items() for c in cases])


def test_every_loss_has_a_case() -> None:
    assert set(CASES) == set(losses.__all__)
    assert set(losses.__all__) <= set(nn.__all__)


@each_case
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5)])
def test_agrees_with_torch(case: Case, dtype: str, tolerance: float) -> None:
    ours, theirs, x, y = case
    x = x.astype(dtype)
    y = y if y.dtype.kind == "i" else y.astype(dtype)
    their_x = torch.from_numpy(x).requires_grad_()
    expected = theirs(their_x, torch.from_numpy(y))
    expected.backward()
    value, gradient = value_and_grad(ours)(Tensor(x), Tensor(y))
    assert value.dtype == dtype
    assert value.item() == pytest.approx(expected.item(), rel=tolerance)
    assert their_x.grad is not None
    np.testing.assert_allclose(gradient.numpy(), their_x.grad, rtol=0, atol=tolerance)


@each_case
def test_gradients_agree_with_a_nudge(case: Case) -> None:
    ours, _, x, y = case
    fixed = Tensor(y if y.dtype.kind == "i" else y.astype(float))
    check_grads(lambda x: ours(x, fixed), np.where(x == 0.0, 0.5, x), order=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: nn.mse_loss(Tensor(np.ones((2, 3))), Tensor(np.ones((3,)))),
            r"expected predictions and targets of one shape; got float64\[2, 3\] and float64\[3\]\. To fix: .*",
        ),
        (
            lambda: nn.binary_cross_entropy_with_logits(Tensor(np.ones((2, 1))), Tensor(np.ones(2))),
            r"expected logits and targets of one shape; got float64\[2, 1\] and float64\[2\]\. To fix: .*",
        ),
        (
            lambda: nn.cross_entropy(Tensor(LOGITS), Tensor(LABELS[:5])),
            r"expected logits \(B, K\) and labels \(B,\) .*; got float64\[6, 4\] and int64\[5\]\. To fix: .*",
        ),
        (
            lambda: nn.accuracy(Tensor(LOGITS), Tensor(LOGITS)),
            r"expected logits \(B, K\) and labels \(B,\) .*; got float64\[6, 4\] and float64\[6, 4\]\. To fix: .*",
        ),
    ],
)
def test_wrong_shapes_are_named(call: Callable[[], Tensor], message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{message}$"):
        call()


def test_smoothing_has_its_range() -> None:
    with pytest.raises(SettingsError, match=r"expected 0 <= label_smoothing <= 1; got 1\.5\. To fix: try 0\.1\."):
        nn.cross_entropy(Tensor(LOGITS), Tensor(LABELS), label_smoothing=1.5)
