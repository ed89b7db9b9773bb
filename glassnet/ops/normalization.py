"""Normalization to mean 0 and variance 1, kept whole because kernel libraries do it in one pass."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, primitive, pullback
from glassnet.errors import ShapeError
from glassnet.ops.broadcasting import reduced_shape
from glassnet.ops.elementwise import sqrt
from glassnet.ops.reduction import mean, variance


def _same_shape(*specs: ArraySpec, axes: tuple[int, ...], eps: float) -> ArraySpec:
    x = specs[-1]
    if x.dtype.kind != "f" or not axes or any(spec != x for spec in specs):
        given = " and ".join(map(str, specs))
        raise ShapeError(
            f"expected floats of one shape and some axes; got {given}, axes {axes}. To fix: cast or reshape."
        )
    reduced_shape(x, axes=axes, keepdims=True)
    return x


def _decomposed(x: Tensor, *, axes: tuple[int, ...], eps: float) -> Tensor:
    centered = x - mean(x, axes, keepdims=True)
    return centered / sqrt(variance(x, axes, keepdims=True) + eps)


def _decomposed_gradient(g: Tensor, x: Tensor, *, axes: tuple[int, ...], eps: float) -> Tensor:
    y = _decomposed(x, axes=axes, eps=eps)
    inside = g - mean(g, axes, keepdims=True) - y * mean(g * y, axes, keepdims=True)
    return inside / sqrt(variance(x, axes, keepdims=True) + eps)


@primitive(
    _same_shape,
    vjps=[lambda g, out, x, **how: normalize_gradient(g, x, **how)],
    decompose=_decomposed,
)
def normalize(x: Array, *, axes: tuple[int, ...], eps: float) -> Array:
    """(x - mean) / sqrt(variance + eps), both taken over ``axes``; the variance is the biased one"""
    return (x - x.mean(axes, keepdims=True)) * _inverse_deviation(x, axes, eps)


@primitive(
    _same_shape,
    vjps=[
        lambda gg, out, g, x, **how: normalize_gradient(gg, x, **how),
        lambda gg, out, g, x, **how: pullback(lambda g, x: _decomposed_gradient(g, x, **how), gg, g, x)[1],
    ],
    decompose=_decomposed_gradient,
)
def normalize_gradient(g: Array, x: Array, *, axes: tuple[int, ...], eps: float) -> Array:
    """The vjp of `normalize`: (g - mean(g) - y mean(g y)) / deviation, which is symmetric in its action on g"""
    scale = _inverse_deviation(x, axes, eps)
    y = (x - x.mean(axes, keepdims=True)) * scale
    return (g - g.mean(axes, keepdims=True) - y * (g * y).mean(axes, keepdims=True)) * scale


def _inverse_deviation(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    return 1.0 / np.sqrt(x.var(axes, keepdims=True) + x.dtype.type(eps))
