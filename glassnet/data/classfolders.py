"""Which files of a folder belong to which class, and to which split if the folder says so."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError

TRAINING_NAME, TEST_NAMES = "train", ("test", "val", "validation")
EXTENSIONS = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".pgm", ".ppm", ".pbm", ".pnm"}
BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"BM", b"GIF8", *(b"P%d" % number for number in range(1, 7)))


@dataclass(frozen=True)
class File:
    """A file that looks like a picture."""

    path: Path
    class_name: str
    name: str
    """Relative to the folder of the class, with slashes, on every system."""


class Files(Protocol):
    """Pictures in an order, of which each is made when it is asked for; what `FileList` is."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[File]: ...
    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice | NDArray[np.int64]) -> Files: ...
    def classes(self) -> tuple[list[str], NDArray[np.int64]]:
        """The names of the classes that have a picture, sorted, and the number (N,) of each one's class among them."""


def by_class(files: Files) -> Iterator[NDArray[np.int64]]:
    """Of each class, in the order of the names, which pictures are in it."""
    _, class_of = files.classes()
    yield from np.split(np.argsort(class_of, kind="stable"), np.cumsum(np.bincount(class_of))[:-1])


@dataclass(frozen=True, eq=False)
class FileList(Sequence[File]):
    """Files by class and name, each made when it is asked for: a million of them would take a gigabyte."""

    folders: tuple[Path, ...]
    """Of classes."""
    names: bytes
    """Of all files, one after the other."""
    places: NDArray[np.int64]
    """(N, 3): where the name begins, where it ends, and the number of the folder."""

    @classmethod
    def of(cls, names: Iterable[tuple[Path, Sequence[str]]]) -> FileList:
        """From the folder of each class and the names of its files."""
        folders: list[Path] = []
        encoded, places = bytearray(), [np.empty((0, 3), np.int64)]
        for number, (folder, inside) in enumerate(names):
            parts = [os.fsencode(name) for name in inside]
            ends = len(encoded) + np.cumsum([0, *map(len, parts)], dtype=np.int64)
            places.append(np.stack([ends[:-1], ends[1:], np.full(len(parts), number)], axis=1))
            folders.append(folder)
            encoded += b"".join(parts)
        return cls(tuple(folders), bytes(encoded), np.concatenate(places))

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice | NDArray[np.int64]) -> FileList: ...
    def __getitem__(self, index: int | slice | NDArray[np.int64]) -> File | FileList:
        if isinstance(index, slice | np.ndarray):
            return FileList(self.folders, self.names, self.places[index])
        begin, end, number = self.places[index].tolist()
        folder, name = self.folders[number], os.fsdecode(self.names[begin:end])
        return File(folder / name, shown(Path(folder.name)), name)

    def __add__(self, other: FileList) -> FileList:
        behind = [len(self.names), len(self.names), len(self.folders)]
        return FileList(
            self.folders + other.folders, self.names + other.names, np.concatenate([self.places, other.places + behind])
        )

    def classes(self) -> tuple[list[str], NDArray[np.int64]]:
        """The names of the classes that have a file, sorted, and the number (N,) of each file's class among them."""
        used, folder_of = np.unique(self.places[:, 2], return_inverse=True)
        names, class_of = np.unique([shown(Path(self.folders[number].name)) for number in used], return_inverse=True)
        return names.tolist(), class_of.astype(np.int64)[folder_of]


@dataclass(frozen=True)
class Listing:
    """Files by class and name; `test` is None where the folder does not say which they are."""

    training: FileList
    test: FileList | None
    notices: list[str]


def list_classes(folder: Path) -> Listing:
    """Look through a folder of classes, or one of `train` and `test` with classes in them."""
    notices: list[str] = []
    training, test = split_folders(folder, notices)
    return Listing(list_files(training, notices), None if test is None else list_files(test, notices), notices)


def split_folders(folder: Path, notices: list[str]) -> tuple[Path, Path | None]:
    """Where the classes for training lie, and where those for the test if the folder says so."""
    others: list[str] = []
    inner = {path.name: path for path in _folders_in(folder, others)}
    if list(inner) == [TRAINING_NAME]:
        return split_folders(inner[TRAINING_NAME], notices)
    held_out = [name for name in TEST_NAMES if name in inner]
    if TRAINING_NAME not in inner or not held_out:
        return folder, None
    notices += others
    beside = sorted(inner.keys() - {TRAINING_NAME, held_out[0]})
    if beside:
        notices.append(f"{', '.join(beside)}: left out, beside {TRAINING_NAME} and {held_out[0]}")
    return inner[TRAINING_NAME], inner[held_out[0]]


def list_files(folder: Path, notices: list[str], least: int = 2) -> FileList:
    """The files of a folder of classes, of which there must be so many."""
    classes = _folders_in(folder, notices)
    if len(classes) < least:
        got = f"only one, {shown(Path(classes[0].name))}" if classes else "a folder without sub-folders"
        raise _refusal(folder, got, "make one sub-folder for each class, and put its pictures there")
    files = {path: _files_of_class(path, notices) for path in classes}
    notices += [f"{shown(Path(path.name))}: left out, no picture in it" for path in classes if not files[path]]
    return FileList.of(files.items())


def _folders_in(folder: Path, notices: list[str]) -> list[Path]:
    """The folders inside one, by name, without hidden ones and those that lead back up."""
    try:
        folder = folder.expanduser()
        if not folder.is_dir():
            raise _refusal(folder, "a file" if folder.exists() else "nothing there", "give the path of such a folder")
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and not _is_hidden(path.name))
        above = {folder.resolve(), *folder.resolve().parents}
        loops = [path for path in inner if path.resolve() in above]
    # A folder that may not be listed, a name too long or with a null byte in it, the home of nobody, links in a ring.
    except (OSError, ValueError, RuntimeError) as error:
        raise _refusal(folder, f"a path that cannot be used ({error})", "check its name and permissions") from error
    notices += [f"{shown(path)}: left out, a link to a folder that it lies in" for path in loops]
    return [path for path in inner if path not in loops]


def _files_of_class(folder: Path, notices: list[str]) -> list[str]:
    """Their names, sorted, relative to the folder, with slashes."""

    def note(error: OSError) -> None:
        notices.append(f"{shown(Path(error.filename or folder))}: left out, {error.strerror}")

    found: list[str] = []
    # Links to folders are not followed further down: a link to / would be a walk through the machine.
    for inside, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for path in (Path(inside, name) for name in names if not _is_hidden(name)):
            if _looks_like_a_picture(path, note):
                found.append(path.relative_to(folder).as_posix())
    return sorted(found)


def _looks_like_a_picture(path: Path, note: Callable[[OSError], None]) -> bool:
    """By extension or by content, so that a damaged picture is noticed and a nameless one is found."""
    # A pipe would be waited on.
    if not path.is_file():
        return False
    if path.suffix.lower() in EXTENSIONS:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(BEGINNINGS)
    except OSError as error:
        note(error)
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def shown(path: Path) -> str:
    """A name as text that can be printed on one line, whatever bytes it was made of."""
    return shown_text(os.fsencode(path).decode("utf-8", "replace"))


def shown_text(text: str) -> str:
    """Text that can be printed on one line."""
    # Some systems take names apart into letters and accents, some do not.
    text = unicodedata.normalize("NFC", text)
    return "".join("\ufffd" if unicodedata.category(letter) == "Cc" else letter for letter in text)


def _refusal(folder: Path, got: str, fix: str) -> DataError:
    return DataError(
        f"expected a folder with a sub-folder of pictures for each of two or more classes at {shown(folder)}; "
        f"got {got}. To fix: {fix}"
    )
