"""The embedding: a learned vector for each of a number of things."""

from __future__ import annotations

from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.nn import init
from glassnet.nn.module import Module
from glassnet.ops import take


@final
class Embedding(Module):
    """Whole numbers (...) below num_embeddings -> their vectors (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts standard normal.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, generator: np.random.Generator, dtype: str = "float32"
    ):
        self.weight = init.normal((num_embeddings, embedding_dim), 1.0, generator, dtype)

    def __call__(self, indices: Tensor) -> Tensor:
        return take(self.weight, indices, axis=0)
