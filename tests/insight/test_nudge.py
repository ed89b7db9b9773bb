"""The nudge: a sweep is what many forward passes say, and its slopes are those of backpropagation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from glassnet.autodiff import Array, ArraySpec, Tensor
from glassnet.errors import DivergedError, SettingsError
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.insight.nudge import compare, doubts, follow_signs, follow_steepest, make_best, make_helpful, sweep
from glassnet.insight.nudge_graph import Portion
from glassnet.insight.race import Race, Terms, race
from glassnet.models.smooth import SmoothClassifier
from glassnet.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    GlobalMaxPool,
    GroupNorm,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    Tanh,
    cross_entropy,
)
from glassnet.ops import Random, maximum, mean, minimum, relu, square, sum
from glassnet.ops.random import draw

NUMBERS = np.random.default_rng(0)
LossOf = Callable[[Mapping[str, Tensor], Random], Tensor]


def landscape_of(model: Module, loss_of: LossOf, inputs: Mapping[str, Array]) -> tuple[Landscape, Weights]:
    """In float64, its random numbers drawn once."""
    weights = in_float64(model)
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in inputs.items()}
    graph, gradient_graph = trace_loss(model, loss_of, specs)
    drawn = {
        name: draw(NUMBERS, kind, graph.input_specs()[name].shape, np.dtype("float64"))
        for name, kind in graph.random.items()
    }
    return Landscape(graph, gradient_graph, {**inputs, **drawn}), weights


def classifying(model: Module, size_px: int = 8, num: int = 6, channels: int = 3) -> tuple[Landscape, Weights]:
    """Pictures of noise, five classes."""
    images = NUMBERS.integers(0, 256, (num, channels, size_px, size_px), np.uint8)
    inputs = {"images": images, "labels": NUMBERS.integers(0, 5, num)}
    return landscape_of(model, lambda batch, random: cross_entropy(model(batch["images"]), batch["labels"]), inputs)


def regressing(model: Module, x: Array) -> tuple[Landscape, Weights]:
    """The mean square of what the network says of x."""
    return landscape_of(model, lambda batch, random: mean(square(_called(model, batch["x"], random))), {"x": x})


def _called(model: Module, x: Tensor, random: Random) -> Tensor:
    return model(x, random) if model.is_random else model(x)


def one_by_one(landscape: Landscape, weights: Weights, epsilon: float) -> Weights:
    """What `Landscape.nudge` calls up, as anyone would compute it."""
    losses = {name: np.empty(array.shape) for name, array in weights.items()}
    for name, array in weights.items():
        for index in np.ndindex(array.shape):
            nudged = array.copy()
            nudged[index] += epsilon
            losses[name][index] = landscape.loss({**weights, name: nudged})
    return losses


def a_network(kind: str) -> tuple[Landscape, Weights]:
    generator = np.random.default_rng(1)
    conv = Conv2d(2, 4, 3, padding=1, generator=generator)
    images = NUMBERS.standard_normal((3, 2, 4, 4))
    if kind == "smooth":
        return classifying(SmoothClassifier(generator, 5, (3, 8, 8)), num=3)
    linear = Linear(64, 2, generator=generator)
    after: dict[str, list[Module]] = {
        "corners": [MaxPool2d(2), ReLU(), Conv2d(4, 3, 3, generator=generator, padding=1), ReLU(), Flatten()],
        "batch normalization": [BatchNorm2d(4), ReLU(), Flatten(), linear],
        "group normalization": [GroupNorm(2, 4), Tanh(), Flatten(), linear],
        "groups": [Conv2d(4, 4, 3, padding=1, groups=2, generator=generator), MaxPool2d(2), Flatten()],
        "upwards": [ConvTranspose2d(4, 3, 2, stride=2, generator=generator), Tanh()],
        "dropout": [Dropout(0.5), Flatten(), linear],
    }
    return regressing(Sequential(conv, *after[kind]), images)


@pytest.mark.parametrize(
    "kind",
    ["smooth", "corners", "batch normalization", "group normalization", "groups", "upwards", "dropout"],
)
def test_a_sweep_is_what_forward_passes_say(kind: str) -> None:
    landscape, weights = a_network(kind)
    found = landscape.nudge(weights, 1e-3)
    for up, sign in ((found.up, 1.0), (found.down, -1.0)):
        expected = one_by_one(landscape, weights, sign * 1e-3)
        for name, losses in expected.items():
            np.testing.assert_allclose(up[name], losses, rtol=1e-13, atol=1e-14)


def test_what_the_copies_do_together_does_not_change_what_each_does(monkeypatch: pytest.MonkeyPatch) -> None:
    landscape, weights = a_network("corners")
    together = landscape.nudge(weights, 1e-3)
    monkeypatch.setattr("glassnet.insight.nudge_graph._MAX_NUMBERS", 1)
    alone = landscape.nudge(weights, 1e-3)
    for name in weights:
        np.testing.assert_allclose(alone.up[name], together.up[name], rtol=1e-14)
        np.testing.assert_allclose(alone.down[name], together.down[name], rtol=1e-14)


def test_work_that_is_divided_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    landscape, weights = a_network("corners")
    monkeypatch.setattr("glassnet.insight.nudge_graph._MAX_NUMBERS", 5000)  # so that a row is several pieces
    whole = landscape.nudge(weights, 1e-3, is_counting=True)
    nums: list[int] = []

    def portion(index: int) -> Portion:
        return lambda num: nums.append(num) or range(index, num, 3)  # type: ignore[func-returns-value]

    parts = [landscape.nudge(weights, 1e-3, True, portion(index)) for index in range(3)]
    assert any(num > len(array) for num, array in zip(nums, weights.values(), strict=False))
    for side in ("up", "down", "crossed"):
        for name, expected in getattr(whole, side).items():
            given = [getattr(part, side)[name] for part in parts]
            assert all((array == 0).any() for array in given if array.size > 3), name
            assert np.array_equal(np.sum(given, axis=0), expected), (side, name)


@pytest.mark.parametrize("kind", ["smooth", "batch normalization", "upwards", "dropout"])
def test_slopes_are_those_of_backpropagation(kind: str) -> None:
    landscape, weights = a_network(kind)
    loss, gradient = landscape.gradient(weights)
    swept = sweep(landscape, weights, 1e-6 if kind == "batch normalization" else 1e-4)
    agreement = compare(swept, gradient)
    assert agreement.cosine >= 0.999999999
    assert agreement.largest_relative_difference < 1e-5
    assert (agreement.crossings, doubts(swept, agreement)) == ((), [])
    assert swept.loss == loss == landscape.loss(weights)
    assert swept.num_forward_passes == 2 * sum_of_sizes(weights)


def sum_of_sizes(weights: Weights) -> int:
    return int(np.sum([array.size for array in weights.values()]))


class Bowl(Module):
    """Loses sum(curvature (w - target)^2): everything about it is known."""

    curvature = np.array([1.0, 4.0, 9.0])
    target = np.array([1.0, -0.5, 0.23])

    def __init__(self) -> None:
        self.w = Tensor(np.zeros(3))

    def __call__(self) -> Tensor:
        return sum(square(self.w - self.target) * self.curvature)


def bowl() -> tuple[Landscape, Weights]:
    model = Bowl()
    return landscape_of(model, lambda batch, random: model(), {})


def test_the_rules_on_a_bowl() -> None:
    landscape, weights = bowl()
    swept = sweep(landscape, weights, 0.1)
    # The third slope is the steepest, but its curvature takes more away from what a nudge gains.
    assert make_best(weights, swept, 1.0)["w"] == pytest.approx([0.0, -0.1, 0.0])
    assert make_helpful(weights, swept, 1.0)["w"] == pytest.approx([0.1, -0.1, 0.1])
    assert swept.slopes()["w"] == pytest.approx([-2.0, 4.0, -4.14])
    gradient = landscape.gradient(weights)[1]
    assert follow_steepest(weights, gradient, 0.1, 1.0)["w"] == pytest.approx([0.0, 0.0, 0.1])
    assert follow_signs(weights, gradient, 0.1, 1.0)["w"] == pytest.approx([0.1, -0.1, 0.1])


def test_a_nudge_over_the_bottom_helps_nobody() -> None:
    landscape, _ = bowl()
    near = {"w": Bowl.target + np.array([0.04, -0.04, 0.06])}
    swept = sweep(landscape, near, 0.1)
    assert make_helpful(near, swept, 1.0)["w"] == pytest.approx(Bowl.target + np.array([0.04, -0.04, -0.04]))
    swept = sweep(landscape, {"w": Bowl.target}, 0.1)
    assert not swept.improves()
    assert make_best({"w": Bowl.target}, swept, 1.0)["w"].tolist() == Bowl.target.tolist()


def last_of(landscape: Landscape, weights: Weights, **terms: object) -> Race:
    return list(race(lambda step: landscape, weights, Terms(**terms)))[-1]  # type: ignore[arg-type]


def test_a_race_ends_when_no_nudge_helps() -> None:
    landscape, weights = bowl()
    known = last_of(landscape, weights, epsilon=0.1, num_steps=1000)
    over = {contest.rule: (contest.is_over, len(contest.nudge.loss)) for contest in known.contests}
    # (b) needs 10 steps to the farthest target, (a) those to all three.
    assert over["b"] == (True, 1 + 10)
    assert over["a"] == (True, 1 + 10 + 5 + 2)
    assert known.contests[1].weights["w"] == pytest.approx([1.0, -0.5, 0.2])


@pytest.mark.slow
def test_runners_stay_side_by_side() -> None:
    landscape, weights = a_network("smooth")
    known = last_of(landscape, weights, num_steps=20)
    for contest in known.contests:
        assert len(contest.nudge.loss) == len(contest.backpropagation.loss) == 21
        assert contest.nudge.loss[-1] < contest.nudge.loss[0]
        assert contest.largest_difference() < 1e-6
    sweep_passes = 2.0 * sum_of_sizes(weights)
    assert known.contests[0].nudge.forward_passes == [i * sweep_passes for i in range(21)]
    assert known.contests[0].backpropagation.forward_passes == [3.0 * i for i in range(21)]


def test_a_race_keeps_to_its_time() -> None:
    landscape, weights = bowl()
    known = last_of(landscape, weights, limit_s=1e-9)
    assert [len(contest.nudge.loss) for contest in known.contests] == [2, 2, 2]


class Corner(Module):
    """relu(w x), 1 to each weight."""

    def __init__(self) -> None:
        self.w = Tensor(np.array([3e-5, 0.5, -2e-4, -5e-5]))

    def __call__(self) -> Tensor:
        return sum(relu(self.w) * np.array([1.0, 2.0, 3.0, 4.0]))


def test_weights_that_cross_a_corner_are_named_and_counted() -> None:
    model = Corner()
    landscape, weights = landscape_of(model, lambda batch, random: model(), {})
    swept = sweep(landscape, weights, 1e-4, is_counting=True)
    assert swept.crossed["w"].tolist() == [1, 0, 0, 1]
    agreement = compare(swept, landscape.gradient(weights)[1])
    worst, other = agreement.crossings
    assert (worst.weight, worst.corners, worst.by_backpropagation) == ("w[3]", 1, 0.0)
    assert worst.by_nudge == pytest.approx(4.0 * 0.5e-4 / 2e-4)
    assert (other.weight, other.by_backpropagation) == ("w[0]", 1.0)
    assert other.by_nudge == pytest.approx(1.3e-4 / 2e-4)
    assert agreement.smooth_cosine == pytest.approx(1.0, abs=1e-12)
    assert agreement.cosine < 0.99
    assert not sweep(landscape, weights, 1e-5, is_counting=True).crossed["w"].any()
    landscape, weights = landscape_of(model, lambda batch, random: relu(sum(model.w) - 0.49978), {})
    assert landscape.nudge(weights, 1e-3, is_counting=True).crossed["w"].tolist() == [1, 1, 1, 1]


def test_corners_of_pooling_are_counted_and_not_those_that_cancel() -> None:
    """The largest logit, which is taken out of the logarithm and put back, is no corner."""
    generator = np.random.default_rng(1)
    conv = Conv2d(3, 2, 3, padding=1, generator=generator)
    model = Sequential(conv, MaxPool2d(2), Flatten(), Linear(32, 5, generator=generator))
    images = NUMBERS.standard_normal((4, 3, 8, 8))
    labels = NUMBERS.integers(0, 5, 4)
    landscape, weights = landscape_of(
        model, lambda batch, random: cross_entropy(model(batch["x"]), batch["labels"]), {"x": images, "labels": labels}
    )
    name, kernel = next(iter(weights.items()))
    crossed = landscape.nudge(weights, 0.05, is_counting=True).crossed
    assert not any(counts.any() for other, counts in crossed.items() if counts.shape[0] == 5)
    index = np.unravel_index(int(crossed[name].argmax()), kernel.shape)
    places = []
    for sign in (1.0, -1.0):
        moved = kernel.copy()
        moved[index] += sign * 0.05
        padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
        seen = np.zeros((4, 8, 8))
        for c, i, j in np.ndindex(3, 3, 3):
            seen += moved[index[0], c, i, j] * padded[:, c, i : i + 8, j : j + 8]
        blocks = seen.reshape(4, 4, 2, 4, 2).transpose(0, 1, 3, 2, 4).reshape(4, 4, 4, 4)
        places.append(blocks.argmax(-1))
    # Where another place wins, two places change sides: the winner and the loser.
    assert crossed[name][index] == 2 * np.count_nonzero(places[0] != places[1]) > 0


def test_a_corner_where_all_places_meet() -> None:
    """The largest number of a channel, of which the nudge has changed one only."""
    images = NUMBERS.standard_normal((3, 2, 4, 4))
    conv = Conv2d(2, 3, 1, has_bias=False, generator=np.random.default_rng(1))
    landscape, weights = regressing(Sequential(conv, GlobalMaxPool()), images)
    ((name, kernel),) = weights.items()
    crossed = landscape.nudge(weights, 0.3, is_counting=True).crossed[name]
    expected = np.zeros(kernel.shape)
    for o, c in np.ndindex(3, 2):
        up, down = (
            np.einsum("c,bchw->bhw", kernel[o, :, 0, 0] + sign * 0.3 * np.eye(2)[c], images).reshape(3, -1).argmax(1)
            for sign in (1.0, -1.0)
        )
        expected[o, c] = 2 * np.count_nonzero(up != down)
    assert expected.any()
    assert crossed.tolist() == expected.tolist()


@pytest.mark.parametrize("choice", [maximum, minimum])
def test_a_corner_between_two_numbers(choice: Callable[[Tensor, Tensor], Tensor]) -> None:
    class Choice(Module):
        """The larger or smaller of w and each row of x."""

        def __init__(self) -> None:
            self.w = Tensor(np.array([0.5, 1.5]))

    model = Choice()
    x = np.array([[0.45, 0.0], [0.52, 1.3], [1.0, 1.9]])
    landscape, weights = landscape_of(model, lambda batch, random: sum(choice(model.w, batch["x"])), {"x": x})
    assert landscape.nudge(weights, 0.1, is_counting=True).crossed["w"].tolist() == [2, 0]


def test_the_size_of_a_nudge_is_doubted() -> None:
    landscape, weights = a_network("smooth")
    gradient = landscape.gradient(weights)[1]

    def doubts_at(epsilon: float) -> list[str]:
        swept = sweep(landscape, weights, epsilon)
        return doubts(swept, compare(swept, gradient))

    (line,) = doubts_at(1e-14)
    assert line.startswith("A nudge of 1e-14 is too small: float64 keeps 16 digits, so the loss is known to ")
    assert line.endswith("To fix: a larger --epsilon.")
    assert doubts_at(1e-4) == doubts_at(1e-7) == []
    (line,) = doubts_at(3.0)
    swept = sweep(landscape, weights, 3.0)
    s, g = (np.concatenate([a[name].ravel() for name in gradient]) for a in (swept.slopes(), gradient))
    by = 100.0 * np.linalg.norm(s - g) / np.linalg.norm(g)
    assert line.startswith("A nudge of 3 is too large: the loss is not straight over that distance, and the slopes ")
    assert f"are off by {by:.3g} %. To fix: a smaller --epsilon." in line


def test_numbers_that_are_none() -> None:
    landscape, weights = bowl()
    with pytest.raises(DivergedError, match=r"^expected finite losses; got .* w by 1e\+200\. To fix: a smaller"):
        sweep(landscape, weights, 1e200)
    with pytest.raises(DivergedError, match=r"by gradient descent\. To fix: lower --learning-rate \(now 1e\+200\)"):
        last_of(landscape, weights, learning_rate=1e200)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"epsilon": 0.0}, "expected --epsilon to be a number above 0; got 0. To fix: "),
        ({"epsilon": float("nan")}, "expected --epsilon to be a number above 0; got nan"),
        ({"learning_rate": -1.0}, "expected --learning-rate to be a number above 0; got -1"),
        ({"limit_s": float("inf")}, "expected --minutes to be a number above 0; got inf"),
    ],
)
def test_terms_that_cannot_be(terms: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Terms(**terms)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_the_estimate_is_of_the_right_size() -> None:
    landscape, weights = a_network("smooth")
    assert 0.0 < landscape.estimate_nudge_s(weights) < 60.0
