"""The fully connected layer: every output listens to every input."""

from __future__ import annotations

import math
from typing import final

import numpy as np

from glassnet.autodiff import Tensor
from glassnet.errors import ShapeError
from glassnet.nn import init
from glassnet.nn.module import Module
from glassnet.ops import reshape, transpose


@final
class Linear(Module):
    """y = x W^T + b: (..., in_features) -> (..., out_features).

    weight (out_features, in_features) and bias (out_features,) start uniform on +-1 / sqrt(in_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        generator: np.random.Generator,
        has_bias: bool = True,
        dtype: str = "float32",
    ):
        shape = (out_features, in_features)
        self.weight = init.kaiming_uniform(shape, generator, math.sqrt(5.0), dtype)
        self.bias = init.uniform((out_features,), in_features**-0.5, generator, dtype) if has_bias else None

    def __call__(self, x: Tensor) -> Tensor:
        out_features, in_features = self.weight.shape
        if x.shape[-1:] != (in_features,):
            raise ShapeError(f"expected x (..., {in_features}); got {x.spec}. To fix: flatten or transpose it first.")
        # As one matrix (all rows, in_features): otherwise the gradient of W is made for each leading axis, then summed.
        y = reshape(x, (-1, in_features)) @ transpose(self.weight, axes=(1, 0))
        if self.bias is not None:
            y = y + self.bias
        return reshape(y, (*x.shape[:-1], out_features))
