"""Randomness as an argument: whoever needs random numbers is handed a source of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from glassnet.autodiff import Array, Shape, Tensor


class Random(Protocol):
    """A source of random tensors (float32 unless it was made with another dtype)."""

    def uniform(self, shape: Shape) -> Tensor:
        """Numbers spread evenly over [0, 1)."""
        ...

    def normal(self, shape: Shape) -> Tensor:
        """Numbers from the standard normal distribution."""
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


def draw(generator: np.random.Generator, distribution: str, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """An array from the named distribution, ``uniform`` on [0, 1) or ``normal``."""
    if distribution == "uniform":
        return generator.random(shape, dtype.type)
    assert distribution == "normal", distribution
    return generator.standard_normal(shape, dtype.type)
