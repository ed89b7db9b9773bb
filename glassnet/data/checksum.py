"""Is a file the one that was published? Told by its sha256."""

import hashlib
from pathlib import Path

from glassnet.errors import DataError


def check_sha256(path: Path, expected: str) -> str:
    """Say that the file has this sum; DataError if it has another."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected:
        raise DataError(f"expected sha256 {expected} of {path}; got {digest}. To fix: delete it and download it again")
    return "sha256 as expected"
