"""Pictures to test a trained classifier on: the test set of its own data, or pictures from another place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path

import numpy as np

from glassnet.autodiff import Array
from glassnet.data import cifar10, labeled
from glassnet.data.classfolders import File, list_classes
from glassnet.data.folder import Loaded
from glassnet.data.pictures import Pictures, decode, quiet, read_content
from glassnet.data.stream import each
from glassnet.errors import DataError
from glassnet.tasks.classification import CIFAR10
from glassnet.training import Settings

_NUM_THREADS = 8


@dataclass(frozen=True)
class Unseen:
    """Pictures (N, C, H, W) with labels by the numbers of the classifier's classes."""

    pictures: Pictures
    source: str
    notices: tuple[str, ...]  # one line for each thing that was left out, and why


def own_test(settings: Settings, classes: Sequence[str], size_px: int) -> Unseen:
    """The test set that was held out when a training with these settings began. Raises DataError."""
    own = cifar10.load_test(settings.data) if settings.task == CIFAR10 else _own(settings, size_px)
    labels = _renumbered(own.classes, classes, settings.data)[own.test.labels]
    return Unseen(Pictures(own.test.images, labels), own.source, own.notices)


def other_test(data: str, settings: Settings, classes: Sequence[str], size_px: int) -> Unseen:
    """The test set at ``data``: for a network of CIFAR-10 one of its forms, for any network a folder of its classes.

    Of a folder with `train` and `test` in it, `test` counts, of another one all. Pictures that the network was trained
    on are left out. Raises DataError.
    """
    if settings.task == CIFAR10 and _is_cifar10(data):
        loaded = cifar10.load_test(data)
        return Unseen(loaded.test, loaded.source, loaded.notices)
    listing = list_classes(Path(data))
    files = listing.training if listing.test is None else listing.test
    names = sorted({file.class_name for file in files})
    number = dict(zip(names, _renumbered(names, classes, data).tolist(), strict=True))
    with quiet(), ThreadPoolExecutor(_NUM_THREADS) as threads:
        read = list(threads.map(lambda file: _read(file, size_px), files))
    notices = [*listing.notices, *(entry for entry in read if isinstance(entry, str))]
    seen = _trained_on(settings, size_px, notices)
    kept = [
        (image, number[file.class_name])
        for file, image in zip(files, read, strict=True)
        if not isinstance(image, str) and _digest(image) not in seen
    ]
    num_seen = sum(not isinstance(image, str) for image in read) - len(kept)
    if num_seen:
        notices.insert(0, f"pictures left out because the network was trained on them: {num_seen:,}")
    if not kept:
        reasons = f" ({notices[0]})" if notices else ""
        raise DataError(f"expected pictures to test on in {data}; got none{reasons}. To fix: choose another folder.")
    images, labels = zip(*kept, strict=True)
    pictures = Pictures(np.stack(images), np.array(labels, np.int64))
    return Unseen(pictures, f"{len(labels):,} pictures from {data}", tuple(notices))


def _own(settings: Settings, size_px: int) -> Loaded:
    if settings.task == CIFAR10:
        return cifar10.load(settings.data)
    assert settings.data is not None, settings
    return labeled.load(settings.data, size_px)


def _trained_on(settings: Settings, size_px: int, notices: list[str]) -> set[bytes]:
    """What stands for each picture that a training with these settings saw."""
    try:
        return {_digest(image) for image in each(_own(settings, size_px).training.images)}
    except DataError as error:
        notices.insert(0, f"whether the network was trained on some of these is unknown: {error}")
        return set()


def _digest(image: Array) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()


def _renumbered(names: Sequence[str], classes: Sequence[str], data: str | None) -> Array:
    """int64 (K,): for each name its number among the classes."""
    unknown = [name for name in names if name not in classes]
    if unknown:
        missing = [name for name in classes if name not in names]
        raise DataError(
            f"expected the classes that the network knows in {data}; got others ({_some(unknown)})"
            + (f", and none of {_some(missing)}" if missing else "")
            + ". To fix: rename its folders, or choose other --data."
        )
    return np.array([classes.index(name) for name in names], np.int64)


def _some(names: Sequence[str], num: int = 10) -> str:
    return ", ".join(names[:num]) + (f" and {len(names) - num} more" if len(names) > num else "")


def _read(file: File, size_px: int) -> Array | str:
    """The picture (3, S, S), or a notice of why it is left out."""
    try:
        return decode(file.path, read_content(file.path), size_px)
    except DataError as error:
        return f"{file.class_name}/{file.name}: left out: {error}"


def _is_cifar10(data: str) -> bool:
    """Whether this is to be read as the files of CIFAR-10, not as a folder of classes."""
    place = os.path.expanduser(data)
    names = ("cifar*", "data_batch_*", "test_batch*")
    return not os.path.isdir(place) or any(glob(os.path.join(escape(place), name)) for name in names)
