"""Adam: each weight moves by its average gradient, measured by how large its gradients usually are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.ops import sqrt
from glassnet.optim.optimizer import Tensors, like

Stride: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@final
@dataclass(frozen=True, slots=True)
class Adam:
    """Gradient g, step t, learning rate alpha:

        m = beta1 m + (1 - beta1) g             v = beta2 v + (1 - beta2) g^2
        m^ = m / (1 - beta1^t)                  v^ = v / (1 - beta2^t)
        p = p - alpha m^ / (sqrt(v^) + eps)

    Kingma & Ba 2015 (https://arxiv.org/abs/1412.6980), algorithm 1. There is no weight decay, which does not mean
    what it says when added to g: see `AdamW`.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def hyperparameters(self) -> dict[str, float]:
        return {"learning_rate": self.learning_rate, "beta1": self.beta1, "beta2": self.beta2, "eps": self.eps}

    def init(self, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
        return {**like("first_moment", parameters), **like("second_moment", parameters)}

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        step: Tensor,
        hyper: Mapping[str, Tensor],
    ) -> tuple[Tensors, Tensors]:
        new_state = _new_moments(gradients, state, hyper)
        stride = _stride_of(step, hyper)
        return {n: p - stride(*_moments_of(n, new_state)) for n, p in parameters.items()}, new_state


def _moments_of(name: str, state: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """m and v of one parameter."""
    return state[f"first_moment/{name}"], state[f"second_moment/{name}"]


def _new_moments(gradients: Mapping[str, Tensor], state: Mapping[str, Tensor], hyper: Mapping[str, Tensor]) -> Tensors:
    """m = beta1 m + (1 - beta1) g and v = beta2 v + (1 - beta2) g^2 for each parameter."""
    beta1, beta2 = hyper["beta1"], hyper["beta2"]
    rest1, rest2 = 1.0 - beta1, 1.0 - beta2
    new: Tensors = {}
    for name, g in gradients.items():
        m, v = _moments_of(name, state)
        new[f"first_moment/{name}"] = m * beta1 + g * rest1
        new[f"second_moment/{name}"] = v * beta2 + g * g * rest2
    return new


def _stride_of(step: Tensor, hyper: Mapping[str, Tensor]) -> Stride:
    """From (m, v) to alpha m^ / (sqrt(v^) + eps), what is taken off a parameter.

    Both corrections are scalars and are taken out of the work for each element: with c = sqrt(1 - beta2^t) it is
    (alpha c / (1 - beta1^t)) m / (sqrt(v) + eps c).
    """
    c = sqrt(1.0 - hyper["beta2"] ** step)
    size = hyper["learning_rate"] * c / (1.0 - hyper["beta1"] ** step)
    eps = hyper["eps"] * c
    return lambda m, v: m / (sqrt(v) + eps) * size
