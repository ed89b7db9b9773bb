"""Who is in a photo, said by classical algorithms and by the network: same faces, same split, at what cost."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.baselines.classical import Algorithm, eigenfaces, hog_svm, nearest_neighbor
from glassnet.data import people, splits
from glassnet.data.classfolders import split_folders
from glassnet.data.facecrop import Framing
from glassnet.data.people import STRANGER, People, Probes
from glassnet.data.pictures import Pictures
from glassnet.errors import CheckpointError, DataError, SettingsError
from glassnet.insight.confusion import accuracy, confusion, recall
from glassnet.insight.identification import macro_average
from glassnet.runtimes import Runtime
from glassnet.tasks import faces
from glassnet.tasks.recognition import Recognizer, trained_persons
from glassnet.training import Run
from glassnet.training.step import weights_of

CLASSICAL: Mapping[str, Algorithm] = {
    "nearest neighbor": nearest_neighbor,
    "eigenfaces + SVM": eigenfaces,
    "HOG + linear SVM": hog_svm,
}
NETWORK = "network"


@dataclass(frozen=True)
class Split:
    """What all algorithms learn from, and what they are asked afterwards."""

    known: People
    """Only its `training` is learned from."""
    test: Pictures
    """Other photos of the same persons."""
    how: str
    """Which photos are in the test, in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """One algorithm. The counts of numbers are of what answering takes, beside the program."""

    algorithm: str
    accuracy: float
    mean_recall: float  # the accuracy of each person, averaged over persons
    training_s: float  # with features, and with the choice of settings by cross-validation
    answering_s: float  # for 1,000 photos
    num_kept: int
    kept: str  # what these numbers are
    chosen: Mapping[str, float]  # by cross-validation on the training photos


def split(
    folder: Path | None, crop: bool = True, is_block: bool = False, num_per_person: int | None = None, seed: int = 0
) -> Split:
    """The photos of a folder: `train` and `test` in it as they are, else a part of each person's makes the test."""
    folder = folder or people.find_default()
    known = people.load(folder, crop)
    photos = [(known.names[label], path.name) for label, path in zip(_labels(known), _files(known), strict=True)]
    if split_folders(folder, [])[1] is not None:
        if is_block or num_per_person is not None:
            raise SettingsError(
                f"expected --block and --per-person with photos that are not split yet; got {folder}, which has a test "
                "folder. To fix: leave them out, or name the folder of the training photos."
            )
        probes = people.load_test(folder, known.names, known.framing)
        learned, _ = _divided(known, np.zeros(len(photos), np.bool_))
        return _checked(Split(learned, _known_only(probes), "those of its test"))
    if num_per_person is not None:
        is_test, how = splits.per_person(photos, num_per_person, seed), f"all but {num_per_person} of each person"
    elif is_block:
        is_test, how = splits.by_block(photos, seed), "one in five of each person, neighboring numbers"
    else:
        is_test, how = splits.by_name(photos), "one in five of each person, by hashes of the names"
    return _checked(Split(*_divided(known, is_test), how))


def split_of(run: Run, folder: Path | None = None) -> Split:
    """What the network of a run was trained on, and as test the folder, or `test` beside that, or what was left out."""
    settings, facts = run.settings, run.facts
    if settings.task != faces.NAME:
        raise CheckpointError(
            f"expected a run of {faces.NAME} in {run.path}; got one of {settings.task}. To fix: choose another --run."
        )
    home = people.find_default() if settings.data is None else Path(settings.data)
    known = people.load(home, framing=Framing.from_json(facts["framing"]))
    if any(faces.facts_of(known)[name] != facts[name] for name in ("people", "photos")):
        raise DataError(
            f"expected in {home} the photos that {run.path} was trained on; got others. To fix: put the folder back as "
            "it was, or leave --run out."
        )
    if folder is not None:
        probes = people.load_test(folder, known.names, known.framing, home)
        return _checked(Split(known, _known_only(probes), f"those in {folder}"))
    if split_folders(home, [])[1] is not None:
        probes = people.load_test(home, known.names, known.framing)
        return _checked(Split(known, _known_only(probes), "those of its test"))
    return _checked(Split(known, known.held_out, "those that the training of the run left out"))


def classical_rows(split: Split, seed: int = 0) -> Iterator[Row]:
    """One algorithm after the other, each trained when its row is asked for."""
    for name, algorithm in CLASSICAL.items():
        began = time.perf_counter()
        learned = algorithm(split.known.training, seed)
        training_s = time.perf_counter() - began
        said, answering_s = _timed(learned.answer, split.test.images)
        yield _row(name, split, said, training_s, answering_s, learned.num_kept, learned.kept, learned.chosen)


def network_row(split: Split, run: Run, runtime: Runtime) -> Row:
    """The network of the run as its newest checkpoint left it; strangers there are none, so it always gives a name."""
    checkpoint, _ = run.newest_checkpoint()
    recognizer, centers = Recognizer(run, checkpoint, runtime), trained_persons(run, checkpoint).centers
    said, answering_s = _timed(lambda images: (recognizer.embed(images) @ centers.T).argmax(1), split.test.images)
    num_kept = sum(array.size for array in weights_of(checkpoint.tensors).values())
    kept = "weights, and running statistics of its normalizations"
    return _row(NETWORK, split, said, checkpoint.elapsed_s, answering_s, num_kept, kept, {})


def most_frequent(split: Split) -> tuple[str, float]:
    """The person with most photos to learn from, and how often it would be right to name that one always."""
    label = int(np.bincount(split.known.training.labels).argmax())
    return split.known.names[label], float(np.mean(split.test.labels == label))


def _row(
    name: str, split: Split, said: Array, training_s: float, answering_s: float, num_kept: int, kept: str,
    chosen: Mapping[str, float],
) -> Row:  # fmt: skip
    counts = confusion(split.test.labels, said, len(split.known.names))
    mean_recall = macro_average(recall(counts))
    return Row(name, accuracy(counts), mean_recall, training_s, answering_s, num_kept, kept, chosen)


def _timed(answer: Callable[[Array], Array], images: Array) -> tuple[Array, float]:
    """The answers (N,), and the seconds for 1,000 of them."""
    began = time.perf_counter()
    said = answer(images)
    return said, 1_000 * (time.perf_counter() - began) / len(images)


def _checked(split: Split) -> Split:
    if not len(split.test.labels):
        raise DataError(
            f"expected photos to test with ({split.how}); got none. To fix: add photos, or choose another split."
        )
    return split


def _divided(known: People, is_test: Array) -> tuple[People, Pictures]:
    """The people with all others of their photos to learn from, and those (N,) of `_files` that are for the test."""
    images = np.concatenate([known.training.images, known.held_out.images])
    labels, files = _labels(known), _files(known)
    learned = dataclasses.replace(
        known,
        training=Pictures(images[~is_test], labels[~is_test]),
        held_out=Pictures(images[:0], labels[:0]),
        training_files=tuple(file for file, is_out in zip(files, is_test, strict=True) if not is_out),
        held_out_files=(),
    )
    return learned, Pictures(images[is_test], labels[is_test])


def _labels(known: People) -> Array:
    return np.concatenate([known.training.labels, known.held_out.labels])


def _files(known: People) -> tuple[Path, ...]:
    return known.training_files + known.held_out_files


def _known_only(probes: Probes) -> Pictures:
    is_known = probes.pictures.labels != STRANGER
    return Pictures(probes.pictures.images[is_known], probes.pictures.labels[is_known])
