"""Primitives that treat each element alone, broadcasting like NumPy; one line of derivative each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.autodiff import Array, ArraySpec, Tensor, TensorLike, define_operator, primitive
from glassnet.errors import ShapeError
from glassnet.ops.broadcasting import broadcast_shape, broadcast_to, unbroadcast


def _number_shape(*inputs: ArraySpec) -> ArraySpec:
    if inputs[0].dtype == bool:
        raise ShapeError(f"expected numbers; got {' and '.join(map(str, inputs))}. To fix: cast the bool to a number.")
    return broadcast_shape(*inputs)


def _float_shape(*inputs: ArraySpec) -> ArraySpec:
    if inputs[0].dtype.kind != "f":
        raise ShapeError(f"expected floating point numbers; got {inputs[0]}. To fix: cast it to float32.")
    return broadcast_shape(*inputs)


def _comparison_shape(x: ArraySpec, y: ArraySpec) -> ArraySpec:
    return ArraySpec(broadcast_shape(x, y).shape, np.dtype(bool))


@primitive(_number_shape, vjps=[lambda g, out, x, y: unbroadcast(g, x), lambda g, out, x, y: unbroadcast(g, y)])
def add(x: Array, y: Array) -> Array:
    """x + y"""
    return np.add(x, y)


@primitive(_number_shape, vjps=[lambda g, out, x, y: unbroadcast(g, x), lambda g, out, x, y: unbroadcast(-g, y)])
def subtract(x: Array, y: Array) -> Array:
    """x - y"""
    return np.subtract(x, y)


@primitive(_number_shape, vjps=[lambda g, out, x, y: unbroadcast(g * y, x), lambda g, out, x, y: unbroadcast(g * x, y)])
def multiply(x: Array, y: Array) -> Array:
    """x y"""
    return np.multiply(x, y)


@primitive(
    _float_shape,
    vjps=[lambda g, out, x, y: unbroadcast(g / y, x), lambda g, out, x, y: unbroadcast(-g * out / y, y)],
)
def divide(x: Array, y: Array) -> Array:
    """x / y, for floating point numbers"""
    return np.divide(x, y)


@primitive(
    _number_shape,
    vjps=[
        lambda g, out, x, y: unbroadcast(g * y * x ** (y - 1.0), x),
        lambda g, out, x, y: unbroadcast(g * out * log(where(x > 0.0, x, 1.0)), y),
    ],
)
def power(x: Array, y: Array) -> Array:
    """x to the power y; differentiable by y where x > 0"""
    return np.power(x, y)


@primitive(
    _number_shape,
    vjps=[
        lambda g, out, x, y: unbroadcast(g * share_of_winner(x, y), x),
        lambda g, out, x, y: unbroadcast(g * share_of_winner(y, x), y),
    ],
)
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y; where they are equal each takes half of the gradient."""
    return np.maximum(x, y)


@primitive(
    _number_shape,
    vjps=[
        lambda g, out, x, y: unbroadcast(g * share_of_winner(y, x), x),
        lambda g, out, x, y: unbroadcast(g * share_of_winner(x, y), y),
    ],
)
def minimum(x: Array, y: Array) -> Array:
    """The smaller of x and y; where they are equal each takes half of the gradient."""
    return np.minimum(x, y)


@primitive(_number_shape, vjps=[lambda g, out, x: -g])
def negative(x: Array) -> Array:
    """-x"""
    return np.negative(x)


@primitive(_number_shape, vjps=[lambda g, out, x: g * sign(x)])
def absolute(x: Array) -> Array:
    """The size of x without its sign; slope 0 at 0"""
    return np.abs(x)


@primitive(_number_shape, vjps=[None])
def sign(x: Array) -> Array:
    """-1, 0 or 1"""
    return np.sign(x)


@primitive(_float_shape, vjps=[None])
def floor(x: Array) -> Array:
    """The largest whole number that is not larger than x"""
    return np.floor(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g * out])
def exp(x: Array) -> Array:
    """e to the power x"""
    return np.exp(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g / x])
def log(x: Array) -> Array:
    """The natural logarithm"""
    return np.log(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g / (out * 2.0)])
def sqrt(x: Array) -> Array:
    """The square root"""
    return np.sqrt(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g * cos(x)])
def sin(x: Array) -> Array:
    """The sine, x in radians"""
    return np.sin(x)


@primitive(_float_shape, vjps=[lambda g, out, x: -g * sin(x)])
def cos(x: Array) -> Array:
    """The cosine, x in radians"""
    return np.cos(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g * (1.0 - out * out)])
def tanh(x: Array) -> Array:
    """The hyperbolic tangent"""
    return np.tanh(x)


@primitive(_float_shape, vjps=[lambda g, out, x: g * out * (1.0 - out)])
def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), by way of tanh, which does not overflow"""
    return 0.5 * np.tanh(0.5 * x) + 0.5


_erf = np.frompyfunc(math.erf, 1, 1)


@primitive(_float_shape, vjps=[lambda g, out, x: g * (2.0 / math.sqrt(math.pi)) * exp(-(x * x))])
def erf(x: Array) -> Array:
    """The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x"""
    return np.asarray(_erf(x), x.dtype)


@primitive(_float_shape, vjps=[lambda g, out, x: g * step(out)])
def relu(x: Array) -> Array:
    """x where it is positive, else 0; slope 0 at 0"""
    return np.maximum(x, 0)


@primitive(_float_shape, vjps=[None])
def step(x: Array) -> Array:
    """1 where x > 0, else 0: the slope of relu"""
    return np.asarray(x > 0, x.dtype)


@primitive(_comparison_shape, vjps=[None, None])
def equal(x: Array, y: Array) -> Array:
    """Whether x = y"""
    return np.equal(x, y)


@primitive(_comparison_shape, vjps=[None, None])
def greater(x: Array, y: Array) -> Array:
    """Whether x > y"""
    return np.greater(x, y)


@primitive(_comparison_shape, vjps=[None, None])
def greater_equal(x: Array, y: Array) -> Array:
    """Whether x >= y"""
    return np.greater_equal(x, y)


def _where_shape(condition: ArraySpec, x: ArraySpec, y: ArraySpec) -> ArraySpec:
    if condition.dtype != bool:
        raise ShapeError(f"expected a condition of dtype bool; got {condition}. To fix: compare it with something.")
    spec = broadcast_shape(x, y)
    return broadcast_shape(ArraySpec(condition.shape, spec.dtype), spec)


@primitive(
    _where_shape,
    vjps=[
        None,
        lambda g, out, condition, x, y: unbroadcast(where(condition, g, 0.0), x),
        lambda g, out, condition, x, y: unbroadcast(where(condition, 0.0, g), y),
    ],
)
def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, else y"""
    return np.where(condition, x, y)


@primitive(
    lambda x, *, dtype: ArraySpec(x.shape, np.dtype(dtype)),
    vjps=[lambda g, out, x, dtype: cast(g, x.dtype)],
)
def cast_to(x: Array, *, dtype: str) -> Array:
    """The same numbers in another dtype"""
    return x.astype(dtype)


@primitive(lambda x: x, vjps=[None])
def stop_gradient(x: Array) -> Array:
    """x itself, but nothing flows back through it"""
    return x


def cast(x: Tensor, dtype: np.dtype[Any] | str) -> Tensor:
    """The same numbers in another dtype; ``x`` itself if it has it already."""
    name = np.dtype(dtype).name
    return x if x.dtype.name == name else cast_to(x, dtype=name)


def full_like(x: Tensor, value: float) -> Tensor:
    """A tensor of the shape and dtype of ``x`` with ``value`` everywhere."""
    return broadcast_to(Tensor(np.asarray(value, x.dtype)), shape=x.shape)


def zeros_like(x: Tensor) -> Tensor:
    """Zeros in the shape and dtype of ``x``."""
    return full_like(x, 0)


def ones_like(x: Tensor) -> Tensor:
    """Ones in the shape and dtype of ``x``."""
    return full_like(x, 1)


def share_of_winner(x: Tensor, y: Tensor) -> Tensor:
    """1 where x > y, 1/2 where they are equal, 0 elsewhere."""
    return (cast(greater(x, y), x.dtype) + cast(greater_equal(x, y), x.dtype)) * 0.5


def less(x: TensorLike, y: TensorLike) -> Tensor:
    """Whether x < y"""
    return greater(y, x)


def square(x: Tensor) -> Tensor:
    """x x, which is cheaper than a power."""
    return x * x


for _symbol, _function in {
    "+": add, "-": subtract, "*": multiply, "/": divide, "**": power, "negative": negative,
    ">": greater, ">=": greater_equal,
}.items():  # fmt: skip
    define_operator(_symbol, _function)
