"""The race: each rule of nudging against the rule that does the same by backpropagation, from the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from glassnet.errors import DivergedError, SettingsError
from glassnet.insight.landscape import Landscape, Nudge, Weights
from glassnet.insight.nudge import RULES, Agreement, Sweep, compare, sweep

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """What all who race agree on. A step begins if it is likely to end before ``limit_s``."""

    rules: Sequence[str] = tuple(RULES)
    epsilon: float = 1e-4
    learning_rate: float = 0.1  # of rule (c) and of gradient descent
    num_steps: int = 100
    limit_s: float = 60.0

    def __post_init__(self) -> None:
        numbers = {"epsilon": self.epsilon, "learning-rate": self.learning_rate, "minutes": self.limit_s / 60.0}
        for name, number in numbers.items():
            if not 0.0 < number < math.inf:
                raise SettingsError(
                    f"expected --{name} to be a number above 0; got {number:g}. To fix: choose another value."
                )


@dataclass(slots=True)
class Curve:
    """The loss after 0, 1, 2... steps, and what had been spent by then."""

    loss: list[float]
    forward_passes: list[float] = field(default_factory=lambda: [0.0])
    seconds: list[float] = field(default_factory=lambda: [0.0])

    def add(self, loss: float, forward_passes: float, seconds: float) -> None:
        """The loss after one more step, and what that step cost."""
        self.loss.append(loss)
        self.forward_passes.append(self.forward_passes[-1] + forward_passes)
        self.seconds.append(self.seconds[-1] + seconds)


@dataclass(slots=True)
class Contest:
    """One rule and its two runners; it is over when no nudge lowers the loss any more."""

    rule: str
    weights: Weights
    other_weights: Weights
    nudge: Curve
    backpropagation: Curve
    is_over: bool = False

    def largest_difference(self) -> float:
        """Of the two losses after as many steps, relative to the loss."""
        pairs = zip(self.nudge.loss, self.backpropagation.loss, strict=True)
        return max(abs(x - y) / max(abs(y), np.finfo(np.float64).tiny) for x, y in pairs)


@dataclass(frozen=True, slots=True)
class Race:
    """What is known so far; times in seconds, one for each measurement, that of a gradient with its forward pass."""

    first: Sweep
    agreement: Agreement
    contests: Sequence[Contest]
    sweeps_s: list[float]
    gradients_s: list[float]
    forwards_s: list[float]


def race(
    landscape_of: Callable[[int], Landscape],
    weights: Weights,
    terms: Terms,
    passes_per_gradient: float = 3.0,
    nudge: Nudge = Landscape.nudge,
) -> Iterator[Race]:
    """Yield what is known after each step; one step is made at least.

    ``landscape_of(step)``: the batch of a step and its random numbers. ``passes_per_gradient``: what one
    backpropagation counts for, its own forward pass included. ``nudge``: who nudges. Raises DivergedError.
    """
    began = time.perf_counter()
    landscape = landscape_of(0)
    first, first_s = _timed(lambda: sweep(landscape, weights, terms.epsilon, True, nudge))
    (_, gradient), gradient_s = _timed(lambda: landscape.gradient(weights))
    forward_s = _timed(lambda: landscape.loss(weights))[1]
    contests = [Contest(rule, weights, weights, Curve([first.loss]), Curve([first.loss])) for rule in terms.rules]
    known = Race(first, compare(first, gradient), contests, [first_s], [gradient_s], [forward_s])
    for step in range(terms.num_steps):
        step_began = time.perf_counter()
        for contest in contests:
            # All begin with the same weights, so the first sweep is one for all.
            shared = (first, first_s) if step == 0 else None
            _run(contest, landscape_of(step), known, terms, shared, passes_per_gradient, nudge)
        yield known
        now = time.perf_counter()
        next_s = (now - step_began) + (first_s * len(contests) if step == 0 else 0.0)
        if all(contest.is_over for contest in contests) or now - began + next_s > terms.limit_s:
            return


def _run(
    contest: Contest,
    landscape: Landscape,
    known: Race,
    terms: Terms,
    shared: tuple[Sweep, float] | None,
    passes_per_gradient: float,
    nudge: Nudge,
) -> None:
    """A step of both runners, unless no nudge lowers the loss."""
    if contest.is_over:
        return
    swept, sweep_s = shared or _timed(lambda: sweep(landscape, contest.weights, terms.epsilon, False, nudge))
    if shared is None:
        known.sweeps_s.append(sweep_s)
    contest.is_over = not swept.improves()
    if contest.is_over:
        return
    rule = RULES[contest.rule]
    (_, gradient), gradient_s = _timed(lambda: landscape.gradient(contest.other_weights))
    contest.weights = rule.by_nudge(contest.weights, swept, terms.learning_rate)
    contest.other_weights = rule.by_gradient(contest.other_weights, gradient, terms.epsilon, terms.learning_rate)
    loss, forward_s = _timed(lambda: landscape.loss(contest.weights))
    other_loss = landscape.loss(contest.other_weights)
    if not math.isfinite(loss + other_loss):
        raise DivergedError(
            f"expected finite losses; got {loss:g} by rule ({contest.rule}) and {other_loss:g} by {rule.matching}. "
            f"To fix: lower --learning-rate (now {terms.learning_rate:g})."
        )
    contest.nudge.add(loss, swept.num_forward_passes, sweep_s)
    contest.backpropagation.add(other_loss, passes_per_gradient, gradient_s)
    known.gradients_s.append(gradient_s)
    known.forwards_s.append(forward_s)


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    """What it returns, and the seconds that it takes."""
    began = time.perf_counter()
    result = function()
    return result, time.perf_counter() - began
