"""Activations: gelu, kept whole because kernel libraries do it in one pass, and those made of primitives."""

from __future__ import annotations

import math

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive
from glassnet.errors import ShapeError
from glassnet.ops.elementwise import absolute, erf, exp, log, maximum, relu, sigmoid, tanh

_PEAK = 1.0 / math.sqrt(2.0 * math.pi)  # of the density of normal numbers


def _same_shape(*specs: ArraySpec) -> ArraySpec:
    if specs[0].dtype.kind != "f" or any(spec != specs[0] for spec in specs):
        given = " and ".join(map(str, specs))
        raise ShapeError(f"expected floats of one shape; got {given}. To fix: cast or reshape.")
    return specs[0]


def _chance_below(x: Tensor) -> Tensor:
    """That a standard normal number is below x."""
    return erf(x * math.sqrt(0.5)) * 0.5 + 0.5


def _density(x: Tensor) -> Tensor:
    return exp(x * x * -0.5) * _PEAK


def _decomposed(x: Tensor) -> Tensor:
    return x * _chance_below(x)


def _decomposed_gradient(g: Tensor, x: Tensor) -> Tensor:
    return g * (_chance_below(x) + x * _density(x))


@primitive(_same_shape, vjps=[lambda g, out, x: gelu_gradient(g, x)], decompose=_decomposed)
def gelu(x: Array) -> Array:
    """x times the chance that a standard normal number is below x (https://arxiv.org/abs/1606.08415)"""
    return x * _below(x)


@primitive(
    _same_shape,
    vjps=[
        lambda gg, out, g, x: gelu_gradient(gg, x),
        lambda gg, out, g, x: gg * g * _density(x) * (2.0 - x * x),
    ],
    decompose=_decomposed_gradient,
)
def gelu_gradient(g: Array, x: Array) -> Array:
    """The vjp of `gelu`: g times (the chance that a standard normal number is below x, plus x times its density)"""
    return g * (_below(x) + x * np.exp(x * x * -0.5) * _PEAK)


def _below(x: Array) -> Array:
    return erf.evaluate(x * math.sqrt(0.5)) * 0.5 + 0.5


def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), also called swish (https://arxiv.org/abs/1702.03118)."""
    return x * sigmoid(x)


def leaky_relu(x: Tensor, slope: float = 0.01) -> Tensor:
    """x where it is positive, ``slope`` times x elsewhere."""
    return relu(x) - relu(-x) * slope


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), without overflow."""
    return maximum(x, 0.0) + log(exp(-absolute(x)) + 1.0)


__all__ = ["gelu", "leaky_relu", "relu", "sigmoid", "silu", "softplus", "tanh"]
