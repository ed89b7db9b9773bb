"""Any folder of pictures as a labeled set: a sub-folder for each class, split for training and test if need be."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import EXTENSIONS, File, list_classes, shown
from glassnet.data.pictures import LabeledPictures, Pictures, decode, quiet, read_content, shorter_side_px
from glassnet.errors import DataError

TEST_SHARE = 0.2
SMALL_PX, LARGE_PX = 32, 64
# Pictures with a shorter side below this gain nothing from the larger size.
LARGE_FROM_PX = 48
SIZED_PICTURES = 1000
# Held twice while they are sorted, so that loading takes at most some 4 GB.
MAX_PIXEL_BYTES = 2**31
MAX_THREADS = 8
MAX_NOTICES = 20


@dataclass(frozen=True)
class Read:
    """A picture read: where it comes from, a sum of its file, and its pixels (3, S, S)."""

    file: File
    digest: bytes
    pixels: NDArray[np.uint8]


def load(path: Path, size_px: int | None = None) -> LabeledPictures:
    """The pictures of a folder as squares of `size_px`, in color, ordered by class and by name.

    Classes are sub-folders, sorted by name; what they hold may be nested. With `train` and `test` (or `val`,
    `validation`) in the folder, the classes are in these; without them, about 1 picture in 5 is held out for the
    test, see `_held_out`. Without a size: 32 where half of the pictures have a shorter side below 48 pixels, else 64.
    """
    listing = list_classes(path)
    files = listing.training + (listing.test or [])
    notices = list(listing.notices)
    with quiet():
        size_px = _fitting_size_px(files) if size_px is None else size_px
        _refuse_too_many(files, size_px, path)
        pictures = _read_all(files, size_px, notices)
    if listing.test is None:
        training, test = _split(pictures)
    else:
        among_test = set(listing.test)
        training = [picture for picture in pictures if picture.file not in among_test]
        test = [picture for picture in pictures if picture.file in among_test]
    return _labeled(path, training, test, notices)


def _labeled(path: Path, training: list[Read], test: list[Read], notices: list[str]) -> LabeledPictures:
    classes = tuple(sorted({picture.file.class_name for picture in training}))
    if len(classes) < 2:
        raise _refusal(path, f"readable pictures of {' and '.join(classes) or 'none'} only{_first(notices)}")
    test = _only_known(_only_unseen(test, training, notices), classes, notices)
    if not test:
        raise _refusal(path, "none left for the test: one needs a class with two different pictures at least")
    source = (
        f"{len(training):,} + {len(test):,} pictures of {len(classes)} classes from {shown(path)}, "
        f"{training[0].pixels.shape[-1]} pixels wide"
    )
    return LabeledPictures(_stacked(training, classes), _stacked(test, classes), classes, source, tuple(notices))


def _fitting_size_px(files: Sequence[File]) -> int:
    some = files[:: max(1, len(files) // SIZED_PICTURES)]
    sides = []
    for file in some:
        try:
            sides.append(shorter_side_px(file.path))
        except DataError:
            # Read again below, and noticed there.
            continue
    return SMALL_PX if sides and np.median(sides) < LARGE_FROM_PX else LARGE_PX


def _refuse_too_many(files: Sequence[File], size_px: int, path: Path) -> None:
    pixel_bytes = len(files) * 3 * size_px**2
    if pixel_bytes > MAX_PIXEL_BYTES:
        raise DataError(
            f"expected pictures that fit into {MAX_PIXEL_BYTES / 1e9:.1f} GB at {shown(path)}; got {len(files):,} of "
            f"{size_px}x{size_px} pixels, {pixel_bytes / 1e9:.1f} GB. To fix: choose a smaller size, or fewer pictures"
        )


def _read_all(files: Sequence[File], size_px: int, notices: list[str]) -> list[Read]:
    """All that can be read, in order; the rest goes to `notices` if its name says that it is a picture."""
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as threads:
        results = list(threads.map(lambda file: _read(file, size_px), files))
    failures = [
        f"{_name(file)}: left out, {result}"
        for file, result in zip(files, results, strict=True)
        if isinstance(result, str) and file.path.suffix.lower() in EXTENSIONS
    ]
    notices += _at_most(failures)
    return [result for result in results if not isinstance(result, str)]


def _read(file: File, size_px: int) -> Read | str:
    """The picture, or why there is none."""
    try:
        content = read_content(file.path)
        return Read(file, hashlib.sha256(content).digest(), decode(file.path, content, size_px))
    except DataError as error:
        return str(error).rsplit("; got ", 1)[-1].split(". To fix: ")[0]


def _split(pictures: Iterable[Read]) -> tuple[list[Read], list[Read]]:
    by_class: dict[str, list[Read]] = defaultdict(list)
    for picture in pictures:
        by_class[picture.file.class_name].append(picture)
    training: list[Read] = []
    test: list[Read] = []
    for of_class in by_class.values():
        held_out = _held_out(of_class)
        for picture in of_class:
            (test if picture.digest in held_out else training).append(picture)
    return training, test


def _held_out(pictures: Iterable[Read]) -> set[bytes]:
    """The sums of those pictures of one class that are for the test.

    Each name has, with its class, a number between 0 and 1, from a hash, and is for the test below 0.2. So what a
    picture is for does not depend on which others there are, with two exceptions: copies go together, to training if
    one of them does; and where all would be on one side, the picture nearest to the border is on the other, until a
    name comes that needs no such help.
    """
    numbers: dict[bytes, float] = {}
    for picture in pictures:
        numbers[picture.digest] = max(numbers.get(picture.digest, 0.0), _number(picture.file))
    ordered = sorted(numbers, key=lambda digest: numbers[digest])
    count = sum(number < TEST_SHARE for number in numbers.values())
    return set(ordered[: min(max(count, 1), len(ordered) - 1)])


def _number(file: File) -> float:
    # With the class, since cameras and people give the pictures of every class the same names. Some systems take names
    # apart into letters and accents, some do not.
    normal = unicodedata.normalize("NFC", f"{file.class_name}/{file.name}").encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(normal).digest()[:8]) / 2**64


def _only_unseen(test: list[Read], training: list[Read], notices: list[str]) -> list[Read]:
    """A test on what was trained on would prove nothing."""
    seen = {picture.digest for picture in training}
    copies = [picture for picture in test if picture.digest in seen]
    notices += _at_most([f"{_name(copy.file)}: left out of the test, it is in training" for copy in copies])
    return [picture for picture in test if picture.digest not in seen]


def _only_known(test: list[Read], classes: tuple[str, ...], notices: list[str]) -> list[Read]:
    unknown = sorted({picture.file.class_name for picture in test} - set(classes))
    notices += [f"{name}: left out of the test, no picture of it is in training" for name in unknown]
    return [picture for picture in test if picture.file.class_name in classes]


def _stacked(pictures: Sequence[Read], classes: tuple[str, ...]) -> Pictures:
    number = {name: label for label, name in enumerate(classes)}
    labels = np.array([number[picture.file.class_name] for picture in pictures], np.int64)
    return Pictures(np.stack([picture.pixels for picture in pictures]), labels)


def _name(file: File) -> str:
    return f"{file.class_name}/{shown(Path(file.name))}"


def _at_most(lines: list[str]) -> list[str]:
    more = len(lines) - MAX_NOTICES
    return lines if more <= 0 else [*lines[:MAX_NOTICES], f"and {more:,} more of this kind"]


def _first(notices: list[str]) -> str:
    return f" ({notices[0]})" if notices else ""


def _refusal(path: Path, got: str) -> DataError:
    return DataError(
        f"expected readable pictures of two or more classes in {shown(path)}, a sub-folder for each class; got {got}. "
        "To fix: add pictures"
    )
