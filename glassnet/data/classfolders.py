"""Which files of a folder belong to which class, and to which split if the folder says so."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Listing:
    """Files by class and name; `test` is None where the folder does not say which they are."""

    training: list[File]
    test: list[File] | None
    notices: list[str]


def list_classes(folder: Path) -> Listing:
    """Look through a folder of classes, or one of `train` and `test` with classes in them."""
    notices: list[str] = []
    inner = {path.name: path for path in _folders_in(folder, notices)}
    if list(inner) == [TRAINING_NAME]:
        return list_classes(inner[TRAINING_NAME])
    held_out = [name for name in TEST_NAMES if name in inner]
    if TRAINING_NAME not in inner or not held_out:
        return Listing(_files_by_class(list(inner.values()), folder, notices), None, notices)
    others = sorted(inner.keys() - {TRAINING_NAME, held_out[0]})
    if others:
        notices.append(f"{', '.join(others)}: left out, beside {TRAINING_NAME} and {held_out[0]}")
    training, test = (
        _files_by_class(_folders_in(inner[name], notices), inner[name], notices)
        for name in (TRAINING_NAME, held_out[0])
    )
    return Listing(training, test, notices)


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


def _files_by_class(classes: list[Path], folder: Path, notices: list[str]) -> list[File]:
    if len(classes) < 2:
        got = f"only one, {shown(Path(classes[0].name))}" if classes else "a folder without sub-folders"
        raise _refusal(folder, got, "make one sub-folder for each class, and put its pictures there")
    files = {path: _files_of_class(path, notices) for path in classes}
    notices += [f"{shown(Path(path.name))}: left out, no picture in it" for path in classes if not files[path]]
    return [file for path in classes for file in files[path]]


def _files_of_class(folder: Path, notices: list[str]) -> list[File]:
    def note(error: OSError) -> None:
        notices.append(f"{shown(Path(error.filename or folder))}: left out, {error.strerror}")

    found: list[File] = []
    # Links to folders are not followed further down: a link to / would be a walk through the machine.
    for inside, folders, names in os.walk(folder, onerror=note):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for path in (Path(inside, name) for name in names if not _is_hidden(name)):
            if _looks_like_a_picture(path, note):
                found.append(File(path, shown(Path(folder.name)), path.relative_to(folder).as_posix()))
    return sorted(found, key=lambda file: file.name)


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
    """A name as text that can be printed, whatever bytes it was made of."""
    return os.fsencode(path).decode("utf-8", "replace")


def _refusal(folder: Path, got: str, fix: str) -> DataError:
    return DataError(
        f"expected a folder with a sub-folder of pictures for each of two or more classes at {shown(folder)}; "
        f"got {got}. To fix: {fix}"
    )
