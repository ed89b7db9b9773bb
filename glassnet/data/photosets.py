"""Published sets of photos as folders: known by the sums of their files, and written whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from glassnet.errors import DataError


def read_photos(folder: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """The names of the photos, relative to the folder, and their contents."""
    for path in sorted(folder.glob(pattern)):
        try:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
        except OSError as error:
            raise DataError(
                f"expected a readable file at {path}; got: {error.strerror}. To fix: check its permissions"
            ) from error


def listing(photos: Iterable[tuple[str, bytes]]) -> str:
    """What the program sha256sum prints of them, by name."""
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(photos))


def check_listing(listed: str, expected_sha256: str, expected: str, path: Path) -> str:
    """Is that the sum of the listing? If so, a verdict."""
    digest, count = hashlib.sha256(listed.encode()).hexdigest(), len(listed.splitlines())
    if digest != expected_sha256:
        raise DataError(
            f"expected {expected}, their sums of sha256 {expected_sha256}, in {path}; got {count:,} with {digest}. "
            "To fix: delete it and get it again"
        )
    return f"{expected}; the sums of all are as expected"


def write_photos(folder: Path, photos: Iterable[tuple[str, bytes]]) -> Path:
    """Write them under a name beside the folder's, which it gets at the end."""
    part = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        for name, content in photos:
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except OSError as error:
        raise DataError(
            f"expected to write to {folder}; got: {error.strerror}. To fix: make room, or check the permissions"
        ) from error
    return folder
