"""First weights, drawn from an explicit generator; knows nothing of the layers that they are for.

Weights are (outputs, inputs, ...): with k the size of the kernel (1 for a matrix) a unit listens to
fan_in = shape[1] k numbers and is heard by fan_out = shape[0] k. All draws are made in float64 and then cast, so
that a seed gives the same network in every dtype.
"""

from __future__ import annotations

import math

import numpy as np

from glassnet.autodiff import Shape, Tensor
from glassnet.errors import ShapeError


def zeros(shape: Shape, dtype: str = "float32") -> Tensor:
    """All 0."""
    return Tensor(np.zeros(shape, dtype))


def ones(shape: Shape, dtype: str = "float32") -> Tensor:
    """All 1."""
    return Tensor(np.ones(shape, dtype))


def uniform(shape: Shape, bound: float, generator: np.random.Generator, dtype: str = "float32") -> Tensor:
    """Spread evenly over [-bound, bound)."""
    return Tensor(generator.uniform(-bound, bound, shape).astype(dtype))


def normal(shape: Shape, deviation: float, generator: np.random.Generator, dtype: str = "float32") -> Tensor:
    """Normal numbers with mean 0 and the given standard deviation."""
    numbers = generator.standard_normal(shape)
    numbers *= deviation  # in place: the layer that knows 100,000 people is 200 MB
    return Tensor(numbers.astype(dtype))


def kaiming_uniform(
    shape: Shape, generator: np.random.Generator, negative_slope: float = 0.0, dtype: str = "float32"
) -> Tensor:
    """Uniform, with variance 2 / ((1 + a^2) fan_in): keeps the signal's size through (leaky) ReLUs of slope a.

    He et al. 2015 (https://arxiv.org/abs/1502.01852). With a = sqrt(5) this is PyTorch's default for its layers,
    the bound 1 / sqrt(fan_in).
    """
    return uniform(shape, math.sqrt(3.0) * _kaiming_deviation(shape, negative_slope), generator, dtype)


def kaiming_normal(
    shape: Shape, generator: np.random.Generator, negative_slope: float = 0.0, dtype: str = "float32"
) -> Tensor:
    """Normal, with variance 2 / ((1 + a^2) fan_in) (https://arxiv.org/abs/1502.01852)."""
    return normal(shape, _kaiming_deviation(shape, negative_slope), generator, dtype)


def xavier_uniform(shape: Shape, generator: np.random.Generator, gain: float = 1.0, dtype: str = "float32") -> Tensor:
    """Uniform, with variance 2 gain^2 / (fan_in + fan_out): keeps the size of signal and gradient alike.

    Glorot & Bengio 2010 (https://proceedings.mlr.press/v9/glorot10a.html).
    """
    return uniform(shape, math.sqrt(3.0) * gain * _xavier_deviation(shape), generator, dtype)


def xavier_normal(shape: Shape, generator: np.random.Generator, gain: float = 1.0, dtype: str = "float32") -> Tensor:
    """Normal, with variance 2 gain^2 / (fan_in + fan_out) (https://proceedings.mlr.press/v9/glorot10a.html)."""
    return normal(shape, gain * _xavier_deviation(shape), generator, dtype)


def orthogonal(shape: Shape, generator: np.random.Generator, gain: float = 1.0, dtype: str = "float32") -> Tensor:
    """``gain`` times a random matrix (outputs, the rest) whose shorter side is orthonormal.

    Saxe et al. 2014 (https://arxiv.org/abs/1312.6120).
    """
    _fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    # QR fixes the signs of q in its own way; those of r's diagonal make the draw uniform over all rotations.
    q = q * np.sign(np.diag(r))
    return Tensor((gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype))


def dirac(weight: Tensor) -> Tensor:
    """The kernel (outputs, inputs, kH, kW), changed so that its first outputs are the inputs passed on unchanged.

    The kernels of the outputs that come after keep the numbers they have. Zagoruyko & Komodakis 2017
    (https://arxiv.org/abs/1706.00388).
    """
    if weight.ndim != 4:
        raise ShapeError(f"expected a kernel (outputs, inputs, kH, kW); got {weight.spec}. To fix: use orthogonal.")
    kernel = weight.numpy().copy()
    passed_on = np.arange(min(kernel.shape[:2]))
    kernel[passed_on] = 0.0
    kernel[passed_on, passed_on, kernel.shape[2] // 2, kernel.shape[3] // 2] = 1.0
    return Tensor(kernel)


def fan_in(shape: Shape) -> int:
    """How many numbers each unit of a weight (outputs, inputs, ...) listens to."""
    return _fans(shape)[0]


def _fans(shape: Shape) -> tuple[int, int]:
    if len(shape) < 2:
        raise ShapeError(f"expected weights (outputs, inputs, ...); got shape {shape}. To fix: use zeros or normal.")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _kaiming_deviation(shape: Shape, negative_slope: float) -> float:
    return math.sqrt(2.0 / ((1.0 + negative_slope**2) * fan_in(shape)))


def _xavier_deviation(shape: Shape) -> float:
    return math.sqrt(2.0 / sum(_fans(shape)))
