"""Losses and metrics as functions of what was said and what was meant; all are averages, and scalars."""

from __future__ import annotations

from glassnet.autodiff import Tensor
from glassnet.errors import SettingsError, ShapeError
from glassnet.nn.cosine import unit
from glassnet.ops import (
    argmax,
    cast,
    concatenate,
    equal,
    log_softmax,
    logsumexp,
    mean,
    one_hot,
    reshape,
    slice_axis,
    softplus,
    square,
    sum,
    take,
    transpose,
    where,
)

_NEVER = -1e4  # a logit whose share is 0 in every precision, float16 too


def mse_loss(predictions: Tensor, targets: Tensor) -> Tensor:
    """mean((predictions - targets)^2), both of one shape."""
    _check_same("predictions", predictions, targets)
    return mean(square(predictions - targets))


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """-sum_k q_k log softmax(logits)_k, averaged over the batch.

    logits (B, K); labels (B,), whole numbers below K. With smoothing s, q = (1 - s) at the label plus s / K at
    every class: Szegedy et al. 2016 (https://arxiv.org/abs/1512.00567).
    """
    _check_labels(logits, labels)
    if not 0.0 <= label_smoothing <= 1.0:
        raise SettingsError(f"expected 0 <= label_smoothing <= 1; got {label_smoothing}. To fix: try 0.1.")
    batch_size, num_classes = logits.shape
    q = one_hot(labels, num_classes, logits.dtype)
    if label_smoothing:
        q = q * (1.0 - label_smoothing) + label_smoothing / num_classes
    return sum(q * log_softmax(logits, axis=1)) * (-1.0 / batch_size)


def margin_cross_entropy(cosines: Tensor, labels: Tensor, scale: float, margin: float) -> Tensor:
    """The cross entropy of scale * (cosine - margin at the label): right by less than the margin counts as wrong.

    cosines (B, K) from -1 to 1; labels (B,). CosFace, Wang et al. 2018 (https://arxiv.org/abs/1801.09414).
    """
    _check_labels(cosines, labels)
    _check_margin(scale, margin)
    q = one_hot(labels, cosines.shape[1], cosines.dtype)
    return cross_entropy((cosines - q * margin) * scale, labels)


def sampled_margin_cross_entropy(
    embeddings: Tensor, weight: Tensor, labels: Tensor, drawn: Tensor, scale: float, margin: float
) -> Tensor:
    """`margin_cross_entropy` with only S of K classes beside each example's own, the same S for all examples.

    embeddings (B, D), each of length 1; weight (K, D), the direction of each class, of any length; labels (B,) and
    drawn (S,), whole numbers below K. Only those B + S rows of the weight are computed with. A drawn class does not
    count for the examples whose own it is. An et al. 2021 (https://arxiv.org/abs/2010.05222).
    """
    _check_margin(scale, margin)
    _check_drawn(embeddings, weight, labels, drawn)
    num = labels.size
    labels, drawn = cast(labels, "int64"), cast(drawn, "int64")
    # One `take` for both, so that its gradient is one array (K, D), and not the sum of two.
    directions = unit(take(weight, concatenate([labels, drawn]), axis=0))
    own = sum(embeddings * slice_axis(directions, 0, 0, num), axes=1, keepdims=True)
    others = embeddings @ transpose(slice_axis(directions, 0, num, directions.shape[0]), axes=(1, 0))
    right = (own - margin) * scale
    is_own = equal(reshape(labels, (num, 1)), reshape(drawn, (1, -1)))
    wrong = where(is_own, _NEVER, others * scale)
    return mean(logsumexp(concatenate([right, wrong], axis=1), axis=1) - right)


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor) -> Tensor:
    """-y log p - (1 - y) log(1 - p) with p = sigmoid(logits), averaged; targets y in [0, 1], of one shape."""
    _check_same("logits", logits, targets)
    # The same number as softplus(x) - x y, which cannot overflow.
    return mean(softplus(logits) - logits * targets)


def accuracy(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of rows of ``logits`` (B, K) whose largest entry is at the label (B,)."""
    _check_labels(logits, labels)
    is_right = equal(argmax(logits, axis=1), cast(labels, "int64"))
    return mean(cast(is_right, logits.dtype))


def _check_same(name: str, outputs: Tensor, targets: Tensor) -> None:
    if outputs.shape != targets.shape:
        raise ShapeError(
            f"expected {name} and targets of one shape; got {outputs.spec} and {targets.spec}. "
            "To fix: reshape one of them; nothing is broadcast."
        )


def _check_labels(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"expected logits (B, K) and labels (B,) of whole numbers; got {logits.spec} and {labels.spec}. "
            "To fix: give the number of each row's class, not its one-hot vector."
        )


def _check_margin(scale: float, margin: float) -> None:
    if not (scale > 0.0 and 0.0 <= margin < 1.0):
        raise SettingsError(
            f"expected scale > 0 and 0 <= margin < 1; got {scale} and {margin}. To fix: try 16 and 0.2."
        )


def _check_drawn(embeddings: Tensor, weight: Tensor, labels: Tensor, drawn: Tensor) -> None:
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"expected embeddings (B, D) and labels (B,) of whole numbers; got {embeddings.spec} and {labels.spec}. "
            "To fix: give the number of each row's class."
        )
    if weight.ndim != 2 or weight.shape[1:] != embeddings.shape[1:]:
        raise ShapeError(
            f"expected embeddings (B, D) and weight (K, D); got {embeddings.spec} and {weight.spec}. "
            "To fix: give a direction of as many numbers for each class."
        )
    if drawn.ndim != 1 or drawn.dtype.kind not in "iu":
        raise ShapeError(f"expected drawn (S,) of whole numbers; got {drawn.spec}. To fix: draw numbers of classes.")


__all__ = [
    "accuracy", "binary_cross_entropy_with_logits", "cross_entropy", "margin_cross_entropy", "mse_loss",
    "sampled_margin_cross_entropy",
]  # fmt: skip
