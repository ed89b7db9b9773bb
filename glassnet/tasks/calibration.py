"""The threshold below which a face is a stranger's, chosen from photos of known persons alone. Arrays, not networks.

Strangers are simulated by faces of nobody: bands of photos of several known persons, one below the other. The threshold
is the one that gives a name to the wanted share of them (FPIR).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.data.pictures import Pictures
from glassnet.errors import CheckpointError
from glassnet.insight.identification import threshold_at
from glassnet.tasks.additions import alone, put

FILE, FORMAT_VERSION = "calibration.json", 1
DEFAULT_THRESHOLD = 0.5  # of a network that was never calibrated
NUM_COMPOSED = 1_000
# How many persons a face is composed of: the more persons are known, the less is a stranger like the nearest of them.
# With true strangers, 2 bands told the right threshold for 3 and 8 known persons, 4 for 30, and 5 for 46. (Photos held
# out, compared with all persons but their own, score far too low: a training pushes known persons apart.)
_LEAST_BANDS, _MOST_BANDS, _BANDS_BY_ROOT = 2, 5, 0.7


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


def composed_faces(faces: Pictures, num: int, random: np.random.Generator) -> Array:
    """uint8 (num, C, H, W): faces of nobody, from bands of photos of several persons, who are drawn evenly."""
    photos = [np.flatnonzero(faces.labels == person) for person in np.unique(faces.labels)]
    wanted = round(_BANDS_BY_ROOT * len(photos) ** 0.5)
    num_bands = min(len(photos), max(_LEAST_BANDS, min(_MOST_BANDS, wanted)))
    composed = np.empty((num, *faces.images.shape[1:]), np.uint8)
    edges = np.linspace(0, composed.shape[2], num_bands + 1).astype(int)
    for face in composed:
        persons = random.choice(len(photos), num_bands, replace=False)
        for person, top, bottom in zip(persons, edges, edges[1:], strict=False):
            face[:, top:bottom] = faces.images[random.choice(photos[person]), :, top:bottom]
    return composed


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
