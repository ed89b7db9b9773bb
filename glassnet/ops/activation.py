"""Activations made of primitives."""

from __future__ import annotations

import math

from glassnet.autodiff import Tensor
from glassnet.ops.elementwise import absolute, erf, exp, log, maximum, relu, sigmoid, tanh


def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), also called swish (https://arxiv.org/abs/1702.03118)."""
    return x * sigmoid(x)


def gelu(x: Tensor) -> Tensor:
    """x times the chance that a standard normal number is below x (https://arxiv.org/abs/1606.08415)."""
    return x * 0.5 * (erf(x * math.sqrt(0.5)) + 1.0)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """x where it is positive, ``slope`` times x elsewhere."""
    return relu(x) - relu(-x) * slope


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), without overflow."""
    return maximum(x, 0.0) + log(exp(-absolute(x)) + 1.0)


__all__ = ["gelu", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
