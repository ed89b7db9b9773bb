"""A map in two dimensions of points in many, on which near points stay neighbors. Arrays in, arrays out."""

from __future__ import annotations

import math

import numpy as np

from glassnet.autodiff import Array

_PERPLEXITY = 15.0  # about how many neighbors of a point matter
_STEPS, _EARLY_STEPS, _EARLY_PULL = 400, 100, 12.0
_LEAST = 1e-12


def neighbor_map(embeddings: Array) -> Array:
    """float64 (N, 2): the embeddings (N, D) as t-SNE lays them out (van der Maaten and Hinton, JMLR 9, 2008).

    It is exact, so time and memory grow with N squared: 1,000 points take seconds. It starts from the two principal
    components, so chance has no part in it. Distances between far groups mean little; who is beside whom does.
    """
    num = len(embeddings)
    if num < 3:
        return np.stack([np.arange(num), np.zeros(num)], axis=1).astype(np.float64)
    pulls = _neighborhoods(_squared_distances(embeddings.astype(np.float64)), min(_PERPLEXITY, num / 3))
    pulls = ((pulls + pulls.T) / (2 * num)).astype(np.float32)
    at = _principal_components(embeddings).astype(np.float32)
    moving, gains = np.zeros_like(at), np.ones_like(at)
    for step in range(_STEPS):
        is_early = step < _EARLY_STEPS
        slope = _slope(at, _EARLY_PULL * pulls if is_early else pulls)
        gains = np.where(np.sign(slope) == np.sign(moving), 0.8 * gains, gains + 0.2).clip(0.01)
        moving = (0.5 if is_early else 0.8) * moving - max(50.0, num / 48) * gains * slope
        at = at + moving
    return at.astype(np.float64)


def _slope(at: Array, pulls: Array) -> Array:
    """The gradient (N, 2) of the Kullback-Leibler divergence between neighborhoods in many dimensions and in two."""
    nearness = 1 / (1 + _squared_distances(at))
    np.fill_diagonal(nearness, 0.0)
    forces = (pulls - nearness / max(float(nearness.sum()), _LEAST)) * nearness
    return 4 * (forces.sum(axis=1, keepdims=True) * at - forces @ at)


def _neighborhoods(squared_distances: Array, perplexity: float) -> Array:
    """(N, N): how much each point is a neighbor of each other one. A row sums to 1 and has the given perplexity, for
    which the width of its bell is found by halving intervals."""
    num = len(squared_distances)
    # Only differences within a row count; without the nearest the exponentials of distant points would all be 0.
    beyond = squared_distances + np.diag(np.full(num, np.inf))
    beyond = beyond - beyond.min(axis=1, keepdims=True)
    low, high, precision = np.zeros((num, 1)), np.full((num, 1), np.inf), np.ones((num, 1))
    for _ in range(50):
        shares = np.exp(-precision * beyond)
        shares /= shares.sum(axis=1, keepdims=True)
        entropy = -(shares * np.log(np.maximum(shares, _LEAST))).sum(axis=1, keepdims=True)
        is_wide = entropy > math.log(perplexity)
        low, high = np.where(is_wide, precision, low), np.where(is_wide, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + high) / 2)
    return shares


def _squared_distances(points: Array) -> Array:
    squares = (points**2).sum(axis=1)
    return np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0)


def _principal_components(points: Array) -> Array:
    """The first two, (N, 2), made small: t-SNE starts with all points close together."""
    centered = points - points.mean(axis=0)
    u, s, _ = np.linalg.svd(centered, full_matrices=False)
    turned = (u * s)[:, :2]
    if turned.shape[1] < 2:
        turned = np.pad(turned, ((0, 0), (0, 1)))
    return 0.01 * turned / max(float(turned.std()), _LEAST)
