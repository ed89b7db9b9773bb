"""Histograms of the weights at several moments, on one axis."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.insight.histograms import histograms


def test_one_axis_for_all_moments() -> None:
    narrow = {"a": np.linspace(-1.0, 1.0, 1_000), "b": np.zeros((10, 10))}
    wide = {"a": np.linspace(-4.0, 4.0, 1_000), "b": np.zeros((10, 10))}
    edges, shares = histograms({5: wide, 0: narrow}, 9)
    assert list(shares) == [0, 5]
    assert (len(edges), edges[-1]) == (10, -edges[0])
    assert 3.5 < edges[-1] <= 4.0
    assert shares[0].sum() == pytest.approx(1.0)
    assert 0.98 < shares[5].sum() < 0.999
    assert shares[0].argmax() == shares[5].argmax() == 4
    assert shares[0][:3].sum() == 0.0 < shares[5][:3].sum()


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, np.inf]])
def test_weights_without_any_width(values: list[float]) -> None:
    edges, shares = histograms({0: {"a": np.array(values)}}, 3)
    assert edges.tolist() == pytest.approx([-1.0, -1 / 3, 1 / 3, 1.0])
    assert shares[0].tolist() == ([0.0, 1.0, 0.0] if values == [0.0, 0.0] else [0.0, 0.0, 0.0])
