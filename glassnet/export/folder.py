"""A folder that is written whole or not at all, and in place of an earlier one of its kind only."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glassnet.errors import SettingsError

NETWORK = "network"
MANIFEST = f"{NETWORK}/manifest.json"


class Folder:
    """Files under construction."""

    def __init__(self, path: Path):
        self.path = path
        self.sizes: dict[str, int] = {}

    def write(self, name: str, content: bytes) -> None:
        """Put a file there."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.sizes[name] = len(content)

    def keep(self, name: str, content: bytes) -> dict[str, Any]:
        """Put a file of the network there; what the manifest says of it, ``file`` being seen from where that lies."""
        self.write(f"{NETWORK}/{name}", content)
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


@contextmanager
def new_folder(target: Path) -> Iterator[Folder]:
    """What is written within the block becomes ``target`` when that ends well. Raises SettingsError."""
    check_target(target)
    try:
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}-", dir=target.absolute().parent, ignore_cleanup_errors=True
        ) as parent:
            folder = Folder(Path(parent) / "new")
            folder.path.mkdir()
            yield folder
            _put(folder.path, target, Path(parent) / "old")
    except OSError as error:
        raise _unwritable(target, error) from error


def check_target(target: Path) -> None:
    """Raise SettingsError unless it is new, empty, or an earlier export."""
    try:
        above = next(folder for folder in target.absolute().parents if os.path.lexists(folder))
        if not above.is_dir():
            raise SettingsError(
                f"expected a folder to write to; got {target}, below a file. To fix: choose another name."
            )
        if os.path.lexists(target) and (target.is_symlink() or not target.is_dir()):
            raise SettingsError(f"expected a folder to write to; got {target}, a file. To fix: choose another name.")
        if os.path.lexists(target) and any(target.iterdir()) and not is_export(target):
            raise SettingsError(
                f"expected a new or empty folder, or an earlier export; got {target}, which holds something else. "
                "To fix: choose another one."
            )
    except OSError as error:
        raise _unwritable(target, error) from error


def is_export(folder: Path) -> bool:
    """Whether it holds what `glassnet export --web` wrote."""
    try:
        return isinstance(json.loads((folder / MANIFEST).read_bytes())["format"], int)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _put(new: Path, target: Path, old: Path) -> None:
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(target: Path, error: OSError) -> SettingsError:
    return SettingsError(
        f"expected to write the folder {target}; got '{error.strerror}'. To fix: free space or permissions there, or "
        "choose another one."
    )
