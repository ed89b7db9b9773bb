"""The pictures of a folder read by several threads, and what is wrong with them, said in a few lines."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import EXTENSIONS, File, shown
from glassnet.data.pictures import quiet, read_content
from glassnet.errors import DataError

Given = TypeVar("Given")
Made = TypeVar("Made")

MAX_THREADS = 8
MAX_NOTICES = 20


@dataclass(frozen=True)
class Read:
    """A picture read: where it comes from, a sum of its file, and its pixels (C, H, W)."""

    file: File
    digest: bytes
    pixels: NDArray[np.uint8]


def read_all(
    files: Sequence[File], decode: Callable[[Path, bytes], NDArray[np.uint8] | None]
) -> list[Read | str | None]:
    """Each picture, or why it cannot be read, or None where `decode` makes nothing of its content, in order."""

    def read(file: File) -> Read | str | None:
        try:
            content = read_content(file.path)
            pixels = decode(file.path, content)
        except DataError as error:
            return reason_of(error)
        return None if pixels is None else Read(file, hashlib.sha256(content).digest(), pixels)

    return in_threads(read, files)


def in_threads(function: Callable[[Given], Made], values: Iterable[Given]) -> list[Made]:
    """What the function makes of each, in order; without Pillow's warnings."""
    with quiet(), ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as threads:
        return list(threads.map(function, values))


def reason_of(error: DataError) -> str:
    """What came instead of a picture, in a few words."""
    return str(error).rsplit("; got ", 1)[-1].split(". To fix: ")[0]


def unreadable(files: Iterable[File], results: Sequence[Read | str | None]) -> list[str]:
    """A line for each that could not be read though its name says that it is a picture."""
    return [
        f"{name_of(file)}: left out, {result}"
        for file, result in zip(files, results, strict=True)
        if isinstance(result, str) and Path(file.name).suffix.lower() in EXTENSIONS
    ]


def name_of(file: File) -> str:
    """How a file is called in a notice."""
    return f"{file.class_name}/{shown(Path(file.name))}"


def at_most(lines: list[str]) -> list[str]:
    """The first of them, and how many there are besides."""
    more = len(lines) - MAX_NOTICES
    return lines if more <= 0 else [*lines[:MAX_NOTICES], f"and {more:,} more of this kind"]


def share_of(file: File) -> float:
    """A number from 0 to 1, by a hash of the file's class and name, that says what a picture is for."""
    # With the class, since cameras and people give the pictures of every class the same names. Some systems take names
    # apart into letters and accents, some do not.
    normal = unicodedata.normalize("NFC", f"{file.class_name}/{file.name}").encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(normal).digest()[:8]) / 2**64
