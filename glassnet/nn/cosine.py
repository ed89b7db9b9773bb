"""Directions: vectors of length 1, and the layer that compares one with a direction for each class.

Of very many classes a step compares with a few, which are drawn here; `losses.sampled_margin_cross_entropy` does it.
"""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.nn import init
from glassnet.nn.module import Module
from glassnet.ops import Random, cast, floor, minimum, reshape, sqrt, square, sum, transpose


def unit(x: Tensor) -> Tensor:
    """x / |x| along the last axis; zeros stay zeros."""
    return x / sqrt(sum(square(x), axes=(x.ndim - 1,), keepdims=True) + 1e-12)


def draw_classes(random: Random, num: int, num_classes: int) -> Tensor:
    """(num,) int64: of all classes num, at random, one in each num-th part of them; hardly any is there twice.

    All of them, each once, if num is num_classes. float32 can tell 2^24 classes apart.
    """
    # (1, num), since what is asked for with the size of a batch as its first axis is of the examples.
    places = reshape(random.uniform((1, num)), (num,))
    places = (places + np.arange(num, dtype=places.dtype)) * (num_classes / num)
    # Rounding may reach num_classes itself.
    return cast(minimum(floor(places), float(num_classes - 1)), "int64")


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


__all__ = ["Cosine", "draw_classes", "unit"]
