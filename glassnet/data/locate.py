"""Where data is looked for on this machine: first $GLASSNET_DATA, then the user's cache folder."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from glassnet.errors import DataError

VARIABLE = "GLASSNET_DATA"


def places() -> list[Path]:
    """The folders that may hold data sets, the first to be looked at first."""
    named = data_folder()
    return [cache_folder()] if named is None else [named, cache_folder()]


def data_folder() -> Path | None:
    """What $GLASSNET_DATA names, if it is set; as in the cache, one folder per data set."""
    value = os.environ.get(VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"expected ${VARIABLE} to name a folder; got {value!r}. To fix: correct it, or unset {VARIABLE}"
        )
    return folder


def cache_folder() -> Path:
    """Where downloads go, by the custom of the system; it need not exist."""
    return user_cache_path("glassnet", appauthor=False)


def find(folder: str, patterns: tuple[str, ...]) -> list[Path]:
    """Files of a data set in all places: by place, then by pattern, then the largest first."""
    return [path for place in places() for path in files_in(place / folder, patterns)]


def files_in(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    """Files of one folder: by pattern, then the largest first."""
    found: list[Path] = []
    for pattern in patterns:
        found += sorted(filter(Path.is_file, folder.glob(pattern)), key=lambda path: (-path.stat().st_size, path.name))
    return found
