"""A set of labeled pictures, whatever it lies in: a folder of classes, or shards in a folder or behind a URL."""

from __future__ import annotations

from pathlib import Path

from glassnet.data import folder, shards
from glassnet.data.folder import Loaded
from glassnet.data.shardindex import is_sharded


def load(place: str, size_px: int | None = None) -> Loaded:
    """The pictures of a place, as `folder.load` and `shards.load` have them."""
    return shards.load(place, size_px) if is_sharded(place) else folder.load(Path(place), size_px)
