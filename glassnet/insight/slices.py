"""The loss along lines and planes through the weights: down the gradient, and in directions filter by filter.

Li et al. 2018 (https://arxiv.org/abs/1712.09913).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from glassnet.autodiff import Array

Weights: TypeAlias = Mapping[str, Array]
Loss: TypeAlias = Callable[[Weights], float]

_WORTH = 3.0  # the walk down the gradient is shown until the loss is so many times that of the start
_MOST_CHANGES = 40


@dataclass(frozen=True)
class AlongGradient:
    """The loss a ``share`` of the way, each float64 (N,); the step sizes are what the gradient is multiplied by.

    random: the loss along a random direction of the gradient's length. slope: what the gradient promises, per unit.
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
    """``losses`` (N, N) float64, a row for each of ``shares`` (N,) of the second direction, a column for the first."""

    shares: Array
    losses: Array


def along_gradient(loss: Loss, weights: Weights, gradient: Weights, seed: int, num: int = 41) -> AlongGradient:
    """From a third of the way uphill to as far down as there is something to see."""
    start = loss(weights)
    slope = sum(float(np.square(array, dtype=np.float64).sum()) for array in gradient.values())
    far = _far(lambda size: loss(_moved(weights, (-size, gradient))), start, slope)
    random = random_direction(weights, seed)
    length = np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in random.values()))
    aside = {name: array * (np.sqrt(slope) / length) for name, array in random.items()}
    sizes = np.linspace(-far / 3, far, num)
    down, other = (
        np.array([loss(_moved(weights, (-size, direction))) for size in sizes.tolist()])
        for direction in (gradient, aside)
    )
    return AlongGradient(sizes, down, other, start, slope)


def _far(loss_at: Callable[[float], float], start: float, slope: float) -> float:
    """A step size at which the way down the gradient has long turned into one up: the loss is `_WORTH` times as high.

    Where the slope is 0 there is no way down.
    """
    if slope == 0.0:
        return 1.0
    size = abs(start) / slope or 1.0  # where the loss would be 0 if the slope stayed
    is_above = not loss_at(size) <= _WORTH * start
    for _ in range(_MOST_CHANGES):
        next_size = size / 1.5 if is_above else size * 1.5
        if (not loss_at(next_size) <= _WORTH * start) != is_above:
            return min(size, next_size)
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


def loss_slice(
    loss: Loss, weights: Weights, first: Weights, second: Weights, reach: float = 1.0, num: int = 17
) -> Slice:
    """The loss at the weights and both directions' shares from -reach to reach; ``num`` is odd, so that the weights
    themselves are in the middle."""
    shares = np.linspace(-reach, reach, num)
    rows = [[loss(_moved(weights, (x, first), (y, second))) for x in shares.tolist()] for y in shares.tolist()]
    return Slice(shares, np.array(rows))


def _moved(weights: Weights, *parts: tuple[float, Weights]) -> dict[str, Array]:
    moved = dict(weights)
    for share, direction in parts:
        moved = {name: (array + share * direction[name]).astype(array.dtype) for name, array in moved.items()}
    return moved
