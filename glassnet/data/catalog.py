"""The data sets glassnet knows by name: what they are, where they lie here, how to get and check them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glassnet.data import att, cifar10, lfw, quickdraw
from glassnet.data.download import Progress
from glassnet.errors import DataError


@dataclass(frozen=True)
class DataSet:
    """One data set; `find` lists its files on this machine, `check` tells how one is good, or raises."""

    name: str
    what: str
    size_bytes: int
    license: str
    home: str
    find: Callable[[], list[Path]]
    get: Callable[[Progress | None], Path]
    check: Callable[[Path], str]


@dataclass(frozen=True)
class Finding:
    """One file that was checked: `verdict` says how it was found good, or what is wrong with it."""

    data_set: str
    path: Path
    is_good: bool
    verdict: str


DATA_SETS = (
    DataSet(
        name="houses",
        what="Quick, Draw! houses: drawings by players of a game, 28x28, gray",
        size_bytes=106_000_000,
        license="CC BY 4.0; this data made available by Google, Inc.",
        home="https://github.com/googlecreativelab/quickdraw-dataset",
        find=quickdraw.find,
        get=quickdraw.get,
        check=quickdraw.check,
    ),
    DataSet(
        name="cifar10",
        what="CIFAR-10: photos of ten kinds of things, 32x32, color",
        size_bytes=cifar10.ARCHIVE_BYTES,
        license="none is stated; cite A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
        home=cifar10.HOME,
        find=cifar10.find,
        get=cifar10.get,
        check=cifar10.check,
    ),
    DataSet(
        name="att",
        what="AT&T (ORL) faces: 40 persons, 10 photos of each, 92x112, gray",
        size_bytes=att.SET_BYTES,
        license="none is stated; credit Olivetti Research Laboratory; F. Samaria and A. Harter, 1994",
        home=att.HOME,
        find=att.find,
        get=att.get,
        check=att.check,
    ),
    DataSet(
        name="lfw",
        what="Labeled Faces in the Wild: photos from the news of 62 persons, 20 or more of each, 250x250",
        size_bytes=lfw.ARCHIVE_BYTES,
        license="none is stated, the photos are of news agencies; cite G. Huang et al., 2007",
        home=lfw.HOME,
        find=lfw.find,
        get=lfw.get,
        check=lfw.check,
    ),
)


def named(name: str) -> DataSet:
    """The data set of that name."""
    for data_set in DATA_SETS:
        if data_set.name == name:
            return data_set
    known = ", ".join(data_set.name for data_set in DATA_SETS)
    raise DataError(f"expected the name of a data set ({known}); got {name!r}. To fix: choose one of these")


def check_all() -> list[Finding]:
    """Check every file of every data set found on this machine."""
    return [_check(data_set, path) for data_set in DATA_SETS for path in data_set.find()]


def _check(data_set: DataSet, path: Path) -> Finding:
    try:
        return Finding(data_set.name, path, True, data_set.check(path))
    except DataError as error:
        return Finding(data_set.name, path, False, str(error))
