"""Faces to test a recognizer with, and what it says of them, counted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.data import people
from glassnet.data.classfolders import list_files, split_folders
from glassnet.data.facecrop import Framing
from glassnet.data.people import STRANGER, People, Probes
from glassnet.data.pictures import Pictures
from glassnet.errors import DataError
from glassnet.insight.facesheets import FaceMistake
from glassnet.insight.identification import (
    Curve,
    curve,
    macro_average,
    nearest_photos,
    rank_one_accuracy,
    rates_at,
    recall_by_person,
)  # fmt: skip
from glassnet.tasks.calibration import Calibration
from glassnet.tasks.faces import folder_of
from glassnet.tasks.gallery import Gallery
from glassnet.tasks.recognition import Matches, Recognizer, matches, stranger_scores
from glassnet.training import Run

_NUM_EXPLAINED, _PHOTOS_EACH = 30, 40  # mistakes with a photo beside them; photos of a person to choose it among


@dataclass(frozen=True)
class Identification:
    """What was said of N faces; labels are rows of the gallery, or `STRANGER`."""

    faces: Pictures
    embeddings: Array  # float32 (N, D)
    found: Matches
    accuracy: float  # share of the known persons' faces that are most like their own person, however sure
    recall: dict[str, float]  # the same for each person who has a face here
    num_strangers: int  # faces; where there are none, strangers are simulated
    curve: Curve
    fpir: float
    fnir: float

    @property
    def macro(self) -> float:
        """The mean over persons, each counting the same."""
        return macro_average(tuple(self.recall.values()))


def own_people(run: Run) -> People:
    """The photos of the run's own training, divided as they were then."""
    return people.load(folder_of(run.settings), framing=Framing.from_json(run.facts["framing"]))


def own_probes(own: People, run: Run, gallery: Gallery) -> Probes:
    """The photos held out of a training. Who was forgotten since is a stranger."""
    if not len(own.held_out.labels):
        raise DataError(
            f"expected photos that were held out of the training; got none, since nobody has {people.HELD_OUT_FROM} or "
            "more. To fix: give new photos with --data, in a sub-folder for each person."
        )
    rows = {name: row for row, name in enumerate(gallery.names)}
    labels = np.array([rows.get(name, STRANGER) for name in own.names], np.int64)[own.held_out.labels]
    notices = own.notices
    now = dict(zip(own.names, np.bincount(own.training.labels, minlength=len(own.names)).tolist(), strict=True))
    if now != dict(zip(run.facts["people"], run.facts["photos"], strict=True)):
        changed = "the folder has changed since the training: some of the photos held out now may have been trained on"
        notices = (changed, *notices)
    return Probes(Pictures(own.held_out.images, labels), own.held_out_files, own.source, notices)


def other_probes(data: Path, run: Run, gallery: Gallery) -> Probes:
    """The photos of a folder, without those of the training. Who is not known is a stranger."""
    framing, folder = Framing.from_json(run.facts["framing"]), folder_of(run.settings)
    if folder.is_dir():
        return people.load_test(data, gallery.names, framing, folder)
    probes = people.load_test(data, gallery.names, framing)
    notice = f"whether the network was trained on some of these is unknown: {folder} is not there"
    return replace(probes, notices=(notice, *probes.notices))


def identified(
    recognizer: Recognizer, faces: Pictures, gallery: Gallery, calibration: Calibration | None
) -> Identification:
    """Let the faces be named; ``faces.labels`` are rows of the gallery, or `STRANGER`. Some must be known.

    Without strangers among them, their scores are those of the calibration, or of faces composed of these.
    """
    is_known = faces.labels != STRANGER
    if not is_known.any():
        raise DataError(
            "expected photos of at least one known person; got only strangers. To fix: name the sub-folders as "
            "`glassnet people` lists them."
        )
    embeddings = recognizer.embed(faces.images)
    found = matches(embeddings, gallery)
    labels = faces.labels[is_known]
    is_right = found.rows[is_known] == labels
    shares = recall_by_person(is_right, labels, len(gallery.names))
    strangers = found.scores[~is_known]
    if not len(strangers) and calibration is not None:
        strangers = np.array(calibration.stranger_scores)
    elif not len(strangers):
        strangers = stranger_scores(recognizer, faces, gallery.prototypes, gallery.scale)
    rates = curve(found.scores[is_known], is_right, strangers)
    return Identification(
        faces, embeddings, found, rank_one_accuracy(is_right),
        {name: share for name, share in zip(gallery.names, shares, strict=True) if share is not None},
        int((~is_known).sum()), rates, *rates_at(rates, gallery.threshold),
    )  # fmt: skip


def mistakes(answers: Identification, recognizer: Recognizer, gallery: Gallery, run: Run) -> list[FaceMistake]:
    """All faces that were given a wrong name, the surest first, and beside those a photo of who was named."""
    found, labels = answers.found, answers.faces.labels
    wrong = np.flatnonzero((found.scores >= gallery.threshold) & (found.rows != labels))
    wrong = wrong[np.argsort(-found.probabilities[wrong], kind="stable")]
    shown = wrong[:_NUM_EXPLAINED]
    said, photos = found.rows[shown], _photos_of({gallery.names[row] for row in found.rows[shown]}, gallery, run)
    nearest = nearest_photos(answers.embeddings[shown], said, recognizer.embed(photos.images), photos.labels)
    beside = [photos.images[place] if place >= 0 else None for place in nearest]
    beside += [None] * (len(wrong) - len(shown))
    return [
        FaceMistake(
            answers.faces.images[i], gallery.numbers[found.rows[i]], float(found.probabilities[i]),
            None if labels[i] == STRANGER else gallery.numbers[labels[i]], photo,
        )
        for i, photo in zip(wrong, beside, strict=True)
    ]  # fmt: skip


def _photos_of(names: set[str], gallery: Gallery, run: Run) -> Pictures:
    """Some photos of each of these persons, as far as they are among those of the training."""
    framing, rows = Framing.from_json(run.facts["framing"]), {name: row for row, name in enumerate(gallery.names)}
    paths = _paths_of(names, folder_of(run.settings)) if names else {}
    pairs = [(path, rows[name]) for name in paths for path in paths[name]]
    faces = people.read_faces([path for path, _ in pairs], framing)
    kept = [(face, row) for face, (_, row) in zip(faces, pairs, strict=True) if not isinstance(face, str)]
    images = np.array([face for face, _ in kept], np.uint8).reshape(-1, *run.facts["image_shape"])
    return Pictures(images, np.array([row for _, row in kept], np.int64))


def _paths_of(names: set[str], folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        return {}
    by_name: dict[str, list[Path]] = defaultdict(list)
    for file in list_files(split_folders(folder, [])[0], [], least=1):
        if file.class_name in names:
            by_name[file.class_name].append(file.path)
    return {name: paths[:: -(-len(paths) // _PHOTOS_EACH)] for name, paths in by_name.items()}
