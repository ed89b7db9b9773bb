"""Drawings of houses for training: Quick, Draw!'s, generated ones, or the reader's own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glassnet.data import locate, quickdraw
from glassnet.data.bitmaps import read_bitmaps
from glassnet.data.download import Progress
from glassnet.data.drawn import draw_houses
from glassnet.data.raster import rasterize
from glassnet.data.strokes import read_drawings
from glassnet.errors import DataError

GENERATED, QUICKDRAW = "generated", "quickdraw"
GENERATED_COUNT = 4000


@dataclass(frozen=True)
class Houses:
    """Drawings, and one line that says what they are and where they come from."""

    images: NDArray[np.uint8]
    """(drawings, 28, 28), background 0, ink up to 255."""
    source: str


def load(
    choice: str | None = None, *, limit: int | None = None, seed: int = 0, progress: Progress | None = None
) -> Houses:
    """Load drawings by choice: `generated`, `quickdraw` (downloaded if need be) or a path; at most `limit`.

    Without a choice: Quick, Draw!'s where they are on this machine, else generated ones, from `seed`.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"expected limit >= 1; got {limit}. To fix: ask for one drawing or more")
    if choice is None:
        choice = QUICKDRAW if quickdraw.find() else GENERATED
    if choice == GENERATED:
        return _generate(GENERATED_COUNT if limit is None else limit, seed)
    if choice == QUICKDRAW:
        path = quickdraw.get(progress)
        return _read(path, limit, "Quick, Draw! houses (Google, CC BY 4.0)")
    return _read(_file_at(Path(choice)), limit, "drawings")


def _generate(count: int, seed: int) -> Houses:
    return Houses(draw_houses(count, seed), f"{count:,} houses drawn by glassnet itself, seed {seed}")


def _read(path: Path, limit: int | None, what: str) -> Houses:
    try:
        is_strokes = path.suffix == ".ndjson"
        images = rasterize(read_drawings(path, limit)) if is_strokes else read_bitmaps(path, limit)
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"expected a readable file at {path}; got: {reason}. To fix: check its permissions") from error
    return Houses(images, f"{len(images):,} {what} from {path}")


def _file_at(path: Path) -> Path:
    """The file itself, or the first in a folder, or in its folder `houses`."""
    try:
        path = path.expanduser()
        if path.is_dir():
            return _file_in(path)
        is_there = path.exists()
    # A folder that may not be listed, a name too long or with a null byte in it, the home of nobody.
    except (OSError, ValueError, RuntimeError) as error:
        raise _refusal(path, f"a path that cannot be used ({error})") from error
    if not is_there:
        raise _refusal(path, "nothing there")
    if not path.is_file() or path.suffix not in (".npy", ".ndjson"):
        raise _refusal(path, "a file of another kind")
    return path


def _file_in(folder: Path) -> Path:
    found = [
        path for place in (folder, folder / quickdraw.FOLDER) for path in locate.files_in(place, quickdraw.PATTERNS)
    ]
    if not found:
        raise _refusal(folder, "a folder without one")
    return found[0]


def _refusal(path: Path, got: str) -> DataError:
    return DataError(
        f"expected a .npy or .ndjson file of drawings at {path}; got {got}. "
        f"To fix: give the path of one, or choose {GENERATED} or {QUICKDRAW}"
    )
