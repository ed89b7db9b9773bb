"""The known persons of a run: whom its network was trained on, who was enrolled since, and who was forgotten.

``gallery.safetensors`` in the run directory holds what was changed since the training, and no photos: of each enrolled
person name, number, how many photos, the mean of their embeddings, and the step of the weights that made it. It is one
file, so that names and embeddings cannot come apart.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from glassnet.autodiff import Array
from glassnet.errors import CheckpointError
from glassnet.tasks.additions import put

FILE, FORMAT_VERSION = "gallery.safetensors", 1
_ARRAYS = ("numbers", "photos", "steps", "means", "forgotten")


@dataclass(frozen=True)
class Gallery:
    """P persons to compare a face with."""

    names: tuple[str, ...]
    prototypes: Array  # float32 (P, D), each of length 1
    numbers: tuple[int, ...]  # of a trained person the index in the training, of others from there on, never used twice
    threshold: float  # a face whose score is below is a stranger's
    scale: float  # probabilities are softmax(scale * cosines)


@dataclass(frozen=True)
class Trained:
    """The persons of a training, after ``step`` steps: number k is called names[k]."""

    names: tuple[str, ...]
    photos: Array  # int64 (K,): how many each was learned from
    centers: Array  # float32 (K, D), each of length 1
    step: int


@dataclass(frozen=True)
class Changes:
    """What was changed since the training. E persons were enrolled, or had photos added to those of the training."""

    names: tuple[str, ...]  # (E,)
    numbers: Array  # int64 (E,)
    photos: Array  # int64 (E,)
    steps: Array  # int64 (E,): of the weights that made the mean; to others it means nothing
    means: Array  # float32 (E, D): of embeddings
    forgotten: Array  # int64 (F,): numbers of trained persons
    next_number: int


@dataclass(frozen=True)
class Person:
    """A line in the list of persons."""

    number: int
    name: str
    source: str  # "trained" or "enrolled"
    photos: int
    is_outdated: bool  # enrolled with weights that have changed since, and so not known to those of now


def unchanged(trained: Trained) -> Changes:
    """What there is to know of a run that nobody was enrolled in."""
    none = np.zeros(0, np.int64)
    return Changes((), none, none, none, np.zeros((0, trained.centers.shape[1]), np.float32), none, len(trained.names))


def known_persons(trained: Trained, changes: Changes) -> tuple[tuple[str, ...], Array, Array]:
    """Names, numbers int64 (P,) and prototypes (P, D) of all who are known to the weights of now.

    Where photos were added to a trained person, its direction counts as many photos as it was learned from.
    """
    is_current, is_new = changes.steps == trained.step, changes.numbers >= len(trained.names)
    prototypes = trained.centers.copy()
    added = np.flatnonzero(is_current & ~is_new)
    whom = changes.numbers[added]
    before, more = (photos[:, None].astype(np.float32) for photos in (trained.photos[whom], changes.photos[added]))
    prototypes[whom] = unit(before * prototypes[whom] + more * changes.means[added])
    kept, new = _kept(trained, changes), np.flatnonzero(is_current & is_new)
    names = (*(trained.names[k] for k in kept), *(changes.names[row] for row in new))
    numbers = np.concatenate([kept, changes.numbers[new]])
    return names, numbers, np.concatenate([prototypes[kept], unit(changes.means[new])])


def listed(trained: Trained, changes: Changes) -> list[Person]:
    """All persons that were not forgotten, by number."""
    is_current = (changes.steps == trained.step).tolist()
    more = {int(changes.numbers[row]): int(changes.photos[row]) for row in np.flatnonzero(is_current)}
    learned = [
        Person(k, trained.names[k], "trained", int(trained.photos[k]) + more.get(k, 0), False)
        for k in _kept(trained, changes).tolist()
    ]
    rows = zip(changes.numbers.tolist(), changes.names, changes.photos.tolist(), is_current, strict=True)
    enrolled = [
        Person(number, name, "enrolled", photos, not current)
        for number, name, photos, current in sorted(rows)
        if number >= len(trained.names)
    ]
    return learned + enrolled


def outdated(trained: Trained, changes: Changes) -> list[str]:
    """A line for each person whose enrolled photos mean nothing to the weights of now."""
    return [
        f"{changes.names[row]} was enrolled with step {changes.steps[row]}, the network is at step {trained.step}: "
        f"enroll again; {'without' if changes.numbers[row] >= len(trained.names) else 'without these photos'} till then"
        for row in np.flatnonzero(changes.steps != trained.step)
    ]


def load_changes(run: Path, trained: Trained) -> Changes:
    """What was changed in the run directory since its training. Raises CheckpointError."""
    file = run / FILE
    if not file.exists():
        return unchanged(trained)
    try:
        with safe_open(file, "numpy") as opened:
            about, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in _ARRAYS}
        if about["format"] != str(FORMAT_VERSION):
            raise ValueError(f"format {about['format']} instead of {FORMAT_VERSION}")
        changes = Changes(tuple(json.loads(about["names"])), next_number=int(about["next_number"]), **arrays)
        _check(changes, trained)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(
            f"expected the enrolled persons of a run in {file}; got something else ({error}). To fix: copy the file "
            "again from where it was made, or delete it and enroll anew."
        ) from error
    return changes


def save_changes(run: Path, changes: Changes) -> None:
    """Put them into the run directory, for which the caller is `alone`."""
    about = {"format": str(FORMAT_VERSION), "names": json.dumps(changes.names), "next_number": str(changes.next_number)}
    arrays = {name: np.ascontiguousarray(getattr(changes, name)) for name in _ARRAYS}
    put(run / FILE, save(arrays, about))


def unit(vectors: Array) -> Array:
    """(N, D), each of length 1; zeros stay zeros."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _kept(trained: Trained, changes: Changes) -> Array:
    """int64: the numbers of the trained persons that were not forgotten."""
    return np.setdiff1d(np.arange(len(trained.names)), changes.forgotten)


def _check(changes: Changes, trained: Trained) -> None:
    """The file may be of another run."""
    num, size = len(changes.names), trained.centers.shape[1]
    shapes = [array.shape for array in (changes.numbers, changes.photos, changes.steps)]
    if changes.means.shape != (num, size) or shapes != 3 * [(num,)]:
        raise ValueError(f"{num} names, {shapes}, and embeddings {changes.means.shape} instead of {(num, size)}")
