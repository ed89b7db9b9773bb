"""The plain networks for rows of numbers: fully connected layers with relu between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import Cosine, Linear, Module, ReLU, Sequential, unit


def mlp(generator: np.random.Generator, sizes: Sequence[int]) -> Sequential:
    """(B, sizes[0]) -> (B, sizes[-1]): a layer for each step from one size to the next."""
    layers: list[Module] = []
    for in_features, out_features in pairwise(sizes):
        layers += [Linear(in_features, out_features, generator=generator), ReLU()]
    return Sequential(*layers[:-1])


@final
class MLPEmbedder(Module):
    """Rows of numbers (B, sizes[0]) -> cosines (B, K) of their embeddings with the directions of K classes."""

    def __init__(self, generator: np.random.Generator, sizes: Sequence[int], num_classes: int):
        self.layers = mlp(generator, sizes)
        self.cosine = Cosine(sizes[-1], num_classes, generator=generator)

    def embed(self, x: Tensor) -> Tensor:
        """(B, sizes[-1]), each of length 1."""
        return unit(self.layers(x))

    def __call__(self, x: Tensor) -> Tensor:
        return self.cosine(self.embed(x))
