"""The nudge: change every weight a little, up and down, and see what the loss does. Three rules of learning from it,
and beside each the rule that needs no nudges, only the gradient.

(a) the single best nudge is made                                   greedy coordinate descent
(b) every nudge that helps is made, each by e                       sign descent
(c) w <- w - rate (L(w + e) - L(w - e)) / 2e, for all weights       gradient descent
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import DivergedError
from glassnet.insight.landscape import Landscape, Nudge, Weights

# A slope is believed if rounding changes it by less than this share of a typical one.
_BELIEVED = 0.01
_DIGITS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the loss is, and what it becomes when each weight alone is nudged by ``epsilon`` up or down."""

    epsilon: float
    loss: float
    up: Weights
    down: Weights
    crossed: Weights  # how many corners lie between up and down; 0 where they were not counted

    @property
    def num_weights(self) -> int:
        return sum(array.size for array in self.up.values())

    @property
    def num_forward_passes(self) -> int:
        return 2 * self.num_weights

    def improves(self) -> bool:
        """Whether any nudge lowers the loss."""
        return min(float(np.min(losses)) for side in (self.up, self.down) for losses in side.values()) < self.loss

    def slopes(self) -> dict[str, Array]:
        return {name: (self.up[name] - self.down[name]) / (2.0 * self.epsilon) for name in self.up}


def sweep(
    landscape: Landscape,
    weights: Weights,
    epsilon: float,
    is_counting: bool = False,
    nudge: Nudge = Landscape.nudge,
) -> Sweep:
    """Nudge every weight; ``is_counting``: count the corners that nudges cross, too; ``nudge``: who does it.

    Raises DivergedError.
    """
    nudged = nudge(landscape, weights, epsilon, is_counting)
    for name, losses in [*nudged.up.items(), *nudged.down.items()]:
        if not np.isfinite(losses).all():
            raise DivergedError(
                f"expected finite losses; got some that are none after nudging {name} by {epsilon:g}. "
                "To fix: a smaller --epsilon, or a lower --learning-rate."
            )
    return Sweep(epsilon, landscape.loss(weights), nudged.up, nudged.down, nudged.crossed)


def make_best(weights: Weights, sweep: Sweep, rate: float) -> dict[str, Array]:
    """Rule (a)."""
    best = {
        (name, sign): float(np.min(losses))
        for sign, side in ((1.0, sweep.up), (-1.0, sweep.down))
        for name, losses in side.items()
    }
    name, sign = min(best, key=lambda entry: best[entry])
    losses = sweep.up[name] if sign > 0.0 else sweep.down[name]
    return _moved(weights, name, int(np.argmin(losses)), sign * sweep.epsilon if best[name, sign] < sweep.loss else 0.0)


def make_helpful(weights: Weights, sweep: Sweep, rate: float) -> dict[str, Array]:
    """Rule (b)."""
    moved = {}
    for name, weight in weights.items():
        up, down = sweep.up[name], sweep.down[name]
        helps = np.minimum(up, down) < sweep.loss
        moved[name] = weight + np.where(helps, np.where(up <= down, sweep.epsilon, -sweep.epsilon), 0.0)
    return moved


def make_slopes(weights: Weights, sweep: Sweep, rate: float) -> dict[str, Array]:
    """Rule (c)."""
    return {name: weights[name] - rate * slopes for name, slopes in sweep.slopes().items()}


def follow_steepest(weights: Weights, gradient: Weights, epsilon: float, rate: float) -> dict[str, Array]:
    """Like rule (a): the weight with the steepest slope moves by ``epsilon``."""
    name = max(gradient, key=lambda name: float(np.max(np.abs(gradient[name]))))
    place = int(np.argmax(np.abs(gradient[name])))
    return _moved(weights, name, place, -epsilon * float(np.sign(gradient[name].flat[place])))


def follow_signs(weights: Weights, gradient: Weights, epsilon: float, rate: float) -> dict[str, Array]:
    """Like rule (b): every weight moves by ``epsilon`` against its slope."""
    return {name: weight - epsilon * np.sign(gradient[name]) for name, weight in weights.items()}


def follow_gradient(weights: Weights, gradient: Weights, epsilon: float, rate: float) -> dict[str, Array]:
    """Like rule (c): gradient descent."""
    return {name: weight - rate * gradient[name] for name, weight in weights.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to learn from a sweep, and the way to learn from a gradient that does the same."""

    title: str
    matching: str
    by_nudge: Callable[[Weights, Sweep, float], dict[str, Array]]
    by_gradient: Callable[[Weights, Weights, float, float], dict[str, Array]]


RULES: Mapping[str, Rule] = {
    "a": Rule("the best nudge alone", "steepest weight", make_best, follow_steepest),
    "b": Rule("every nudge that helps", "sign descent", make_helpful, follow_signs),
    "c": Rule("slopes from nudges", "gradient descent", make_slopes, follow_gradient),
}


def _moved(weights: Weights, name: str, place: int, amount: float) -> dict[str, Array]:
    weight = weights[name].copy()
    weight.flat[place] += amount
    return {**weights, name: weight}


@dataclass(frozen=True, slots=True)
class Crossing:
    """A weight whose nudge crosses corners: its name and index, and its slope found in both ways."""

    weight: str
    corners: int
    by_nudge: float
    by_backpropagation: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Slopes by nudging beside slopes by backpropagation.

    cosine                          of the angle between the two, all weights together
    largest_relative_difference     |nudge - backpropagation| over the slope, or over a typical slope where that is
                                    larger (the root of the mean square of all)
    off_by                          |difference| / |gradient|, as lengths
    smooth_cosine                   the cosine over the weights whose nudge crosses no corner; None if there are none
    crossings                       the other weights, the largest difference first
    rounding                        by how much the digits of the loss leave a slope uncertain
    typical_slope                   the root of the mean square
    """

    cosine: float
    largest_relative_difference: float
    off_by: float
    smooth_cosine: float | None
    crossings: tuple[Crossing, ...]
    rounding: float
    typical_slope: float


def compare(sweep: Sweep, gradient: Weights) -> Agreement:
    """How well the slopes of the sweep agree with the gradient."""
    slopes = sweep.slopes()
    s, g, crossed = (
        np.concatenate([np.ravel(arrays[name]) for name in gradient]) for arrays in (slopes, gradient, sweep.crossed)
    )
    typical, smooth = float(np.sqrt(np.mean(g * g))), crossed == 0
    difference = np.abs(s - g)
    relative = difference / np.maximum(np.abs(g), typical or 1.0)
    return Agreement(
        cosine=cosine(s, g),
        largest_relative_difference=float(relative.max()),
        off_by=_length(s - g) / _length(g) if _length(g) else 0.0,
        smooth_cosine=cosine(s[smooth], g[smooth]) if smooth.any() else None,
        crossings=_crossings(sweep, slopes, gradient),
        rounding=_DIGITS * abs(sweep.loss) / sweep.epsilon,
        typical_slope=typical,
    )


def cosine(x: Array, y: Array) -> float:
    """Of the angle between two vectors (N,); 0 if one of them is zero."""
    lengths = _length(x) * _length(y)
    return float(np.dot(x, y)) / lengths if lengths else 0.0


def doubts(sweep: Sweep, agreement: Agreement) -> list[str]:
    """What is wrong with the size of the nudge, in sentences; nothing if it is fine."""
    e = sweep.epsilon
    if agreement.rounding > _BELIEVED * agreement.typical_slope:
        return [
            f"A nudge of {e:g} is too small: float64 keeps 16 digits, so the loss is known to "
            f"{_DIGITS * abs(sweep.loss):.0e} and a slope to {agreement.rounding:.0e}, while a typical slope is "
            f"{agreement.typical_slope:.0e}. To fix: a larger --epsilon."
        ]
    if agreement.off_by > _BELIEVED:
        return [
            f"A nudge of {e:g} is too large: the loss is not straight over that distance, and the slopes are off by "
            f"{100 * agreement.off_by:.3g} %. To fix: a smaller --epsilon."
        ]
    return []


def _crossings(sweep: Sweep, slopes: Weights, gradient: Weights) -> tuple[Crossing, ...]:
    found = [
        Crossing(
            f"{name}[{', '.join(map(str, index))}]", int(counts[index]), float(slopes[name][index]),
            float(gradient[name][index]),
        )
        for name, counts in sweep.crossed.items()
        for index in map(tuple, np.argwhere(counts).tolist())
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda c: -abs(c.by_nudge - c.by_backpropagation)))


def _length(x: Array) -> float:
    return float(np.linalg.norm(x))
