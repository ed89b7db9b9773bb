"""What a classifier says, counted: the confusion matrix and what can be read from it. Arrays in, numbers out."""

from __future__ import annotations

import numpy as np

from glassnet.autodiff import Array


def confusion(labels: Array, predicted: Array, num_classes: int) -> Array:
    """int64 (K, K): how many pictures of class i (row) were said to be of class j (column).

    ``labels`` and ``predicted`` are (N,) whole numbers from 0 to K - 1.
    """
    pairs = labels.astype(np.int64) * num_classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def accuracy(confusion: Array) -> float:
    """The share of all pictures that were named rightly; there must be one."""
    return int(np.trace(confusion)) / int(confusion.sum())


def recall(confusion: Array) -> tuple[float | None, ...]:
    """For each class, the share of its pictures that were named rightly; None for a class without pictures."""
    rows = zip(np.diagonal(confusion).tolist(), confusion.sum(axis=1).tolist(), strict=True)
    return tuple(right / num if num else None for right, num in rows)


def frequent_confusions(confusion: Array, num: int) -> list[tuple[int, int, int]]:
    """At most ``num`` of (class, what it was said to be, how often), the most frequent first."""
    wrong = confusion * (1 - np.eye(len(confusion), dtype=confusion.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:num]
    found = [(*divmod(int(i), len(confusion)), int(wrong.flat[i])) for i in order]
    return [entry for entry in found if entry[2]]


def mistakes(probabilities: Array, labels: Array, num: int) -> Array:
    """int64 (at most num,): which pictures were named wrongly, the surest mistake first.

    ``probabilities`` (N, K), ``labels`` (N,).
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities.max(axis=1)[wrong]
    return wrong[np.argsort(-confidence, kind="stable")][:num]
