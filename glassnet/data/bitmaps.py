"""Drawings from .npy files of unknown origin: a header is believed if the file is as long as it says.

Accepted: (N, 784) or (N, 28, 28); integers 0..255, or floats 0..1 or 0..255; background 0. Floats of which
none is above 1 are taken as 0..1. Nothing is ever unpickled.
"""

import math
import warnings
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from glassnet.data.raster import SIDE
from glassnet.errors import DataError

MAX_DRAWINGS = 1_000_000
# Converted so many at a time: a file of float64 is eight times what comes out.
CHUNK = 4096

# What numpy and the Python parser it uses say to bytes that are no header.
BROKEN_HEADER = (ValueError, KeyError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError)

STARTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a zip archive (or .npz)",
    b"\x1f\x8b": "gzip-compressed data",
    b"\x80": "a Python pickle",
    b"{": "JSON text",
    b"<": "HTML or XML text",
}


def read_bitmaps(path: Path, limit: int | None = None) -> NDArray[np.uint8]:
    """Read drawings, at most `limit` of them: (drawings, 28, 28), background 0, ink up to 255."""
    stored = map_bitmaps(path)
    count = len(stored) if limit is None else min(limit, len(stored))
    if count > MAX_DRAWINGS:
        raise _refusal(path, f"at most {MAX_DRAWINGS:,} drawings", f"{count:,}", "cut the file, or set a limit")
    stored = stored[:count]
    scale = _scale(path, stored)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for first in range(0, count, CHUNK):
        chunk = slice(first, first + CHUNK)
        images[chunk] = np.rint(stored[chunk].reshape(-1, SIDE, SIDE) * scale)
    _check_ink(path, images)
    return images


def map_bitmaps(path: Path) -> NDArray[Any]:
    """The array as it is stored, left on disk; only its header is checked."""
    # Headers written by Python 2 are read with a warning that concerns nobody here.
    with warnings.catch_warnings(action="ignore"):
        _check_header(path)
        stored: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return stored


def _check_header(path: Path) -> None:
    """Refuse a file whose header is none, is not one of drawings, or promises more bytes than there are."""
    shape, dtype, header_bytes = _header(path)
    if dtype.kind not in "uif":
        got = "Python objects" if dtype.hasobject else f"dtype {dtype}"
        raise _refusal(path, "integers or floats", got, "save numbers, as with astype(numpy.uint8)")
    if len(shape) < 2 or shape[1:] not in ((SIDE**2,), (SIDE, SIDE)):
        raise _refusal(path, "shape (N, 784) or (N, 28, 28)", f"{shape}", "reshape or resize the drawings")
    if shape[0] < 1:
        raise _refusal(path, "at least one drawing", f"shape {shape}", "save some drawings")
    promised, size = header_bytes + math.prod(shape) * dtype.itemsize, path.stat().st_size
    if size != promised:
        got = f"{size:,} bytes"
        raise _refusal(path, f"{promised:,} bytes (its header says shape {shape})", got, "copy or download it again")


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and the length of the header itself."""
    with path.open("rb") as file:
        start = file.read(len(npy.MAGIC_PREFIX))
        if start != npy.MAGIC_PREFIX:
            raise _refusal(path, "a NumPy .npy file", _kind(start), "save it with numpy.save")
        file.seek(0)
        try:
            version = npy.read_magic(file)
            read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
            shape, _, dtype = read(file)
        except BROKEN_HEADER as error:
            got = "one that breaks off or makes no sense"
            raise _refusal(path, "a NumPy header", got, "save or copy it again") from error
        if any(length < 0 for length in shape):
            raise _refusal(path, "a shape of positive numbers", f"shape {shape}", "save it again")
        return shape, dtype, file.tell()


def _scale(path: Path, stored: NDArray[Any]) -> float:
    """What makes the stored values 0..255; values of any other range are refused."""
    low, high = float(stored.min()), float(stored.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _refusal(path, "finite values", "NaN or infinity", "replace them, as with numpy.nan_to_num")
    if low < 0 or high > 255:
        raise _refusal(path, "values from 0 to 255", f"{low:g} to {high:g}", "scale or clip them")
    if stored.dtype.kind == "f":
        return 255.0 if high <= 1 else 1.0
    if high == 1:
        raise _refusal(path, "ink up to 255", "integers 0 and 1 only", "multiply them by 255")
    return 1.0


def _check_ink(path: Path, images: NDArray[np.uint8]) -> None:
    blank = np.flatnonzero(images.max(axis=(1, 2)) == 0)
    if len(blank):
        got = f"{len(blank):,} blank, the first is row {blank[0]}"
        raise _refusal(path, "ink in every drawing", got, "leave blank drawings out")
    mean = float(images.mean())
    if mean > 127.5:
        got = f"mean value {mean:.0f}, dark lines on white"
        raise _refusal(path, "background 0 and ink up to 255", got, "save 255 - drawings")


def _kind(start: bytes) -> str:
    if not start:
        return "an empty file"
    kinds = (kind for first, kind in STARTS.items() if start.startswith(first))
    return next(kinds, f"a file that starts with {start!r}")


def _refusal(path: Path, expected: str, got: str, fix: str) -> DataError:
    return DataError(f"expected {expected} in {path}; got {got}. To fix: {fix}")
