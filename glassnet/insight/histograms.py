"""How many weights have about which value, at several moments of a training on the same axis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.autodiff import Array

_SHOWN = 0.995  # share of the weights that the axis is wide enough for, at the moment when they are widest


def histograms(moments: Mapping[int, Mapping[str, Array]], num_bins: int) -> tuple[Array, dict[int, Array]]:
    """``edges`` (num_bins + 1,), and by step the shares (num_bins,) of all weights that lie between them.

    Shares add up to 1 but for what lies beyond, and what is no number.
    """
    values = {step: np.concatenate([array.reshape(-1) for array in moments[step].values()]) for step in sorted(moments)}
    far = max((_reach(array) for array in values.values()), default=0.0) or 1.0
    edges = np.linspace(-far, far, num_bins + 1)
    return edges, {step: np.histogram(array, edges)[0] / array.size for step, array in values.items()}


def _reach(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.quantile(np.abs(known), _SHOWN)) if known.size else 0.0
