"""The map of neighbors: groups stay together, nothing is left to chance, and it is as good as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.insight.neighbors import neighbor_map


def grouped(num_groups: int, size: int, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (N, 32) around random centers, and which is whose."""
    generator = np.random.default_rng(num_groups)
    labels = np.repeat(np.arange(num_groups), size)
    points = generator.normal(size=(num_groups, 32))[labels] + spread * generator.normal(size=(len(labels), 32))
    return points / np.linalg.norm(points, axis=1, keepdims=True), labels


def share_beside_their_own(at: np.ndarray, labels: np.ndarray) -> float:
    """Of the points, those whose nearest neighbor is of their group."""
    distances = np.hypot(*(at[:, None] - at).transpose(2, 0, 1)) + np.diag(np.full(len(at), np.inf))
    return float((labels[distances.argmin(axis=1)] == labels).mean())


@pytest.mark.parametrize(("num_groups", "size"), [(2, 3), (5, 4), (20, 10)])
def test_groups_stay_together(num_groups: int, size: int) -> None:
    points, labels = grouped(num_groups, size)
    at = neighbor_map(points)
    assert at.shape == (len(points), 2)
    assert share_beside_their_own(at, labels) == 1.0


def test_more_than_principal_components_show() -> None:
    """In two of 32 dimensions, 20 groups cover each other."""
    points, labels = grouped(20, 10)
    centered = points - points.mean(axis=0)
    components = centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T
    assert share_beside_their_own(components, labels) < 0.8


def test_chance_has_no_part() -> None:
    points, _ = grouped(5, 4)
    np.testing.assert_array_equal(neighbor_map(points), neighbor_map(points))


@pytest.mark.parametrize("num", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 32])
def test_few_points(num: int, size: int) -> None:
    at = neighbor_map(np.random.default_rng(0).normal(size=(num, size)))
    assert at.shape == (num, 2)
    assert np.isfinite(at).all()
    assert len(np.unique(at.round(9), axis=0)) == num


def test_equal_points() -> None:
    assert np.isfinite(neighbor_map(np.ones((40, 8)))).all()
    points, labels = grouped(4, 1)
    assert share_beside_their_own(neighbor_map(np.repeat(points, 6, axis=0)), np.repeat(labels, 6)) == 1.0


@pytest.mark.slow
def test_as_trustworthy_as_that_of_scikit_learn() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    points, _ = grouped(12, 10, spread=0.8)
    theirs = manifold.TSNE(method="exact", init="pca", perplexity=15, random_state=0).fit_transform(points)
    ours = neighbor_map(points)
    assert manifold.trustworthiness(points, ours) > manifold.trustworthiness(points, theirs) - 0.01
