"""What an optimizer is: a rule from (parameters, gradients, state) to new ones, written in primitives.

Nothing is changed in place, so the update can be traced into the graph of the training step. Parameters are named
tensors; one of them may be many weights laid end to end, so a rule treats each element alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from glassnet.autodiff import ArraySpec, Tensor

Tensors: TypeAlias = dict[str, Tensor]
Decays: TypeAlias = Callable[[str, ArraySpec], bool]


class Optimizer(Protocol):
    """One rule of learning. Its fields are the starting values of its hyperparameters."""

    def hyperparameters(self) -> dict[str, float]:
        """The numbers that may change while training runs, with their starting values."""
        ...

    def init(self, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
        """The tensors that the rule keeps between steps, such as ``momentum/conv1.weight``; all start at zero."""
        ...

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        step: Tensor,
        hyper: Mapping[str, Tensor],
    ) -> tuple[Tensors, Tensors]:
        """The new parameters and the new state.

        gradients have the names and shapes of parameters; step is 1 at the first update; hyper holds a tensor
        for each of `hyperparameters`. step and hyper are scalars () of the dtype of the parameters.
        """
        ...


def decays_kernels(name: str, spec: ArraySpec) -> bool:
    """Weight decay for matrices and kernels; biases and the scales of normalization are left alone."""
    return len(spec.shape) >= 2


def decays_all(name: str, spec: ArraySpec) -> bool:
    """Weight decay for every parameter, as in torch.optim."""
    return True


def like(prefix: str, parameters: Mapping[str, ArraySpec]) -> dict[str, ArraySpec]:
    """A state tensor ``prefix/name`` of the same spec for each parameter."""
    return {f"{prefix}/{name}": spec for name, spec in parameters.items()}
