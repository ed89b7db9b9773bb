"""A folder of more photos of people than fit into memory: their faces are cut when they are needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data import people
from glassnet.data.classfolders import FileList, by_class, list_files, shown, split_folders
from glassnet.data.facecrop import FACE_SHAPE, Framing
from glassnet.data.folder import MAX_PIXEL_BYTES, TEST_BYTES_DIVISOR
from glassnet.data.people import People
from glassnet.data.pictures import Pictures, StreamedPictures
from glassnet.data.reading import Read, at_most
from glassnet.data.stream import Stream
from glassnet.data.summing import summed
from glassnet.data.testset import read_test

_SHAPE = (1, *FACE_SHAPE)
_NO_PIXELS = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class ManyPeople:
    """Faces as `People`, of which those to train on do not fit into memory."""

    training: StreamedPictures
    held_out: Pictures
    names: tuple[str, ...]
    framing: Framing
    source: str
    notices: tuple[str, ...]


def load(
    path: Path, crop: bool = True, framing: Framing | None = None, max_pixel_bytes: int = MAX_PIXEL_BYTES
) -> People | ManyPeople:
    """The people of a folder, or of `train` in it; of more faces than so many bytes those to train on as a `Stream`.

    Photos without a face are then found only when they are read.
    """
    notices: list[str] = []
    folder, _ = split_folders(path, notices)
    files = list_files(folder, notices)
    if len(files) * int(np.prod(_SHAPE)) <= max_pixel_bytes:
        return people.load(path, crop, framing)
    framing = framing or people._fitting(files, crop, notices)
    if framing.kind == "found":
        notices.append("the face of every photo is looked for each time it is trained on, which is slow")
    rows, sums = summed(files, notices)
    files = files[rows]
    is_kept = _is_distinct(files, sums, notices)
    is_held_out = _is_held_out(files, sums, is_kept)
    training, held_out = files[np.flatnonzero(is_kept & ~is_held_out)], files[np.flatnonzero(is_held_out)]
    before, _ = files.classes()
    names, labels = files[np.flatnonzero(is_kept)].classes()
    gone = sorted(set(before) - set(names))
    notices += at_most([f"{name}: left out, no photo of this person is left" for name in gone])
    if len(names) < 2:
        raise people._refusal(
            path, f"photos of {names[0] if names else 'nobody'} only", "add photos of two people", notices
        )
    is_held_out = is_held_out[is_kept]
    decoder = partial(people.read_faces, framing=framing)
    kept = read_test(held_out, labels[is_held_out], max_pixel_bytes // TEST_BYTES_DIVISOR, decoder, _SHAPE, notices)
    source = (
        f"{len(labels):,} photos of {len(names):,} people from {shown(path)}, {len(held_out):,} of them held out, "
        "read from their files while training"
    )
    faces = StreamedPictures(Stream(training, decoder, _SHAPE), labels[~is_held_out])
    return ManyPeople(faces, kept, tuple(names), framing, source, tuple(notices))


def _is_distinct(files: FileList, sums: NDArray[np.uint64], notices: list[str]) -> NDArray[np.bool_]:
    """(N,): of copies one, and none under two names, as in a small set."""
    _, content_of, counts = np.unique(sums, return_inverse=True, return_counts=True)
    is_distinct = counts[content_of] == 1
    copies = np.flatnonzero(~is_distinct)
    kept = {read.file for read in people._distinct(_as_read(files, sums, copies), notices)}
    is_distinct[copies] = [files[row] in kept for row in copies.tolist()]
    return is_distinct


def _is_held_out(files: FileList, sums: NDArray[np.uint64], is_kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,): of the photos kept about one in ten, person by person, as in a small set."""
    is_held_out = np.zeros(len(files), bool)
    for rows in by_class(files):
        photos = _as_read(files, sums, rows)
        kept = {photo.digest for photo, is_one in zip(photos, is_kept[rows], strict=True) if is_one}
        chosen = people._held_out(photos, kept)
        is_held_out[rows] = [photo.digest in chosen for photo in photos]
    return is_held_out & is_kept


def _as_read(files: FileList, sums: NDArray[np.uint64], rows: NDArray[np.int64]) -> list[Read]:
    """Of a few files, without their pixels."""
    return [Read(files[row], int(sums[row]).to_bytes(8), _NO_PIXELS) for row in rows.tolist()]
