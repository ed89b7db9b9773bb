"""Quick, Draw!'s houses as Google publishes them: where they are, how they are fetched and known again.

https://github.com/googlecreativelab/quickdraw-dataset, CC BY 4.0, "This data made available by Google, Inc."
"""

import hashlib
from pathlib import Path

import numpy as np

from glassnet.data import locate
from glassnet.data.bitmaps import map_bitmaps, read_bitmaps
from glassnet.data.download import Progress, download
from glassnet.data.raster import SIDE
from glassnet.data.strokes import read_drawings
from glassnet.errors import DataError

URL = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/house.npy"
FOLDER = "houses"
FILE = "house.npy"
# Bitmaps before strokes: they are what Google drew, and need no drawing here.
PATTERNS = ("*.npy", "*.ndjson")

# No sha256 of Google's whole file is at hand, so none is pretended. What is known are its form and its first
# rows: a file that is as long as its header says and begins with these pixels is taken for Google's.
KNOWN_ROWS = 3499
KNOWN_ROWS_SHA256 = "2a41721c684b1189c315dddd17665e9d0f3634fe7b48672616db048e63dc2f29"
KNOWN_FILES = {
    "quickdraw_house_rows_0_3498.npy": "6ceb754b7f62e89e11c8a5e7a58d62113aa2afc0e47cc9cdeb5cb4d61e40c407",
    "quickdraw_house_raw_sample.ndjson": "9e3e6abdd87d7448a07321f06ef03a8b3e874b010faacd7d6deada18cbab0c21",
}


def find() -> list[Path]:
    """Files of houses on this machine, the one to use first."""
    return locate.find(FOLDER, PATTERNS)


def get(progress: Progress | None = None) -> Path:
    """The file to use: one that is here, else Google's, downloaded to the cache folder (about 106 MB)."""
    here = find()
    return here[0] if here else download(URL, locate.cache_folder() / FOLDER / FILE, check_google, progress)


def check(path: Path) -> str:
    """Say how a file was found to be good; DataError if it is not."""
    if path.name in KNOWN_FILES:
        return _check_sha256(path, KNOWN_FILES[path.name])
    if path.name == FILE:
        return check_google(path)
    count = len(read_drawings(path)) if path.suffix == ".ndjson" else len(read_bitmaps(path))
    return f"{count:,} drawings, readable; not one of the files whose content is known"


def check_google(path: Path) -> str:
    """Is this `house.npy` of Google's, whole, as far as can be told?"""
    rows = map_bitmaps(path)
    expected = f"Google's house.npy, uint8 (N, 784) with N >= {KNOWN_ROWS}"
    if rows.dtype != np.uint8 or rows.shape[1:] != (SIDE**2,) or len(rows) < KNOWN_ROWS:
        raise _not_google(path, expected, f"{rows.dtype} {rows.shape}")
    digest = hashlib.sha256(rows[:KNOWN_ROWS].tobytes()).hexdigest()
    if digest != KNOWN_ROWS_SHA256:
        raise _not_google(path, f"rows 0..{KNOWN_ROWS - 1} of sha256 {KNOWN_ROWS_SHA256}", digest)
    return f"{len(rows):,} drawings; form, length and the first {KNOWN_ROWS:,} rows are Google's"


def _check_sha256(path: Path, expected: str) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise _not_google(path, f"sha256 {expected}", digest)
    return "sha256 as expected"


def _not_google(path: Path, expected: str, got: str) -> DataError:
    return DataError(f"expected {expected} in {path}; got {got}. To fix: delete it and download it again")
