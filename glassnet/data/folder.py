"""Any folder of pictures as a labeled set: a sub-folder for each class, split for training and test if need be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import FileList, Files, list_classes, shown
from glassnet.data.pictures import (
    LabeledPictures,
    LargeLabeledPictures,
    Pictures,
    StreamedPictures,
    decode,
    quiet,
    read_content,
    shorter_side_px,
)
from glassnet.data.reading import Read, at_most, read_all, reason_of, unreadable
from glassnet.data.stream import Decoder, Stream
from glassnet.data.summing import summed
from glassnet.data.testset import Parts, divide, read_test
from glassnet.errors import DataError

Loaded: TypeAlias = LabeledPictures | LargeLabeledPictures
SMALL_PX, LARGE_PX = 32, 64
# Pictures with a shorter side below this gain nothing from the larger size.
LARGE_FROM_PX = 48
SIZED_PICTURES = 1000
# Held twice while they are sorted, so that loading takes at most some 4 GB. What is more is read while training.
MAX_PIXEL_BYTES = 2**31
TEST_BYTES_DIVISOR = 8


def load(path: Path, size_px: int | None = None, max_pixel_bytes: int = MAX_PIXEL_BYTES) -> Loaded:
    """The pictures of a folder as squares of `size_px`, in color, ordered by class and by name.

    Classes are sub-folders, sorted by name; what they hold may be nested. With `train` and `test` (or `val`,
    `validation`) in the folder, the classes are in these; without them, about 1 picture in 5 is held out for the
    test. Without a size: 32 where half of the pictures have a shorter side below 48 pixels, else 64.

    Those of more pixels than `max_pixel_bytes` stay in their files: of the test as many are read as fit into an eighth
    of it, the training is a `Stream`.
    """
    listing = list_classes(path)
    files = listing.training if listing.test is None else listing.training + listing.test
    is_test = None if listing.test is None else np.arange(len(files)) >= len(listing.training)
    notices = list(listing.notices)
    side_px = _fitting_size_px(files) if size_px is None else size_px
    if len(files) * 3 * side_px**2 <= max_pixel_bytes:
        results = read_all(files, lambda path, content: decode(path, content, side_px))
        return in_arrays(shown(path), files, results, is_test, side_px, notices)
    rows, sums = summed(files, notices)
    decoder = partial(read_squares, size_px=side_px)
    kept = None if is_test is None else is_test[rows]
    max_test_bytes = max_pixel_bytes // TEST_BYTES_DIVISOR
    return in_stream(shown(path), files[rows], sums, kept, decoder, side_px, max_test_bytes, notices)


def read_squares(paths: Sequence[Path], size_px: int) -> list[NDArray[np.uint8] | str]:
    """The middle of each picture, (3, size_px, size_px), or why there is none, in order."""

    def read(path: Path) -> NDArray[np.uint8] | str:
        try:
            return decode(path, read_content(path), size_px)
        except DataError as error:
            return reason_of(error)

    with quiet():
        return [read(path) for path in paths]


def in_arrays(
    place: str,
    files: Files,
    results: Sequence[Read | str | None],
    is_test: NDArray[np.bool_] | None,
    size_px: int,
    notices: list[str],
) -> LabeledPictures:
    """The set of the files of a place that were read, or why one was not; `is_test` where it is known, (N,)."""
    notices += at_most(unreadable(files, results))
    read = [result for result in results if isinstance(result, Read)]
    rows = np.array([row for row, result in enumerate(results) if isinstance(result, Read)], np.int64)
    sums = np.array([int.from_bytes(picture.digest[:8]) for picture in read], np.uint64)
    parts = _divided(place, files[rows], sums, None if is_test is None else is_test[rows], notices)

    def stacked(rows: NDArray[np.int64]) -> Pictures:
        return Pictures(np.stack([read[row].pixels for row in rows]), parts.labels[rows])

    source = _source(place, parts, len(parts.test), size_px)
    return LabeledPictures(stacked(parts.training), stacked(parts.test), parts.classes, source, tuple(notices))


def in_stream(
    place: str,
    files: Files,
    sums: NDArray[np.uint64],
    is_test: NDArray[np.bool_] | None,
    decoder: Decoder,
    size_px: int,
    max_test_bytes: int,
    notices: list[str],
) -> LargeLabeledPictures:
    """The set of files of which the sums (N,) of their contents are known; the training is read when it is needed."""
    parts, shape = _divided(place, files, sums, is_test, notices), (3, size_px, size_px)
    test = read_test(files[parts.test], parts.labels[parts.test], max_test_bytes, decoder, shape, notices)
    training = StreamedPictures(Stream(files[parts.training], decoder, shape), parts.labels[parts.training])
    source = f"{_source(place, parts, len(test.labels), size_px)}, read from their files while training"
    return LargeLabeledPictures(training, test, parts.classes, source, tuple(notices))


def _divided(
    place: str, files: Files, sums: NDArray[np.uint64], is_test: NDArray[np.bool_] | None, notices: list[str]
) -> Parts:
    parts = divide(files, sums, is_test, notices)
    reason = f" ({notices[0]})" if notices else ""
    if len(parts.classes) < 2:
        raise _refusal(place, f"readable pictures of {' and '.join(parts.classes) or 'none'} only{reason}")
    if not len(parts.test):
        raise _refusal(place, "none left for the test: one needs a class with two different pictures at least")
    return parts


def _source(place: str, parts: Parts, num_test: int, size_px: int) -> str:
    return (
        f"{len(parts.training):,} + {num_test:,} pictures of {len(parts.classes)} classes from {place}, "
        f"{size_px} pixels wide"
    )


def _fitting_size_px(files: FileList) -> int:
    sides = []
    with quiet():
        for file in files[:: sizing_step(len(files))]:
            try:
                sides.append(shorter_side_px(file.path))
            except DataError:
                # Read again later, and noticed then.
                continue
    return size_for(sides)


def sizing_step(num: int) -> int:
    """Of so many pictures each so manyth is looked at."""
    return max(1, num // SIZED_PICTURES)


def size_for(sides: Sequence[int] | NDArray[np.int32]) -> int:
    """Of pictures of which the shorter sides are these."""
    return SMALL_PX if len(sides) and np.median(sides) < LARGE_FROM_PX else LARGE_PX


def _refusal(place: str, got: str) -> DataError:
    return DataError(
        f"expected readable pictures of two or more classes in {place}, a sub-folder for each class; got {got}. "
        "To fix: add pictures"
    )
