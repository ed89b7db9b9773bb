"""Dropout: in training some numbers are left out at random, so that none can be relied upon alone."""

from __future__ import annotations

from typing import final

from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError
from glassnet.nn.module import Module
from glassnet.ops import Random, cast


@final
class Dropout(Module):
    """Any shape -> the same shape. In training y = x / (1 - p) with probability 1 - p, else 0, so its mean is x.

    In evaluation y = x. Srivastava et al. 2014 (https://jmlr.org/papers/v15/srivastava14a.html).
    """

    is_random = True

    def __init__(self, p: float = 0.5):
        if not 0.0 <= p < 1.0:
            raise SettingsError(f"expected a probability 0 <= p < 1 to leave out; got {p}. To fix: choose a smaller p.")
        self.p = p

    def __call__(self, x: Tensor, random: Random | None = None) -> Tensor:
        if not self.is_training or self.p == 0.0:
            return x
        if random is None:
            raise SettingsError(
                "expected a source of random numbers while training; got none. To fix: call it as "
                "`layer(x, random)`, or switch to evaluation with `train(False)`."
            )
        is_kept = random.uniform(x.shape) >= self.p
        return x * (cast(is_kept, x.dtype) * (1.0 / (1.0 - self.p)))
