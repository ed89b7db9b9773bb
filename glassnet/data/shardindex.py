"""`index.json`, which says what a set of shards is made of, and is believed only as far as it can be checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glassnet.data.classfolders import shown_text
from glassnet.data.storage import is_url, read_ranges
from glassnet.errors import DataError

INDEX, FORMAT = "index.json", 1
MAX_INDEX_BYTES = 2**24
MAX_SHARD_BYTES, MAX_SIDECAR_BYTES = 2**40, 2**30
BLOCK = 512
"""Tar files are made of blocks; a sample takes four at least, a header and a content for the picture and its class."""
_FILE, _SUM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}\.tar", re.ASCII), re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_NAME = 255


@dataclass(frozen=True)
class Shard:
    """A tar file of pictures, and the small file beside it that says where in it they are."""

    file: str
    bytes: int
    count: int
    sha256: str
    sidecar_bytes: int
    sidecar_sha256: str

    @property
    def sidecar(self) -> str:
        return Path(self.file).with_suffix(".npy").name


@dataclass(frozen=True)
class Index:
    """Shards, and the names of the classes, sorted."""

    classes: tuple[str, ...]
    shards: tuple[Shard, ...]

    @property
    def count(self) -> int:
        return sum(shard.count for shard in self.shards)

    def text(self) -> str:
        """As it is written."""
        shards = [asdict(shard) for shard in self.shards]
        values = {"format": FORMAT, "classes": list(self.classes), "count": self.count, "shards": shards}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def is_sharded(place: str) -> bool:
    """Whether the place is a URL, or a folder with an index of shards rather than folders of pictures."""
    if is_url(place):
        return True
    if not os.path.isfile(os.path.join(place, INDEX)):
        return False
    try:
        with os.scandir(place) as inside:
            entries = list(inside)
    except OSError:
        return True
    return any(entry.name.endswith(".tar") for entry in entries) or not any(entry.is_dir() for entry in entries)


def read_index(root: str) -> Index:
    """The index at a folder or URL. Raises DataError for one that cannot be read or believed."""
    (first,) = read_ranges(root, [(INDEX, 0, 1)])
    if isinstance(first, str):
        raise refusal(root, f"none ({first})", "check the path or the URL")
    if len(first) > 1:
        got = "a server that sends the whole file when it is asked for a part of it"
        raise refusal(root, got, "use one that answers range requests")
    (content,) = read_ranges(root, [(INDEX, 0, MAX_INDEX_BYTES + 1)])
    if isinstance(content, str):
        raise refusal(root, f"none ({content})", "check the path or the URL")
    if len(content) > MAX_INDEX_BYTES:
        raise refusal(root, f"one of more than {MAX_INDEX_BYTES:,} bytes")
    try:
        return parse_index(json.loads(content))
    # RecursionError: lists in lists in lists.
    except (ValueError, RecursionError) as error:
        raise refusal(root, shown_text(str(error))[:200]) from error


def parse_index(values: object) -> Index:
    """Raises ValueError with what is wrong with it in a few words."""
    if not isinstance(values, Mapping):
        raise ValueError("one that is no JSON object")
    if values.get("format") != FORMAT:
        raise ValueError(f"one of format {values.get('format')!r:.50}, where {FORMAT} is known")
    classes = values.get("classes")
    if not isinstance(classes, list) or not all(_is_name(name) for name in classes):
        raise ValueError("names of classes that are no names of folders")
    if classes != sorted(set(classes)) or len(classes) < 2:
        raise ValueError("classes that are not two or more names, sorted")
    listed = values.get("shards")
    if not isinstance(listed, list) or not listed:
        raise ValueError("one without a list of shards")
    index = Index(tuple(classes), tuple(_shard(entry) for entry in listed))
    if len({shard.file for shard in index.shards}) < len(index.shards):
        raise ValueError("one that names a shard twice")
    if values.get("count") != index.count:
        raise ValueError(f"a count of {values.get('count')!r:.50}, where its shards have {index.count}")
    return index


def refusal(root: str, got: str, fix: str = "write it again with `glassnet data shard`") -> DataError:
    """What is said of a set of shards that cannot be used."""
    return DataError(f"expected an {INDEX} of shards at {shown_text(root)}; got {got}. To fix: {fix}")


def _shard(entry: Any) -> Shard:
    fields = Shard.__dataclass_fields__
    if not isinstance(entry, Mapping) or set(entry) != set(fields):
        raise ValueError(f"a shard that is not described by {', '.join(fields)}")
    for name in ("file", "sha256", "sidecar_sha256"):
        if not isinstance(entry[name], str) or not (_FILE if name == "file" else _SUM).fullmatch(entry[name]):
            raise ValueError(f"a shard with {entry[name]!r:.50} for its {name}")
    for name, largest in (("bytes", MAX_SHARD_BYTES), ("sidecar_bytes", MAX_SIDECAR_BYTES), ("count", MAX_SHARD_BYTES)):
        if type(entry[name]) is not int or not 0 < entry[name] <= largest:
            raise ValueError(f"a shard with {entry[name]!r:.50} for its {name}")
    shard = Shard(**entry)
    if shard.count > shard.bytes // (4 * BLOCK):
        raise ValueError(f"a shard of {shard.bytes:,} bytes with {shard.count:,} pictures in it")
    return shard


def _is_name(name: object) -> bool:
    """Whether it can be that of a folder, as it is shown."""
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or "/" in name or name in (".", ".."):
        return False
    # A half of a letter, which JSON can say, cannot be written anywhere.
    return name.encode("utf-8", "replace").decode() == name == shown_text(name)
