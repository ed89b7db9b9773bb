"""The loss along lines and planes through the weights: down the gradient, and in directions filter by filter.

Li et al. 2018 (https://arxiv.org/abs/1712.09913).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from glassnet.autodiff import Array
from glassnet.insight.landscape import Weights

Loss: TypeAlias = Callable[[Weights], float]

_FURTHER = 1.6  # the way down the gradient is shown so much longer than until the loss is that of the start again
_MOST_CHANGES = 80
_HIGHEST, _MOST_HALVINGS = 10.0, 10  # a plane ends before its axes reach so many times the loss in the middle


@dataclass(frozen=True)
class AlongGradient:
    """Losses, float64 (N,) each, at step sizes: what the gradient is multiplied by, uphill below 0.

    down: against the gradient. random: along a random direction of the gradient's length. slope: how much the gradient
    promises that the loss falls for a step size of 1.
    """

    step_sizes: Array
    down: Array
    random: Array
    loss: float
    slope: float

    def promised(self) -> Array:
        return self.loss - self.slope * self.step_sizes


@dataclass(frozen=True)
class Slice:
    """``losses`` (N, N) float64: a column for each share (N,) of the direction ``across``, a row for each ``up``."""

    across: Array
    up: Array
    losses: Array


def along_gradient(loss: Loss, weights: Weights, gradient: Weights, seed: int, num: int = 41) -> AlongGradient:
    """From a third of the way uphill to as far down as there is something to see."""
    start = loss(weights)
    slope = _squared_length(gradient)
    far = _far(lambda size: loss(_moved(weights, (-size, gradient))), start, slope)
    random = random_direction(weights, seed)
    ratio = np.sqrt(slope / _squared_length(random))
    aside = {name: array * ratio for name, array in random.items()}
    sizes = np.linspace(-far / 3, far, num)
    down, other = (
        np.array([loss(_moved(weights, (-size, direction))) for size in sizes.tolist()])
        for direction in (gradient, aside)
    )
    return AlongGradient(sizes, down, other, start, slope)


def _squared_length(direction: Weights) -> float:
    return sum(float(np.square(array, dtype=np.float64).sum()) for array in direction.values())


def _far(loss_at: Callable[[float], float], start: float, slope: float) -> float:
    """A step size at which the way down the gradient has long turned into one up."""
    if slope == 0.0:  # there is no way down
        return 1.0
    size = abs(start) / slope or 1.0  # where the loss would be 0 if the slope stayed
    is_above = not loss_at(size) < start
    for _ in range(_MOST_CHANGES):
        next_size = size / 1.25 if is_above else size * 1.25
        if (not loss_at(next_size) < start) != is_above:
            return _FURTHER * min(size, next_size)
        size = next_size
    return size


def random_direction(weights: Weights, seed: int, number: int = 0) -> dict[str, Array]:
    """Random numbers, normally distributed, in the shapes of the weights."""
    source = np.random.default_rng((seed, number))
    return {name: source.standard_normal(array.shape, np.float32) for name, array in weights.items()}


def by_filter(direction: Weights, weights: Weights) -> dict[str, Array]:
    """The direction d with each filter as long as that of the weights w: d_i |w_i| / |d_i|.

    Filters are what lies along the first axis. Biases, and scales and shifts of normalizations stay where they are.
    """
    return {name: _by_filter(direction[name], array) for name, array in weights.items()}


def _by_filter(direction: Array, weights: Array) -> Array:
    if weights.ndim < 2:
        return np.zeros_like(weights)
    axes = tuple(range(1, weights.ndim))
    own, wanted = (np.sqrt(np.square(array).sum(axes, keepdims=True)) for array in (direction, weights))
    return np.asarray(direction * (wanted / np.where(own > 0, own, 1)))


def loss_slice(loss: Loss, weights: Weights, across: Weights, up: Weights, num: int = 17) -> Slice:
    """The loss on a plane through the weights, which are in its middle; ``num`` is odd.

    Its sides are the directions' shares from -1 to 1; of a direction in which the loss is soon very high, fewer.
    """
    shares = np.linspace(-1.0, 1.0, num)
    columns, rows = (shares * _reach(loss, weights, direction) for direction in (across, up))
    losses = [[loss(_moved(weights, (x, across), (y, up))) for x in columns.tolist()] for y in rows.tolist()]
    return Slice(columns, rows, np.array(losses))


def _reach(loss: Loss, weights: Weights, direction: Weights) -> float:
    """1, or half of it so often that both ends are not too high to show what is between them."""
    highest = _HIGHEST * loss(weights)
    reach = 1.0
    for _ in range(_MOST_HALVINGS):
        if all(loss(_moved(weights, (end, direction))) <= highest for end in (-reach, reach)):
            break
        reach /= 2
    return reach


def _moved(weights: Weights, *parts: tuple[float, Weights]) -> dict[str, Array]:
    moved = dict(weights)
    for share, direction in parts:
        moved = {name: (array + share * direction[name]).astype(array.dtype) for name, array in moved.items()}
    return moved
