"""The story of one weight: which one is meant, what nudges show, and that all that is told agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.errors import CheckpointError, DivergedError, SettingsError
from glassnet.insight.landscape import Landscape, Weights, in_float64, trace_loss
from glassnet.insight.step_story import Step
from glassnet.insight.story_sheet import story_sheet
from glassnet.insight.weight_story import Place, WeightStory, check_epsilon, find, place_in_words, tell
from glassnet.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Tanh, cross_entropy
from glassnet.ops import Random
from glassnet.optim import SGD, Packing

SHAPES = {"conv1.weight": (4, 1, 3, 3), "conv1.bias": (4,), "linear.weight": (3, 36), "scale": ()}
BATCH = 5


def landscape_of(has_corners: bool) -> tuple[Landscape, Weights]:
    numbers = np.random.default_rng(0)
    middle = (ReLU(), MaxPool2d(2)) if has_corners else (Tanh(), MaxPool2d(1))
    features = 4 * 9 if has_corners else 4 * 36
    model = Sequential(
        Conv2d(1, 4, 3, padding=1, generator=numbers), *middle, Flatten(), Linear(features, 3, generator=numbers)
    )
    weights = in_float64(model)
    batch = {"x": numbers.standard_normal((BATCH, 1, 6, 6)), "labels": numbers.integers(0, 3, BATCH)}

    def loss(inputs: Mapping[str, Tensor], random: Random) -> Tensor:
        return cross_entropy(model(inputs["x"] * 2.0), inputs["labels"])

    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in batch.items()}
    return Landscape(*trace_loss(model, loss, specs), batch), weights


def story_of(place: Place, has_corners: bool = False, epsilon: float = 1e-4, rate: float = 0.1) -> WeightStory:
    landscape, weights = landscape_of(has_corners)
    loss, gradient = landscape.gradient(weights)
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in weights.items()}
    optimizer = SGD(learning_rate=rate, momentum=0.0)
    packing = Packing.by(lambda name, spec: "all", specs)
    step = Step(optimizer, packing, weights, gradient, {}, 1, optimizer.hyperparameters(), 1e9)
    history = [(0, 0.25), (3, -0.5)]
    return tell(
        landscape, weights, gradient, place, loss=loss, batch_size=BATCH, step=step, epsilon=epsilon, history=history
    )


PLACE = Place("0.weight", (2, 0, 1, 1))


def test_all_that_is_told_agrees() -> None:
    landscape, weights = landscape_of(has_corners=False)
    story = story_of(PLACE)
    nudges = story.nudges
    assert (story.value, story.shape) == (weights["0.weight"][2, 0, 1, 1], (4, 1, 3, 3))
    assert story.share_smaller == np.argsort(np.abs(weights["0.weight"]).ravel()).tolist().index(22) / 36
    assert story.num_weights == 4 * 9 + 4 + 3 * 144 + 3
    assert nudges.loss == landscape.loss(weights)
    assert nudges.by_nudge == pytest.approx(nudges.by_backpropagation, rel=1e-6)
    assert story.sum.total == pytest.approx(nudges.by_backpropagation, rel=1e-9)
    assert story.sum.positive + story.sum.negative == pytest.approx(story.sum.total, rel=1e-9)
    assert story.sum.num_terms == story.sum.num_nonzero == BATCH * 36
    assert story.sum.by_example is not None
    assert story.sum.by_example.sum() == pytest.approx(story.sum.total)
    assert (nudges.corners, nudges.doubts) == (0, [])
    assert story.outcome is not None
    assert story.outcome.change == pytest.approx(-0.1 * nudges.by_backpropagation)
    assert story.outcome.loss < story.outcome.loss_alone < nudges.loss
    assert story.outcome.loss_alone - nudges.loss == pytest.approx(story.outcome.expected, rel=0.1)


def test_the_curve_is_the_loss_with_this_weight_changed() -> None:
    landscape, weights = landscape_of(has_corners=True)
    story = story_of(PLACE, has_corners=True)
    amounts, losses = story.nudges.amounts, story.nudges.losses
    assert len(amounts) == len(losses) == 25
    assert amounts[12] == 0.0
    for i in (0, 5, 12, 24):
        moved = weights["0.weight"].copy()
        moved[PLACE.index] += amounts[i]
        assert losses[i] == pytest.approx(landscape.loss({**weights, "0.weight": moved}), rel=1e-12)


def test_corners_are_counted() -> None:
    assert story_of(PLACE, has_corners=True, epsilon=1e-9).nudges.corners == 0
    assert story_of(PLACE, has_corners=True, epsilon=0.5).nudges.corners > 0


@pytest.mark.parametrize(
    ("epsilon", "doubt"),
    [
        (1e-20, "A nudge of 1e-20 is too small: no digit of the loss changes. "),
        (1e-14, "A nudge of 1e-14 is too small: float64 keeps 16 digits"),
        (3.0, "A nudge of 3 is too large: the loss is not straight"),
    ],
)
def test_nudges_of_a_bad_size(epsilon: float, doubt: str) -> None:
    (said,) = story_of(PLACE, epsilon=epsilon).nudges.doubts
    assert said.startswith(doubt)
    assert said.endswith("--epsilon.")


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), float("inf")])
def test_no_nudge_at_all(epsilon: float) -> None:
    with pytest.raises(SettingsError, match=r"^expected --epsilon to be a number above 0; got "):
        check_epsilon(epsilon)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_none() -> None:
    with pytest.raises(DivergedError, match=r"^expected a finite loss after a nudge; got nan\. To fix: "):
        story_of(Place("4.weight", (0, 0)), has_corners=True, epsilon=1e308)
    with pytest.raises(DivergedError, match=r"^expected a finite loss after a step; got "):
        story_of(PLACE, has_corners=True, rate=1e308)


def test_a_weight_without_effect() -> None:
    """A relu that is never on: nothing comes through, and there is nothing to doubt."""
    landscape, weights = landscape_of(has_corners=True)
    weights = {**weights, "0.bias": np.full(4, -100.0)}
    loss, gradient = landscape.gradient(weights)
    specs = {name: ArraySpec(array.shape, array.dtype) for name, array in weights.items()}
    optimizer = SGD(momentum=0.0)
    packing = Packing.by(lambda name, spec: "all", specs)
    step = Step(optimizer, packing, weights, gradient, {}, 1, optimizer.hyperparameters(), 1.0)
    story = tell(landscape, weights, gradient, PLACE, loss=loss, batch_size=BATCH, step=step, history=[(0, 0.0)])
    assert story.outcome is not None
    assert (story.nudges.by_nudge, story.nudges.by_backpropagation, story.nudges.doubts) == (0.0, 0.0, [])
    assert (story.sum.num_nonzero, story.sum.largest, story.outcome.change) == (0, [], 0.0)
    assert story_sheet(story, 0, []).width == 1200


def test_where_the_next_step_is_not_known() -> None:
    landscape, weights = landscape_of(has_corners=True)
    loss, gradient = landscape.gradient(weights)
    around = landscape.around(weights)
    story = tell(landscape, weights, gradient, PLACE, loss=loss, batch_size=BATCH, around=around, num_points=9)
    assert (story.outcome, len(story.nudges.amounts)) == (None, 9)
    assert story.nudges.losses[4] == pytest.approx(loss, rel=1e-12)
    whole = story_of(PLACE, has_corners=True)
    assert (story.nudges.by_nudge, story.sum.total) == (whole.nudges.by_nudge, whole.sum.total)
    sheets = [story_sheet(replace(one, history=[(0, 0.5)]), 0, []) for one in (story, whole)]
    assert sheets[0].height < sheets[1].height


def test_find() -> None:
    assert find("conv1.weight[3,0,2,1]", SHAPES) == Place("conv1.weight", (3, 0, 2, 1))
    assert find(" conv1.bias [ 2 ]", SHAPES) == Place("conv1.bias", (2,))
    assert find("scale", SHAPES) == find("scale[]", SHAPES) == Place("scale", ())
    assert str(find("conv1.weight[3, 0, 2, 1]", SHAPES)) == "conv1.weight[3,0,2,1]"


WRONG = {
    "conv1.wieght[0,0,0,0]": r"such as conv1\.weight\[2,0,1,1\]; got 'conv1\.wieght.*choose one of conv1\.weight, ",
    "": r"^expected a weight of the run, such as ",
    "conv1.weight[0,0": r"^expected a weight of the run, such as ",
    "conv1.weight": r"^expected 4 numbers in brackets for conv1\.weight: 0 to 3, 0 to 0, 0 to 2, 0 to 2; got 'conv1",
    "conv1.weight[0,0,0]": r"^expected 4 numbers .* To fix: 'conv1\.weight\[2,0,1,1\]' is one\.$",
    "conv1.weight[4,0,0,0]": r"^expected 4 numbers in brackets",
    "conv1.bias[-1]": r"^expected 1 number in brackets for conv1\.bias: 0 to 3; got 'conv1\.bias\[-1\]'",
    "conv1.bias[one]": r"^expected 1 number in brackets",
    "scale[0]": r"^expected 0 numbers in brackets for scale: none; got 'scale\[0\]'. To fix: 'scale\[\]' is one\.$",
    "norm.mean[0]": r"^expected a weight that is learned; got norm\.mean, which is kept as it is\. To fix: choose one",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_weight(text: str) -> None:
    with pytest.raises(CheckpointError, match=WRONG[text]):
        find(text, SHAPES, ["norm.mean"])


def test_places_in_words() -> None:
    assert place_in_words((5, 1, 2, 3)) == "channel 1, row 2, column 3"
    assert place_in_words((5, 1)) == "number 1"
    assert place_in_words((5, 1, 2)) == "place [5, 1, 2]"


@pytest.mark.parametrize("labels", [[], ["ape", "bee", "cat", "dog", "\u05d0"]])
def test_the_sheet_shows_history_curve_terms_and_step(labels: list[str]) -> None:
    story = story_of(PLACE)
    sheet = story_sheet(story, 3, labels)
    assert sheet.width == 1200
    assert len(sheet.getcolors(1 << 24) or []) > 20
    assert sheet.tobytes() != story_sheet(story_of(Place("0.weight", (0, 0, 1, 1))), 3, labels).tobytes()
