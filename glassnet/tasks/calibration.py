"""The threshold below which a face is a stranger's, chosen from photos of known persons alone. Arrays, not networks.

Two things are looked at. Trainings from which persons were left out have shown what true strangers score, in shares of
how surely a network knows its own photos; so their scores in another training can be expected. And for everybody but
its own person a photo held out is a stranger's; but a training pushes known persons away from each other, so true
strangers score higher than these. The threshold is the one that gives a name to the wanted share (FPIR) of either.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.insight.identification import threshold_at
from glassnet.tasks.additions import alone, put

FILE, FORMAT_VERSION = "calibration.json", 1
DEFAULT_THRESHOLD = 0.5  # of a network that was never calibrated
# Strangers' scores in shares of their own 99 % quantile: the mean of four trainings, on LFW-a and AT&T, with 16 and 10
# persons left out, 563 to 969 and 100 photos. The standard deviation is 1.6 % between the 10 and the 99.5 % quantile.
SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
SCORES = (0.36, 0.466, 0.495, 0.557, 0.652, 0.757, 0.852, 0.914, 0.977, 1.0, 1.02, 1.103)
# That quantile, in shares of what 99 % of the photos trained on exceed with their own person: 0.87 to 0.93 there.
SURENESS, SURE_SHARE = 0.93, 0.01
_NUM_EXPECTED = 1_000


@dataclass(frozen=True)
class Calibration:
    """What simulated strangers score by the weights after ``step`` steps, against ``num_known`` persons each."""

    step: int
    fpir: float  # the share of strangers that may be given a name, as the training was told
    num_known: int
    stranger_scores: tuple[float, ...]

    def threshold(self, num_known: int, fpir: float | None = None) -> float:
        """The least score of a face that is given a name, where it is compared with that many persons.

        The more persons, the likelier is one of them like the stranger. Were they independent, with the distribution F
        of the best score against n persons, that against N would be F^(N/n).
        """
        wanted = self.fpir if fpir is None else fpir
        return threshold_at(np.array(self.stranger_scores), 1.0 - (1.0 - wanted) ** (self.num_known / num_known))


def scores(cosines: Array, scale: float) -> Array:
    """(N, P) -> (N,): how much each face is like a known person at all; what the threshold is compared with.

    ``cosines`` are those with the P known persons, ``scale`` what they are multiplied by to be logits.
    """
    return cosines.max(axis=1)


def expected_strangers(own: Array) -> Array:
    """(1000,): what strangers are expected to score, where photos trained on score ``own`` (N,) with their person."""
    places = (np.arange(_NUM_EXPECTED) + 0.5) / _NUM_EXPECTED
    return np.interp(places, SHARES, SCORES) * (SURENESS * np.quantile(own, SURE_SHARE))


def simulated_strangers(embeddings: Array, labels: Array, prototypes: Array, scale: float) -> Array:
    """(N,): the score of each face (N, D) against the prototypes (P, D) of all persons but its own, row ``labels``."""
    cosines = embeddings @ prototypes.T
    num, num_persons = cosines.shape
    is_other = np.arange(num_persons) != labels[:, None]
    return scores(cosines[is_other].reshape(num, num_persons - 1), scale)


def save_calibration(run: Path, calibration: Calibration) -> None:
    """Put it into the run directory, in the place of an earlier one."""
    with alone(run):
        put(run / FILE, json.dumps({"format": FORMAT_VERSION, **asdict(calibration)}).encode())


def load_calibration(run: Path) -> Calibration | None:
    """That of the run directory, if it has one."""
    file = run / FILE
    try:
        values = json.loads(file.read_bytes())
        if values.pop("format") != FORMAT_VERSION:
            raise ValueError("another format")
        return Calibration(**{**values, "stranger_scores": tuple(values["stranger_scores"])})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"expected the calibration of a run in {file}; got something else ({error}). "
            "To fix: delete it, and make it anew with `glassnet evaluate`."
        ) from error
