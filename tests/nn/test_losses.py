"""Every loss and metric of `nn.losses` agrees with PyTorch, in value and gradient."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as f

from glassnet import nn
from glassnet.autodiff import Array, ArraySpec, Tensor, check_grads, value_and_grad
from glassnet.errors import SettingsError, ShapeError
from glassnet.graph import optimize, trace
from glassnet.nn import losses
from glassnet.ops import EagerRandom, Random, SharedRandom, transpose
from glassnet.runtimes import get_runtime
from glassnet.training.randomness import draw_inputs

DRAW = np.random.default_rng(0)
LOGITS = DRAW.standard_normal((6, 4)) * 3.0
LABELS = np.array([0, 3, 1, 1, 2, 0])
SIGNALS = np.append(DRAW.standard_normal((5, 3)) * 4.0, [[0.0, 50.0, -50.0]], axis=0)
TARGETS = DRAW.uniform(size=SIGNALS.shape)
WEIGHT = DRAW.standard_normal((7, 3)) * 2.0  # the directions of seven classes
EMBEDDINGS = DRAW.standard_normal((4, 3))
OWN, DRAWN = np.array([2, 0, 6, 2]), np.array([0, 3, 2, 3])  # of three examples the own class is drawn too


def sampled(embeddings: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
    return nn.sampled_margin_cross_entropy(embeddings, weight, labels, Tensor(DRAWN), scale=16.0, margin=0.2)


def theirs(embeddings: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Example by example, with only the classes that count for it."""
    losses = []
    for embedding, label in zip(embeddings, labels.tolist(), strict=True):
        classes = [label, *(number for number in DRAWN.tolist() if number != label)]
        cosines = f.normalize(weight[classes]) @ embedding
        logits = 16.0 * (cosines - 0.2 * f.one_hot(torch.tensor(0), len(classes)).to(cosines.dtype))
        losses.append(f.cross_entropy(logits[None], torch.tensor([0])))
    return torch.stack(losses).mean()


def by_rows_of_embeddings(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return theirs(f.normalize(x), torch.from_numpy(WEIGHT).to(x.dtype), y)


def by_rows_of_weight(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return theirs(torch.from_numpy(EMBEDDINGS).to(x.dtype), x, y)


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
    "sampled_margin_cross_entropy": [
        (lambda x, y: sampled(nn.unit(x), Tensor(WEIGHT.astype(x.dtype)), y), by_rows_of_embeddings, EMBEDDINGS, OWN),
        (lambda x, y: sampled(Tensor(EMBEDDINGS.astype(x.dtype)), x, y), by_rows_of_weight, WEIGHT, OWN),
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


def test_with_every_class_drawn_once_it_is_the_loss_of_all() -> None:
    embeddings, weight, labels = nn.unit(Tensor(EMBEDDINGS)), Tensor(WEIGHT), Tensor(OWN)
    cosines = embeddings @ transpose(nn.unit(weight), axes=(1, 0))
    whole = nn.margin_cross_entropy(cosines, labels, scale=16.0, margin=0.2)
    all_drawn = Tensor(np.random.default_rng(1).permutation(len(WEIGHT)))
    few = nn.sampled_margin_cross_entropy(embeddings, weight, labels, all_drawn, scale=16.0, margin=0.2)
    assert few.item() == pytest.approx(whole.item(), rel=1e-12)


def test_of_a_drawn_class_that_is_the_own_one_nothing_is_left() -> None:
    embeddings, weight, labels = nn.unit(Tensor(EMBEDDINGS[:1])), Tensor(WEIGHT), Tensor(OWN[:1])
    drawn = [Tensor(np.array(numbers)) for numbers in ([3], [3, 2, 2])]
    alone, beside = (nn.sampled_margin_cross_entropy(embeddings, weight, labels, d, 16.0, 0.2) for d in drawn)
    assert beside.item() == alone.item()


@pytest.mark.parametrize(("num", "num_classes"), [(7, 7), (5, 100_000), (100, 101)])
def test_classes_are_drawn_from_all_over(num: int, num_classes: int) -> None:
    source = EagerRandom(np.random.default_rng(0))
    drawn = np.array([nn.draw_classes(source, num, num_classes).numpy() for _ in range(200)])
    assert drawn.dtype == np.int64
    assert (np.diff(drawn, axis=1) >= 0).all()  # each from its own part
    assert drawn.min() >= 0
    assert drawn.max() <= num_classes - 1
    if num == num_classes:
        assert (drawn == np.arange(num)).all()
    else:
        assert abs(drawn.mean() / (num_classes - 1) - 0.5) < 0.02


def test_parts_of_a_batch_have_the_same_classes_also_if_these_are_as_many_as_their_examples() -> None:
    shared = SharedRandom(EagerRandom(np.random.default_rng(0)), size=4, num=2)
    drawn = [nn.draw_classes(shared.part(index), 4, len(WEIGHT)).numpy() for index in range(2)]
    assert np.array_equal(*drawn)
    x, weight = Tensor(DRAW.standard_normal((8, 3))), Tensor(WEIGHT)

    def loss(rows: slice) -> float:
        part, labels = Tensor(x.numpy()[rows]), Tensor(np.arange(8)[rows] % 7)
        return nn.sampled_margin_cross_entropy(part, weight, labels, Tensor(drawn[0]), 16.0, 0.2).item()

    assert (loss(slice(4)) + loss(slice(4, 8))) / 2 == pytest.approx(loss(slice(8)), rel=1e-12)


def test_numbers_that_round_up_to_all_stay_below() -> None:
    class Last:
        def uniform(self, shape: tuple[int, ...]) -> Tensor:
            return Tensor(np.full(shape, np.nextafter(np.float32(1.0), np.float32(0.0))))

        normal = stratified = uniform

    assert nn.draw_classes(Last(), 1000, 100_000).numpy().max() == 99_999


def drawn_and_compared(inputs: Mapping[str, Tensor], random: Random) -> dict[str, Tensor]:
    drawn = nn.draw_classes(random, 6, 50)
    loss = partial(nn.sampled_margin_cross_entropy, labels=inputs["labels"], drawn=drawn, scale=16.0, margin=0.2)
    value, (x, weight) = value_and_grad(lambda both: loss(*both))((inputs["x"], inputs["weight"]))
    return {"loss": value, "x": x, "weight": weight, "drawn": drawn}


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_runtimes_agree_on_drawing_and_on_both_gradients(runtime: str) -> None:
    numbers = np.random.default_rng(0)
    given = {
        "x": numbers.standard_normal((9, 4), np.float32),
        "weight": numbers.standard_normal((50, 4), np.float32),
        "labels": numbers.integers(0, 50, 9),
    }
    graph = trace(drawn_and_compared, {name: ArraySpec(array.shape, array.dtype) for name, array in given.items()})
    given |= draw_inputs(graph, numbers)
    expected, got = (get_runtime(name).compile(optimize(graph))(given) for name in ("numpy", runtime))
    assert np.array_equal(got["drawn"], expected["drawn"])
    assert np.count_nonzero(np.abs(expected["weight"]).sum(1)) <= 9 + 6
    for name in ("loss", "x", "weight"):
        np.testing.assert_allclose(got[name], expected[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (np.ones((4, 2)), WEIGHT, OWN, DRAWN),
            r"expected embeddings \(B, D\) and weight \(K, D\); got float64\[4, 2\] and float64\[7, 3\]\. To fix: .*",
        ),
        (
            (EMBEDDINGS, WEIGHT, OWN, DRAWN * 1.0),
            r"expected drawn \(S,\) of whole numbers; got float64\[4\]\. To fix: .*",
        ),
        (
            (EMBEDDINGS, WEIGHT, OWN[:3], DRAWN),
            r"expected embeddings \(B, D\) and labels \(B,\) .*; got float64\[4, 3\] and int64\[3\]\. To fix: .*",
        ),
    ],
)
def test_what_cannot_be_drawn_among_is_named(arguments: tuple[Array, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{message}$"):
        nn.sampled_margin_cross_entropy(*map(Tensor, arguments), scale=16.0, margin=0.2)


def test_margins_have_their_range() -> None:
    with pytest.raises(SettingsError, match=r"expected scale > 0 and 0 <= margin < 1; got 16\.0 and 1\.0\. To fix: .*"):
        nn.sampled_margin_cross_entropy(*map(Tensor, (EMBEDDINGS, WEIGHT, OWN, DRAWN)), scale=16.0, margin=1.0)


def test_smoothing_has_its_range() -> None:
    with pytest.raises(SettingsError, match=r"expected 0 <= label_smoothing <= 1; got 1\.5\. To fix: try 0\.1\."):
        nn.cross_entropy(Tensor(LOGITS), Tensor(LABELS), label_smoothing=1.5)
