"""Randomness as an argument: whoever needs random numbers is handed a source of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from glassnet.autodiff import Array, Shape, Tensor
from glassnet.ops.movement import slice_axis


class Random(Protocol):
    """A source of random tensors (float32 unless it was made with another dtype)."""

    def uniform(self, shape: Shape) -> Tensor:
        """Numbers spread evenly over [0, 1)."""
        ...

    def normal(self, shape: Shape) -> Tensor:
        """Numbers from the standard normal distribution."""
        ...

    def stratified(self, shape: Shape) -> Tensor:
        """(B,) numbers over [0, 1), one in each B-th part of it, in order; B counts the examples of the whole batch."""
        ...


class EagerRandom:
    """Draws at once from a NumPy generator; a traced step gets a source that makes inputs instead."""

    def __init__(self, generator: np.random.Generator, dtype: str = "float32"):
        self._generator = generator
        self._dtype = np.dtype(dtype)

    def uniform(self, shape: Shape) -> Tensor:
        return Tensor(draw(self._generator, "uniform", shape, self._dtype))

    def normal(self, shape: Shape) -> Tensor:
        return Tensor(draw(self._generator, "normal", shape, self._dtype))

    def stratified(self, shape: Shape) -> Tensor:
        return Tensor(draw(self._generator, "stratified", shape, self._dtype))


class SharedRandom:
    """Random numbers for a batch that is computed in ``num`` parts of ``size`` examples, one after another.

    Each part asks for the same in the same order. What is asked for ``size`` examples, by the first axis, is drawn
    for all of them, and each gets its part; all else they have in common.
    """

    def __init__(self, whole: Random, size: int, num: int):
        self._whole, self._size, self._num = whole, size, num
        self._drawn: list[Tensor] = []

    def part(self, index: int) -> Random:
        """The source of one part."""
        return _Part(self, index)

    def _asked(self, distribution: str, shape: Shape, index: int, order: int) -> Tensor:
        is_of_examples = bool(shape) and shape[0] == self._size
        if order == len(self._drawn):
            full = (shape[0] * self._num, *shape[1:]) if is_of_examples else shape
            self._drawn.append(getattr(self._whole, distribution)(full))
        drawn = self._drawn[order]
        return slice_axis(drawn, 0, index * shape[0], (index + 1) * shape[0]) if is_of_examples else drawn


class _Part:
    def __init__(self, shared: SharedRandom, index: int):
        self._shared, self._index, self._count = shared, index, 0

    def uniform(self, shape: Shape) -> Tensor:
        return self._next("uniform", shape)

    def normal(self, shape: Shape) -> Tensor:
        return self._next("normal", shape)

    def stratified(self, shape: Shape) -> Tensor:
        return self._next("stratified", shape)

    def _next(self, distribution: str, shape: Shape) -> Tensor:
        self._count += 1
        return self._shared._asked(distribution, tuple(shape), self._index, self._count - 1)


def draw(generator: np.random.Generator, distribution: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array from the named distribution, ``uniform`` or ``stratified`` on [0, 1), or ``normal``."""
    if distribution == "stratified":
        (num,) = shape
        uniform = generator.random(num, dtype.type)
        return np.asarray((uniform + np.arange(num, dtype=dtype)) * dtype.type(1.0 / num))
    if distribution == "uniform":
        return generator.random(shape, dtype.type)
    assert distribution == "normal", distribution
    return generator.standard_normal(shape, dtype.type)
