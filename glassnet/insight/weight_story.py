"""The story of one weight: what it is worth, what a nudge does, where its slope comes from, and what one step makes
of it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Array, Shape
from glassnet.errors import CheckpointError, DivergedError, SettingsError
from glassnet.insight.chain_rule import ChainRule, Term
from glassnet.insight.landscape import Around, Landscape, Weights
from glassnet.insight.nudge import Sweep, compare, doubts
from glassnet.insight.step_story import Part, Step

EPSILON = 1e-4
NUM_POINTS = 25  # of the curve
_SPAN = 3.0  # of the curve, to both sides, in weights of usual size
_NUM_TERMS = 6
_NUM_NAMES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Which weight: the name of its tensor, and where it is in it."""

    name: str
    index: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}[{','.join(map(str, self.index))}]"


@dataclass(frozen=True, slots=True)
class Nudges:
    """The loss around one weight, and its slope found in two ways. amounts, losses (N,): the curve."""

    epsilon: float
    loss: float
    up: float
    down: float
    amounts: Array
    losses: Array
    by_nudge: float
    by_backpropagation: float
    corners: int  # of relu and max-pooling that lie between the two nudges
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sum:
    """The chain rule written out. pictures (B, C, H, W), as the network saw them, for each term, None without."""

    calls: Sequence[str]  # in which the weight meets the examples
    num_terms: int
    num_nonzero: int
    positive: float
    negative: float
    total: float
    by_example: Array | None  # (B,)
    largest: Sequence[Term]
    pictures: Sequence[Array | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step. loss_alone: if this weight alone took it; expected: slope x change."""

    parts: Sequence[Part]
    change: float
    loss: float
    loss_alone: float
    expected: float


@dataclass(frozen=True, slots=True)
class WeightStory:
    """What there is to tell. history: (step, value), oldest first. outcome: None where the next step is not known."""

    place: Place
    shape: Shape
    num_weights: int
    value: float
    share_smaller: float  # of the weights of its tensor, how many are nearer to 0
    history: Sequence[tuple[int, float]]
    nudges: Nudges
    sum: Sum
    outcome: Outcome | None


def find(text: str, shapes: Mapping[str, Shape], others: Sequence[str] = ()) -> Place:
    """The weight that ``name[i,j,...]`` means; ``others`` are tensors that are kept but not learned.

    Raises CheckpointError with what is near.
    """
    match = re.fullmatch(r"\s*([^\[\]]*?)\s*(?:\[([^\[\]]*)\])?\s*", text)
    name = text if match is None else match[1]
    if name in others:
        raise CheckpointError(f"expected a weight that is learned; got {name}, which is kept as it is. To fix: choose "
                              f"one of {', '.join(_nearest(name, shapes))}.")  # fmt: skip
    if name not in shapes:
        raise CheckpointError(
            f"expected a weight of the run, such as {_example(_nearest(name, shapes)[0], shapes)}; got '{text}'. To "
            f"fix: choose one of {', '.join(_nearest(name, shapes))}{' ...' if len(shapes) > _NUM_NAMES else ''}."
        )
    shape, numbers = shapes[name], [] if match is None or match[2] is None else match[2].split(",")
    numbers = [] if numbers == [""] else [number.strip() for number in numbers]
    fits = len(numbers) == len(shape) and all(
        number.isascii() and number.isdecimal() and int(number) < size
        for number, size in zip(numbers, shape, strict=True)
    )
    if not fits:
        ranges = ", ".join(f"0 to {size - 1}" for size in shape) or "none"
        raise CheckpointError(
            f"expected {_counted(len(shape))} in brackets for {name}: {ranges}; got '{text}'. To fix: "
            f"'{_example(name, shapes)}' is one."
        )
    return Place(name, tuple(map(int, numbers)))


def place_in_words(index: Sequence[int]) -> str:
    """Where a number is, that of the example left out."""
    if len(index) == 4:
        return f"channel {index[1]}, row {index[2]}, column {index[3]}"
    return f"number {index[1]}" if len(index) == 2 else f"place {list(index)}"


def _counted(num: int) -> str:
    return "1 number" if num == 1 else f"{num} numbers"


def _nearest(name: str, shapes: Mapping[str, Shape]) -> list[str]:
    return difflib.get_close_matches(name, shapes, _NUM_NAMES, cutoff=0.0)


def _example(name: str, shapes: Mapping[str, Shape]) -> str:
    return str(Place(name, tuple(size // 2 for size in shapes[name])))


def tell(
    landscape: Landscape,
    weights: Weights,
    gradient: Weights,
    place: Place,
    *,
    loss: float,
    batch_size: int,
    step: Step | None = None,
    around: Around | None = None,
    epsilon: float = EPSILON,
    num_points: int = NUM_POINTS,
    history: Sequence[tuple[int, float]] = (),
) -> WeightStory:
    """The story of one weight at the examples of the landscape, where the loss is ``loss``, and of the step there.

    around: `landscape.around(weights)`, of one who tells several. num_points: of the curve, an odd number. Raises
    DivergedError if a loss that is told is not finite.
    """
    weight = weights[place.name]
    value, slope = float(weight[place.index]), float(gradient[place.name][place.index])
    nudges = _nudges(around or landscape.around(weights), weight, place, loss, slope, epsilon, num_points)
    outcome = None if step is None else _outcome(landscape, step, place)
    losses = {"": loss, " after a nudge": nudges.up + nudges.down}
    if outcome is not None:
        losses[" after a step"] = outcome.loss + outcome.loss_alone
    for when, number in losses.items():
        if not np.isfinite(number):
            raise DivergedError(f"expected a finite loss{when}; got {number}. To fix: choose another run or --epsilon.")
    return WeightStory(
        place=place,
        shape=weight.shape,
        num_weights=sum(array.size for array in weights.values()),
        value=value,
        share_smaller=float(np.mean(np.abs(weight) < abs(value))),
        history=history,
        nudges=nudges,
        sum=_sum(landscape, weights, place, batch_size),
        outcome=outcome,
    )


def check_epsilon(epsilon: float) -> None:
    """Raise SettingsError if nothing can be nudged by so much."""
    if not 0.0 < epsilon < np.inf:
        raise SettingsError(f"expected --epsilon to be a number above 0; got {epsilon:g}. To fix: leave it out.")


def _nudges(
    around: Around, weight: Array, place: Place, loss: float, slope: float, epsilon: float, num_points: int
) -> Nudges:
    name, index = place.name, place.index
    span = max(_SPAN * float(np.sqrt(np.mean(weight * weight))), 2.0 * epsilon)
    amounts = np.linspace(-span, span, num_points)
    *losses, up, down = around.along(name, index, np.array([*amounts, epsilon, -epsilon])).tolist()
    corners = around.num_crossed(name, index, epsilon)
    by_nudge = (up - down) / (2.0 * epsilon)
    is_number = np.isfinite(losses)  # far away it may be none
    return Nudges(
        epsilon, loss, up, down, amounts[is_number], np.array(losses)[is_number], by_nudge, slope, corners,
        _doubts(loss, up, down, epsilon, slope),
    )  # fmt: skip


def _doubts(loss: float, up: float, down: float, epsilon: float, slope: float) -> list[str]:
    """As of a sweep over all weights, of which this is the only one. One without any effect leaves nothing to doubt."""
    if up == down == loss:
        too_small = f"A nudge of {epsilon:g} is too small: no digit of the loss changes. To fix: a larger --epsilon."
        return [too_small] if slope else []
    only = Sweep(epsilon, loss, *({"weight": np.array([value])} for value in (up, down, 0)))
    return doubts(only, compare(only, {"weight": np.array([slope])}))


def _sum(landscape: Landscape, weights: Weights, place: Place, batch_size: int) -> Sum:
    rule = ChainRule(landscape.graph, landscape.with_weights(weights), batch_size, place.name, place.index)
    terms = [meeting.terms for meeting in rule.meetings]
    largest = rule.largest(_NUM_TERMS)
    return Sum(
        calls=[meeting.primitive for meeting in rule.meetings],
        num_terms=sum(meeting.num_terms for meeting in rule.meetings),
        num_nonzero=sum(int(np.count_nonzero(array)) for array in terms),
        positive=float(sum(array[array > 0].sum() for array in terms)),
        negative=float(sum(array[array < 0].sum() for array in terms)),
        total=rule.total,
        by_example=rule.by_example(),
        largest=largest,
        pictures=[rule.picture(rule.meetings[term.meeting]) for term in largest],
    )


def _outcome(landscape: Landscape, step: Step, place: Place) -> Outcome:
    before, after = step.before[place.name], step.after[place.name]
    change = float(after[place.index] - before[place.index])
    alone = before.copy()
    alone[place.index] += change
    return Outcome(
        parts=step.parts(place.name, place.index),
        change=change,
        loss=landscape.loss(step.after),
        loss_alone=landscape.loss({**step.before, place.name: alone}),
        expected=float(step.gradient[place.name][place.index]) * change,
    )
