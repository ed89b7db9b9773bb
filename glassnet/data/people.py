"""A folder of photos, a sub-folder for each person, as faces to train on, to choose a threshold with, and to test."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data import att
from glassnet.data.classfolders import File, list_files, shown, split_folders
from glassnet.data.facecrop import FACE_SHAPE, Framing, Sighting, choose_framing, cut_face, sight
from glassnet.data.facefinder import INSTALL, missing
from glassnet.data.pictures import Pictures, read_content
from glassnet.data.reading import Read, at_most, in_threads, name_of, read_all, reason_of, share_of, unreadable
from glassnet.errors import DataError

STRANGER = -1
NO_FACE = "no face found in it"
HELD_OUT_DIVISOR, HELD_OUT_FROM = 10, 8
SIGHTED_PHOTOS = 200


@dataclass(frozen=True)
class People:
    """Faces to train on; `names[label]` is the person of a label."""

    training: Pictures
    held_out: Pictures
    """About one in ten, to choose a threshold by and to watch the training; maybe none."""
    training_files: tuple[Path, ...]
    held_out_files: tuple[Path, ...]
    names: tuple[str, ...]
    framing: Framing
    source: str
    """What the photos are and where they come from, in words."""
    notices: tuple[str, ...]
    """One line for each thing that was left out, and why."""


@dataclass(frozen=True)
class Probes:
    """Faces to test with: those of known persons with their labels, those of others with `STRANGER`."""

    pictures: Pictures
    files: tuple[Path, ...]
    source: str
    notices: tuple[str, ...]


def load(path: Path, crop: bool = True, framing: Framing | None = None) -> People:
    """The people of a folder, or of `train` in it, sorted by name.

    Without a framing: that which suits the photos, or with `crop` False each photo whole.
    """
    notices: list[str] = []
    folder, _ = split_folders(path, notices)
    files = list_files(folder, notices)
    framing = framing or _fitting(files, crop, notices)
    read = _faces(files, framing, notices)
    photos = _distinct(read, notices)
    held_out = _held_out(read, {photo.digest for photo in photos})
    names = tuple(sorted({photo.file.class_name for photo in photos}))
    empty = sorted({file.class_name for file in files} - set(names))
    notices += at_most([f"{name}: left out, no face of this person is left" for name in empty])
    if len(names) < 2:
        raise _refusal(path, f"faces of {names[0] if names else 'nobody'} only", "add photos of two people", notices)
    training = [photo for photo in photos if photo.digest not in held_out]
    others = [photo for photo in photos if photo.digest in held_out]
    source = f"{len(photos):,} photos of {len(names):,} people from {shown(path)}, {len(others):,} of them held out"
    return People(
        _pictures(training, names), _pictures(others, names), _paths(training), _paths(others), names, framing, source,
        tuple(notices),
    )  # fmt: skip


def load_test(path: Path, names: Sequence[str], framing: Framing, trained_on: Path | None = None) -> Probes:
    """The faces of `test` in a folder, of the folder itself if it has none; whoever is not of `names` is a stranger.

    Photos that are also in `trained_on` are left out; without it, those that are in `train` beside `test`.
    """
    notices: list[str] = []
    training, test = split_folders(path, notices)
    if trained_on is None and test is not None:
        trained_on = training
    files = list_files(test or path, notices, least=1)
    photos = _distinct(_faces(files, framing, notices), notices)
    if trained_on is not None:
        photos = _unseen(photos, trained_on, notices)
    if not photos:
        raise _refusal(path, "no face to test with", "add photos", notices)
    strangers = sum(photo.file.class_name not in names for photo in photos)
    source = f"{len(photos):,} photos from {shown(test or path)}, {strangers:,} of them of strangers"
    return Probes(_pictures(photos, names), _paths(photos), source, tuple(notices))


def read_faces(paths: Sequence[Path], framing: Framing) -> list[NDArray[np.uint8] | str]:
    """The face in each photo, (1, 80, 64), or why there is none, in order."""

    def read(path: Path) -> NDArray[np.uint8] | str:
        try:
            face = cut_face(path, read_content(path), framing)
        except DataError as error:
            return reason_of(error)
        return NO_FACE if face is None else face

    return in_threads(read, paths)


def find_default() -> Path:
    """The set of faces to train on if none is named."""
    return att.found()


def _fitting(files: Sequence[File], crop: bool, notices: list[str]) -> Framing:
    if not crop:
        return Framing("whole")
    reason = missing()
    if reason:
        notices.append(f"faces are not looked for, the photos are taken whole: {reason}; to change that: {INSTALL}")
        return Framing("whole")
    chosen = np.unique(np.linspace(0, len(files) - 1, min(len(files), SIGHTED_PHOTOS)).round().astype(int))
    sightings = in_threads(_sight, [files[number] for number in chosen.tolist()])
    readable = [sighting for sighting in sightings if sighting is not None]
    return choose_framing(readable) if readable else Framing("found")


def _sight(file: File) -> Sighting | None:
    try:
        return sight(file.path, read_content(file.path))
    except DataError:
        # Read again later, and noticed then.
        return None


def _faces(files: Sequence[File], framing: Framing, notices: list[str]) -> list[Read]:
    """Those of all photos; those without go to `notices`."""
    results = read_all(files, lambda path, content: cut_face(path, content, framing))
    notices += at_most(unreadable(files, results))
    faceless = [file for file, result in zip(files, results, strict=True) if result is None]
    notices += at_most([f"{name_of(file)}: left out, {NO_FACE}" for file in faceless])
    return [result for result in results if isinstance(result, Read)]


def _held_out(photos: Sequence[Read], kept: set[bytes]) -> set[bytes]:
    """Of the sums kept, those that are not trained on: a tenth of each person's, whose names have the least hashes."""
    by_person: dict[str, dict[bytes, float]] = defaultdict(dict)
    for photo in photos:
        if photo.digest in kept:
            numbers = by_person[photo.file.class_name]
            # Of copies the largest, so that a copy that comes later takes no photo out of the training.
            numbers[photo.digest] = max(numbers.get(photo.digest, 0.0), share_of(photo.file))
    held_out: set[bytes] = set()
    for numbers in by_person.values():
        count = max(len(numbers) // HELD_OUT_DIVISOR, int(len(numbers) >= HELD_OUT_FROM))
        held_out.update(sorted(numbers, key=lambda digest: numbers[digest])[:count])
    return held_out


def _distinct(photos: Sequence[Read], notices: list[str]) -> list[Read]:
    """Each photo once; none that has two names, since one of them is wrong."""
    copies: dict[bytes, list[Read]] = defaultdict(list)
    for photo in photos:
        copies[photo.digest].append(photo)
    distinct, doubtful, twice = [], [], []
    for same in copies.values():
        first, *others = (name_of(photo.file) for photo in same)
        if len({photo.file.class_name for photo in same}) > 1:
            doubtful.append(f"{' and '.join([first, *others])}: left out, the same photo under several names")
        else:
            distinct.append(same[0])
            twice += [f"{other}: left out, a copy of {first}" for other in others]
    notices += at_most(doubtful) + at_most(twice)
    return distinct


def _unseen(photos: Sequence[Read], trained_on: Path, notices: list[str]) -> list[Read]:
    """A test on what was trained on would prove nothing."""
    files = list_files(split_folders(trained_on, [])[0], [], least=1)
    seen = set(in_threads(_digest, files))
    copies = [photo for photo in photos if photo.digest in seen]
    notices += at_most([f"{name_of(copy.file)}: left out, it is in {shown(trained_on)}" for copy in copies])
    return [photo for photo in photos if photo.digest not in seen]


def _digest(file: File) -> bytes | None:
    try:
        return hashlib.sha256(read_content(file.path)).digest()
    except DataError:
        # Not readable, so not trained on either.
        return None


def _pictures(photos: Sequence[Read], names: Sequence[str]) -> Pictures:
    number = {name: label for label, name in enumerate(names)}
    images = np.array([photo.pixels for photo in photos], np.uint8).reshape(-1, 1, *FACE_SHAPE)
    return Pictures(images, np.array([number.get(photo.file.class_name, STRANGER) for photo in photos], np.int64))


def _paths(photos: Sequence[Read]) -> tuple[Path, ...]:
    return tuple(photo.file.path for photo in photos)


def _refusal(path: Path, got: str, fix: str, notices: Sequence[str]) -> DataError:
    first = f" ({notices[0]})" if notices else ""
    return DataError(
        f"expected photos with faces in {shown(path)}, a sub-folder for each person; got {got}{first}. To fix: {fix}"
    )
