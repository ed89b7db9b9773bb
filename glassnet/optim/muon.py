"""Muon: each matrix moves by its average gradient made orthogonal, so that all its directions move equally far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod, sqrt
from typing import TypeAlias, final

import numpy as np

from glassnet import ops
from glassnet.autodiff import ArraySpec, Tensor
from glassnet.optim.clipping import global_norm
from glassnet.optim.optimizer import Decays, Tensors, decays_kernels, like
from glassnet.optim.sgd import SGD

IsMatrix: TypeAlias = Callable[[str, ArraySpec], bool]
_EPS = 1e-7


def _is_kernel(name: str, spec: ArraySpec) -> bool:
    """Matrices and kernels, as against vectors and scalars."""
    return len(spec.shape) >= 2


@final
@dataclass(frozen=True, slots=True)
class Muon:
    """Gradient g, momentum mu, learning rate lr, weight decay w; a kernel (O, C, kH, kW) is a matrix (O, C kH kW):

        b = mu b + g
        o = orthogonalize(g + mu b)
        p = (1 - lr w) p - lr sqrt(max(1, rows / columns)) o
        p = sqrt(rows) p / |p| - lr o                              (where keeps_norm; |p| is the root of all squares)

    Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon/), in the form of torch.optim.Muon; the decay is
    that of Liu et al. 2025 (https://arxiv.org/abs/2502.16982). What ``is_matrix`` does not hold for moves by `SGD`
    with Nesterov's momentum ``vector_momentum`` and the learning rate lr vector_ratio, decaying where ``decays`` holds.
    """

    learning_rate: float = 0.02
    momentum: float = 0.95
    weight_decay: float = 0.0
    vector_ratio: float = 1.0
    vector_momentum: float = 0.9
    num_iterations: int = 5
    keeps_norm: bool = False
    is_matrix: IsMatrix = _is_kernel
    decays: Decays = decays_kernels

    def hyperparameters(self) -> dict[str, float]:
        return {
            "learning_rate": self.learning_rate, "momentum": self.momentum, "weight_decay": self.weight_decay,
            "vector_ratio": self.vector_ratio, "vector_momentum": self.vector_momentum,
        }  # fmt: skip

    def init(self, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
        return like("momentum", parameters)

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        step: Tensor,
        hyper: Mapping[str, Tensor],
    ) -> tuple[Tensors, Tensors]:
        vectors = {n: p for n, p in parameters.items() if not self.is_matrix(n, p.spec)}
        moved, new_state = SGD(nesterov=True, decays=self.decays).update(
            vectors, gradients, state, step, self._hyper_of_vectors(hyper)
        )
        for name, p in parameters.items():
            if name not in vectors:
                g, mu = gradients[name], hyper["momentum"]
                b = state[f"momentum/{name}"] * mu + g
                moved[name] = self._moved(p, g + b * mu, hyper)
                new_state[f"momentum/{name}"] = b
        return {n: moved[n] for n in parameters}, {s: new_state[s] for s in state}

    def _hyper_of_vectors(self, hyper: Mapping[str, Tensor]) -> Tensors:
        return {
            "learning_rate": hyper["learning_rate"] * hyper["vector_ratio"],
            "weight_decay": hyper["weight_decay"],
            "momentum": hyper["vector_momentum"],
        }

    def _moved(self, p: Tensor, direction: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
        """The matrix or kernel p, one step further."""
        rows, columns = p.shape[0], prod(p.shape[1:])
        o = ops.reshape(orthogonalize(ops.reshape(direction, (rows, columns)), self.num_iterations), p.shape)
        lr = hyper["learning_rate"]
        if self.keeps_norm:
            return p * (sqrt(rows) / _norm(p)) - o * lr
        return p * (1.0 - lr * hyper["weight_decay"]) - o * (lr * sqrt(max(1.0, rows / columns)))


def orthogonalize(matrix: Tensor, num_iterations: int = 5) -> Tensor:
    """(n, m) with its singular vectors kept, and its singular values all brought to between 0.7 and 1.2, or near.

    Newton-Schulz iterations, matrix products only: x = (a + b G + c G G) x with G = x x^T makes of each singular
    value s the polynomial a s + b s^3 + c s^5. The coefficients raise small ones fast, and do not converge to 1:
    see Jordan et al. 2024, as above. Since each factor is a polynomial of the first G, as G is from step to step, the
    factors are multiplied with each other, small as they are, and with x at the end.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix, axes=(1, 0)) if is_tall else matrix
    x = x / _norm(x)
    identity = np.eye(x.shape[0], dtype=x.dtype) * a
    gram, product = x @ ops.transpose(x, axes=(1, 0)), x
    factors: list[Tensor] = []
    for i in range(num_iterations):
        factor = gram * b + (gram @ gram) * c + identity
        factors.append(factor)
        if i + 1 < num_iterations:
            gram = factor @ gram @ factor
    if factors:
        product = reduce(lambda left, right: right @ left, factors) @ x
    return ops.transpose(product, axes=(1, 0)) if is_tall else product


def _norm(x: Tensor) -> Tensor:
    """The root of the sum of all squares; never 0, so that a matrix of zeros can be divided by it."""
    return ops.maximum(global_norm({"x": x}), _EPS)
