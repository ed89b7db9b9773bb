"""AdamW: Adam, with weights that also shrink by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.optim.adam import Adam
from glassnet.optim.optimizer import Decays, Tensors, decays_kernels


@final
@dataclass(frozen=True, slots=True)
class AdamW:
    """The rule of `Adam` after a shrinking that does not pass through its moments, lambda being the weight decay:

        p = (1 - alpha lambda) p                (only where the parameter decays)
        p = p - alpha m^ / (sqrt(v^) + eps)

    Loshchilov & Hutter 2019 (https://arxiv.org/abs/1711.05101), in the form of torch.optim.AdamW.
    """

    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decays: Decays = decays_kernels

    def hyperparameters(self) -> dict[str, float]:
        return {
            "learning_rate": self.learning_rate, "weight_decay": self.weight_decay,
            "beta1": self.beta1, "beta2": self.beta2, "eps": self.eps,
        }  # fmt: skip

    def init(self, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
        return Adam().init(parameters)

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        step: Tensor,
        hyper: Mapping[str, Tensor],
    ) -> tuple[Tensors, Tensors]:
        shrinking = 1.0 - hyper["learning_rate"] * hyper["weight_decay"]
        shrunk = {n: p * shrinking if self.decays(n, p.spec) else p for n, p in parameters.items()}
        return Adam().update(shrunk, gradients, state, step, hyper)
