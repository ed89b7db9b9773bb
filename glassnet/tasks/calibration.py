"""The threshold below which a face is a stranger's, chosen from photos of known persons alone. Arrays, not networks.

For everybody but its own person, a photo is a stranger's. So what each photo scores against all *other* persons are the
scores of simulated strangers, and the threshold is the one that gives a name to the wanted share of them (FPIR).
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
# What is added to the scores of simulated strangers: the training pushes a photo of a known person away from the
# directions of all others, so true strangers may come nearer. Measured with persons left out of a training.
BIAS = 0.19


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


def simulated_strangers(embeddings: Array, labels: Array, prototypes: Array, scale: float) -> Array:
    """(N,): the score of each face (N, D) against the prototypes (P, D) of all persons but its own, row ``labels``."""
    cosines = embeddings @ prototypes.T
    num, num_persons = cosines.shape
    is_other = np.arange(num_persons) != labels[:, None]
    return scores(cosines[is_other].reshape(num, num_persons - 1), scale) + BIAS


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
