"""How large the steps are in the course of a training, as a share of the largest; plain numbers, on the host.

A schedule goes from progress, the share of the budget that is used up (0 at the start, 1 at the end), to a factor
on the learning rate. The budget may be steps or seconds. Progress beyond 1, when time runs over, counts as 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from glassnet.errors import SettingsError

Schedule: TypeAlias = Callable[[float], float]


def constant() -> Schedule:
    """Always 1."""
    return lambda progress: 1.0


def linear_warmup(warmup_share: float, then: Schedule) -> Schedule:
    """In a straight line from 0 up to where ``then`` begins, and in the share that is left all of ``then``."""
    if not 0.0 <= warmup_share < 1.0:
        raise SettingsError(f"expected 0 <= warmup_share < 1; got {warmup_share}. To fix: try 0.05.")

    def schedule(progress: float) -> float:
        if progress < warmup_share:
            return then(0.0) * progress / warmup_share
        return then((progress - warmup_share) / (1.0 - warmup_share))

    return schedule


def cosine(final_factor: float = 0.0) -> Schedule:
    """Half a wave down from 1: f + (1 - f) (1 + cos(pi progress)) / 2, f being the final factor.

    Loshchilov & Hutter 2017, without restarts (https://arxiv.org/abs/1608.03983).
    """
    return lambda progress: _along_cosine(1.0, final_factor, progress)


def one_cycle(rise_share: float = 0.3, initial_factor: float = 1 / 25, final_factor: float = 1 / 250_000) -> Schedule:
    """Half a wave up from the initial factor to 1, then half a wave down to the final one.

    Smith & Topin 2018 (https://arxiv.org/abs/1708.07120), in the form of torch's OneCycleLR.
    """
    if not 0.0 < rise_share < 1.0:
        raise SettingsError(f"expected 0 < rise_share < 1; got {rise_share}. To fix: try 0.3.")

    def schedule(progress: float) -> float:
        if progress < rise_share:
            return _along_cosine(initial_factor, 1.0, progress / rise_share)
        return _along_cosine(1.0, final_factor, (progress - rise_share) / (1.0 - rise_share))

    return schedule


def _along_cosine(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine wave; it stays at the end."""
    return end + (start - end) * (1.0 + math.cos(math.pi * min(share, 1.0))) / 2.0


__all__ = ["constant", "cosine", "linear_warmup", "one_cycle"]
