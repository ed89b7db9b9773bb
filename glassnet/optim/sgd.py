"""Stochastic gradient descent: downhill, with or without momentum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from glassnet.autodiff import ArraySpec, Tensor
from glassnet.errors import SettingsError
from glassnet.optim.optimizer import Decays, Tensors, decays_kernels, like


@final
@dataclass(frozen=True, slots=True)
class SGD:
    """Gradient g, weight decay w, momentum mu, learning rate lr:

        d = g + w p                 (only g where the parameter does not decay)
        b = mu b + d
        p = p - lr b                nesterov: p - lr (d + mu b)

    Sutskever et al. 2013 (https://proceedings.mlr.press/v28/sutskever13.html), in the form of torch.optim.SGD.
    With momentum 0 nothing is kept, and momentum is not among the hyperparameters.
    """

    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    nesterov: bool = False
    decays: Decays = decays_kernels

    def __post_init__(self) -> None:
        if self.nesterov and self.momentum == 0.0:
            raise SettingsError("expected a momentum with nesterov; got 0. To fix: set momentum, 0.9 for example.")

    def hyperparameters(self) -> dict[str, float]:
        hyper = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay}
        return {**hyper, "momentum": self.momentum} if self.momentum else hyper

    def init(self, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
        return like("momentum", parameters) if self.momentum else {}

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        step: Tensor,
        hyper: Mapping[str, Tensor],
    ) -> tuple[Tensors, Tensors]:
        new_parameters: Tensors = {}
        new_state: Tensors = {}
        for name, p in parameters.items():
            d = gradients[name]
            if self.decays(name, p.spec):
                d = d + p * hyper["weight_decay"]
            if self.momentum:
                b = state[f"momentum/{name}"] * hyper["momentum"] + d
                new_state[f"momentum/{name}"] = b
                d = d + b * hyper["momentum"] if self.nesterov else b
            new_parameters[name] = p - d * hyper["learning_rate"]
        return new_parameters, new_state
