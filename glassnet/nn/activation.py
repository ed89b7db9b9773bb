"""Activations as layers, to stand in a `Sequential`: any shape in, the same shape out."""

from __future__ import annotations

from typing import final

from glassnet.autodiff import Tensor
from glassnet.nn.module import Module
from glassnet.ops import gelu, leaky_relu, relu, sigmoid, silu, tanh


@final
class ReLU(Module):
    """max(x, 0)"""

    def __call__(self, x: Tensor) -> Tensor:
        return relu(x)


@final
class LeakyReLU(Module):
    """x where it is positive, ``negative_slope`` times x elsewhere."""

    def __init__(self, negative_slope: float = 0.01):
        self.negative_slope = negative_slope

    def __call__(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.negative_slope)


@final
class GELU(Module):
    """x P(a standard normal number < x) (https://arxiv.org/abs/1606.08415)"""

    def __call__(self, x: Tensor) -> Tensor:
        return gelu(x)


@final
class SiLU(Module):
    """x sigmoid(x) (https://arxiv.org/abs/1702.03118)"""

    def __call__(self, x: Tensor) -> Tensor:
        return silu(x)


@final
class Tanh(Module):
    """The hyperbolic tangent: between -1 and 1."""

    def __call__(self, x: Tensor) -> Tensor:
        return tanh(x)


@final
class Sigmoid(Module):
    """1 / (1 + e^-x): between 0 and 1."""

    def __call__(self, x: Tensor) -> Tensor:
        return sigmoid(x)
