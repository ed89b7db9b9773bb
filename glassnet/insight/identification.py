"""Identification counted: who is named rightly, and which strangers are taken for somebody. Arrays in, numbers out.

A photo is answered with a name when its score is not below the threshold. The rates are those of ISO/IEC 19795 and of
NIST's tests of 1:N recognition (FRVT):

    FPIR, false positive identification rate: the share of strangers' photos that are answered with a name
    FNIR, false negative identification rate: the share of known persons' photos that are not answered with their own
                                              name, but with another one or with "unknown"
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import DataError, SettingsError, ShapeError

_TAIL, _LEAST_TAIL = 0.1, 10  # the share of the scores, and their least number, that tell how a tail falls off


@dataclass(frozen=True)
class Curve:
    """Both rates at every threshold that makes a difference, float64 (T,) each; the thresholds rise.

    There is one threshold for each score that occurs, at which it is still answered with a name, and one above all.
    """

    thresholds: Array
    fpir: Array  # falls, at last to 0
    fnir: Array  # rises, at last to 1


def threshold_at(stranger_scores: Array, fpir: float) -> float:
    """The smallest threshold at which at most that share of the strangers' scores (S,) is answered with a name.

    Equal scores get equal answers: if not all of them may be answered, none is. The threshold is the next float32 above
    the highest score that is refused, so it means the same for scores in float32 and in float64.

    S scores cannot show a rate below 1/S. For such a rate all are refused, and the threshold lies above the highest by
    m ln(1 / (S fpir)), as for a tail that falls off exponentially; m is the mean excess of the highest scores, a tenth
    of them but not less than 10, over the lowest among these (see Coles, An Introduction to Statistical Modeling of
    Extreme Values, 2001, chapter 4). Cosines end at 1, so their tail falls off faster: this errs on the safe side.
    """
    scores = np.sort(_checked("stranger_scores", stranger_scores))[::-1]
    allowed = _count_within(fpir, len(scores))
    margin = 0.0 if allowed else _mean_excess(scores) * math.log(1 / (len(scores) * fpir))
    return _just_above(float(scores[allowed]) + margin)


def curve(known_scores: Array, is_right: Array, stranger_scores: Array) -> Curve:
    """Both rates, from the scores of known persons' photos (N,) and of strangers' (S,).

    ``is_right``, bool (N,), says whether the name that got the score is the person's own.
    """
    known, strangers = _checked("known_scores", known_scores), _checked("stranger_scores", stranger_scores)
    right = np.sort(known[_checked_right(is_right, known)])
    occurring = np.unique(np.concatenate([known, strangers]))
    thresholds = np.append(occurring, _just_above(float(occurring[-1])))
    named = len(strangers) - np.searchsorted(np.sort(strangers), thresholds)
    missed = len(known) - len(right) + np.searchsorted(right, thresholds)
    return Curve(thresholds, named / len(strangers), missed / len(known))


def rates_at(curve: Curve, threshold: float) -> tuple[float, float]:
    """(FPIR, FNIR) at any threshold."""
    # Between two scores nothing changes: the next threshold of the curve gives the same answers.
    i = min(int(np.searchsorted(curve.thresholds, threshold)), len(curve.thresholds) - 1)
    return float(curve.fpir[i]), float(curve.fnir[i])


def fnir_at(curve: Curve, fpir: float) -> float:
    """The lowest FNIR that can be had with an FPIR of at most ``fpir`` on the photos that the curve was made from."""
    _check_share(fpir)
    return float(curve.fnir[np.argmax(curve.fpir <= fpir)])


def rank_one_accuracy(is_right: Array) -> float:
    """The share of known persons' photos (N,) of which the highest score is that of the person's own name."""
    if len(is_right) == 0:
        raise DataError("expected at least one photo of a known person; got none. To fix: hold some photos out.")
    return float(np.mean(is_right))


def recall_by_person(is_right: Array, labels: Array, num_persons: int) -> tuple[float | None, ...]:
    """For each person, the share of their photos that were answered rightly; None for one without photos.

    ``is_right`` bool (N,); ``labels`` (N,) whole numbers from 0 to num_persons - 1.
    """
    if is_right.shape != labels.shape:
        raise ShapeError(
            f"expected one label for each answer; got {labels.shape} labels and {is_right.shape} answers. "
            "To fix: pass both for the same photos."
        )
    nums = np.bincount(labels, minlength=num_persons)
    rights = np.bincount(labels, weights=is_right, minlength=num_persons)
    return tuple(right / num if num else None for right, num in zip(rights.tolist(), nums.tolist(), strict=True))


def macro_average(recalls: Sequence[float | None]) -> float:
    """The mean over persons, however many photos there are of each; those without photos do not count."""
    present = [recall for recall in recalls if recall is not None]
    if not present:
        raise DataError("expected at least one person with photos; got none. To fix: hold some photos out.")
    return sum(present) / len(present)


def nearest_photos(probes: Array, said: Array, gallery: Array, labels: Array) -> Array:
    """int64 (N,): for each probe, the nearest gallery photo of the person it was said to be; -1 if there is none.

    ``probes`` (N, D) and ``gallery`` (M, D) are unit vectors; ``said`` (N,) and ``labels`` (M,) are numbers of persons.
    """
    if len(labels) == 0:
        return np.full(len(probes), -1)
    cosines = np.where(said[:, None] == labels, probes @ gallery.T, -np.inf)
    nearest = cosines.argmax(axis=1)
    return np.where(np.isfinite(cosines[np.arange(len(probes)), nearest]), nearest, -1)


def _count_within(fpir: float, num: int) -> int:
    """The largest count of ``num`` whose share, as it is computed, is not above the rate."""
    _check_share(fpir)
    return int(np.searchsorted(np.arange(num + 1) / num, fpir, side="right")) - 1


def _mean_excess(falling: Array) -> float:
    """By how much the highest scores exceed the lowest among them, on average; ``falling`` (S,) are sorted."""
    tail = falling[: max(_LEAST_TAIL, int(len(falling) * _TAIL))]
    return float((tail - tail[-1]).sum()) / max(1, len(tail) - 1)


def _just_above(score: float) -> float:
    """The next float32, but around 0 none with fewer digits than others: some libraries take those for 0."""
    rounded, least = np.float32(score), float(np.finfo(np.float32).tiny)
    if rounded > score:
        return float(rounded)
    above = float(np.nextafter(rounded, np.float32(np.inf)))
    if abs(above) >= least:
        return above
    return least if rounded >= 0.0 else 0.0


def _check_share(fpir: float) -> None:
    if not 0 < fpir < 1:
        raise SettingsError(
            f"expected a rate (FPIR) above 0 and below 1; got {fpir}. To fix: 0.01 is one in a hundred."
        )


def _checked(name: str, scores: Array) -> Array:
    """The scores as float64, which holds every float32."""
    if scores.ndim != 1 or scores.size == 0:
        raise ShapeError(f"expected {name} (N,) with N > 0; got {scores.shape}. To fix: pass one score for each photo.")
    if not np.isfinite(scores).all():
        where = int(np.argmin(np.isfinite(scores)))
        raise DataError(f"expected {name} to be finite; got {scores[where]} at {where}. To fix: check the embeddings.")
    return scores.astype(np.float64)


def _checked_right(is_right: Array, known: Array) -> Array:
    if is_right.shape != known.shape or is_right.dtype != np.bool_:
        raise ShapeError(
            f"expected is_right to be bool {known.shape}; got {is_right.dtype} {is_right.shape}. "
            "To fix: compare the names that got the scores with the true ones."
        )
    return is_right
