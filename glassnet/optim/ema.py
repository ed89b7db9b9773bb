"""Running averages of the weights, which often generalize better than the weights themselves."""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.autodiff import Tensor
from glassnet.optim.optimizer import Tensors


def update_averages(averages: Mapping[str, Tensor], values: Mapping[str, Tensor], decay: Tensor) -> Tensors:
    """a = decay a + (1 - decay) p for each name: the exponential moving average, one step further.

    averages start as the values; decay is a scalar tensor () of their dtype, an input of the traced step.
    Polyak & Juditsky 1992 (https://doi.org/10.1137/0330046) for averaging.
    """
    rest = 1.0 - decay
    return {name: a + (values[name] - a) * rest for name, a in averages.items()}


def warmed_up_decay(decay: float, step: float) -> float:
    """min(decay, (1 + step) / (10 + step)): while the steps are few the average forgets its beginning sooner."""
    return min(decay, (1.0 + step) / (10.0 + step))
