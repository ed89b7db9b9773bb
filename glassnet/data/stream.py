"""Pictures that are read from their files when a batch wants them: for sets that are larger than memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import File, Files
from glassnet.data.processes import Processes

Decoder: TypeAlias = Callable[[Sequence[Path]], Sequence[NDArray[np.uint8] | str]]
"""Pictures of one shape, in the order of their paths, or in place of one the reason why it cannot be read.

A path is that of a `File`: what it leads to, a file or a part of one, is between whoever lists them and the decoder.
"""
CHUNK = 64
"""Pictures that a process reads at a time: a batch of twice as many keeps two of them busy."""


@dataclass(frozen=True)
class Decoded:
    """Pictures (N, C, H, W), and by its place the reason for each that could not be read; its pixels are 0."""

    images: NDArray[np.uint8]
    reasons: dict[int, str]

    def is_read(self) -> NDArray[np.bool_]:
        """(N,)"""
        is_read = np.ones(len(self.images), bool)
        is_read[list(self.reasons)] = False
        return is_read


@dataclass(frozen=True)
class Reading:
    """Pictures on their way."""

    chunks: list[Future[Decoded]]

    def result(self) -> Decoded:
        """All of them, waited for. Raises DataError if a process that reads them has ended."""
        parts = [chunk.result() for chunk in self.chunks]
        reasons = {i * CHUNK + place: text for i, part in enumerate(parts) for place, text in part.reasons.items()}
        return Decoded(np.concatenate([part.images for part in parts]), reasons)


class Stream:
    """Pictures (N, C, H, W) in files: it has the shape and dtype of an array, and reads what is asked for.

    Processes that read start at the first question and end with `close`; a later question starts new ones.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, files: Files, decoder: Decoder, picture_shape: tuple[int, ...], num_processes: int | None = None
    ):
        self.shape = (len(files), *picture_shape)
        self.num_processes = num_processes  # one for each core if it is None
        self._files, self._decoder = files, decoder
        self._started: Processes[Decoded] | None = None

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, indices: NDArray[np.int64]) -> Stream:
        """Those pictures, some maybe several times, as a stream of their own; nothing is read."""
        return Stream(self._files[indices], self._decoder, self.shape[1:], self.num_processes)

    def file(self, index: int) -> File:
        """Where a picture is from."""
        return self._files[index]

    def start(self, indices: NDArray[np.int64]) -> Reading:
        """Begin to read these pictures, (N,), N > 0."""
        return Reading([self._processes().submit(chunk) for chunk in self._chunks(indices)])

    def parts(self, indices: NDArray[np.int64]) -> Iterator[Decoded]:
        """These pictures, `CHUNK` at a time, of which few are in memory."""
        return self._processes().map(self._chunks(indices))

    def pids(self) -> list[int]:
        """Of the processes that read now."""
        return [] if self._started is None else self._started.pids()

    def close(self) -> None:
        """End the processes."""
        if self._started is not None:
            self._started.close()
            self._started = None

    def _processes(self) -> Processes[Decoded]:
        if self._started is None:
            self._started = Processes(partial(decoded, decoder=self._decoder, shape=self.shape[1:]), self.num_processes)
        return self._started

    def _chunks(self, indices: NDArray[np.int64]) -> Iterator[Callable[[], list[str]]]:
        for i in range(0, len(indices), CHUNK):
            yield partial(self._paths, indices[i : i + CHUNK].tolist())

    def _paths(self, indices: list[int]) -> list[str]:
        return [os.fspath(self._files[index].path) for index in indices]


def decoded(paths: Sequence[str], decoder: Decoder, shape: tuple[int, ...]) -> Decoded:
    """What the decoder makes of the files, in one array; called in the processes."""
    images = np.zeros((len(paths), *shape), np.uint8)
    reasons: dict[int, str] = {}
    for place, result in enumerate(decoder([Path(path) for path in paths])):
        if isinstance(result, str):
            reasons[place] = result
        else:
            images[place] = result
    return Decoded(images, reasons)


def sample(images: NDArray[np.uint8] | Stream, num: int) -> NDArray[np.uint8]:
    """At most so many of the pictures, from all over, since in a folder they lie class by class."""
    indices = np.arange(0, len(images), max(1, -(-len(images) // num)))
    return readable(images, indices)[0]


def readable(
    images: NDArray[np.uint8] | Stream, indices: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Those of the pictures that can be read, and which these are."""
    if isinstance(images, np.ndarray):
        return images[indices], indices
    with closing(images):
        some, reasons = read(images, indices)
    return some, np.delete(indices, list(reasons))


def read(stream: Stream, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Those of the pictures that can be read, in order, and the reason for each other by its place in `indices`."""
    images = np.empty((len(indices), *stream.shape[1:]), np.uint8)
    reasons: dict[int, str] = {}
    num_read = place = 0
    for part in stream.parts(indices):
        good = part.images[part.is_read()]
        images[num_read : num_read + len(good)] = good
        reasons |= {place + inside: text for inside, text in part.reasons.items()}
        num_read, place = num_read + len(good), place + len(part.images)
    return images[:num_read], reasons


def each(images: NDArray[np.uint8] | Stream) -> Iterator[NDArray[np.uint8]]:
    """Every picture that can be read, (C, H, W), few of them in memory."""
    if isinstance(images, np.ndarray):
        yield from images
    else:
        with closing(images):
            for part in images.parts(np.arange(len(images))):
                yield from part.images[part.is_read()]
