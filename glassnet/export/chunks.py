"""Examples as files that a page loads piece by piece: each a gzip of the array's bytes, photos as differences.

Neighboring pixels are alike, and so are the three colors of one: of the differences between them fewer bytes are left.
All of it is modulo 256, so that what was written is read again bit for bit.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from glassnet.autodiff import Array

DIFFERENCES = "differences"
_NUM_FIRST, _NUM_OTHERS = 500, 1_000  # a training begins when the first chunk is there
_LEVEL = 6  # the ones above take several times as long for less than a hundredth
_MOST_BEFOREHAND = 4


@dataclass(frozen=True)
class Chunk:
    """``count`` examples, as they are written to a file."""

    content: bytes
    count: int
    filter: str | None


def chunks_of(array: Array) -> Iterator[Chunk]:
    """The array in the order of its first axis; one of less than two axes is one chunk.

    uint8 (N, C, H, W) and (N, H, W) are pictures, written as differences.
    """
    bounds = _bounds(len(array)) if array.ndim > 1 else [0, len(array)]
    parts = [array[start:stop] for start, stop in pairwise(bounds)]
    with ThreadPoolExecutor() as threads:  # zlib lets others compute meanwhile
        for start in range(0, len(parts), _MOST_BEFOREHAND):
            yield from threads.map(encode, parts[start : start + _MOST_BEFOREHAND])


def encode(part: Array) -> Chunk:
    """These examples as one chunk."""
    is_picture = part.dtype == np.uint8 and part.ndim in (3, 4)
    content = differences(part) if is_picture else part
    data = np.ascontiguousarray(content, content.dtype.newbyteorder("<")).tobytes()
    return Chunk(gzip.compress(data, _LEVEL, mtime=0), len(part), DIFFERENCES if is_picture else None)


def decode(content: bytes, dtype: str, shape: tuple[int, ...], how: str | None) -> Array:
    """`encode` undone, for examples of that shape."""
    flat = np.frombuffer(zlib.decompress(content, wbits=31), np.dtype(dtype).newbyteorder("<"))
    array = flat.reshape(-1, *shape).astype(dtype)
    return restored(array) if how == DIFFERENCES else array


def differences(images: Array) -> Array:
    """uint8 (N, C, H, W) or (N, H, W): what each pixel differs by from the one above, and that from the one before."""
    differing = images.copy()
    if differing.ndim == 4 and differing.shape[1] == 3:
        differing[:, 0] -= differing[:, 1]
        differing[:, 2] -= differing[:, 1]
    for axis in (-2, -1):
        differing = np.diff(differing, axis=axis, prepend=np.uint8(0))
    return differing


def restored(differing: Array) -> Array:
    """`differences` undone."""
    images = differing
    for axis in (-1, -2):
        images = np.cumsum(images, axis=axis, dtype=np.uint8)
    if images.ndim == 4 and images.shape[1] == 3:
        images[:, 0] += images[:, 1]
        images[:, 2] += images[:, 1]
    return images


def _bounds(num: int) -> list[int]:
    return [0, *range(_NUM_FIRST, num, _NUM_OTHERS), num] if num else [0, 0]
