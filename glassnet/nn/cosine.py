"""Directions: vectors of length 1, and the layer that compares one with a direction for each class."""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.nn import init
from glassnet.nn.module import Module
from glassnet.ops import sqrt, square, sum, transpose


def unit(x: Tensor) -> Tensor:
    """x / |x| along the last axis; zeros stay zeros."""
    return x / sqrt(sum(square(x), axes=(x.ndim - 1,), keepdims=True) + 1e-12)


@final
class Cosine(Module):
    """(B, D) -> (B, K): the cosine of the angle between each vector and each of K learned directions.

    weight (K, D), whose lengths mean nothing. Liu et al. 2017 (https://arxiv.org/abs/1704.08063).
    """

    def __init__(self, in_features: int, num_classes: int, *, generator: np.random.Generator, dtype: str = "float32"):
        self.weight = init.normal((num_classes, in_features), in_features**-0.5, generator, dtype)

    def directions(self) -> Tensor:
        """(K, D), each of length 1."""
        return unit(self.weight)

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1]:
            raise ShapeError(f"expected x (B, {self.weight.shape[1]}); got {x.spec}. To fix: flatten it first.")
        return unit(x) @ transpose(self.directions(), axes=(1, 0))


__all__ = ["Cosine", "unit"]
