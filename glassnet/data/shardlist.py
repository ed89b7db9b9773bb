"""Pictures in shards by class and name, from the small file beside each shard that says where they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import File
from glassnet.data.pictures import MAX_FILE_BYTES
from glassnet.data.shardindex import BLOCK, Shard

UNDECIDED, TRAINING, TEST = -1, 0, 1
RECORD = np.dtype(
    [("offset", "<i8"), ("size", "<i4"), ("class", "<i4"), ("part", "i1"), ("side_px", "<i4"), ("sum", "<u8"),
     ("row", "<i8"), ("name_end", "<i8")]
)  # fmt: skip
"""Of a picture: where its content begins in the shard, and how long it is; the number of its class; whether the folder
says what it is for; its shorter side; what stands for its content; its place in the folder; where its name ends."""
_PLACE = np.dtype(
    [("shard", "<i4"), ("offset", "<i8"), ("size", "<i4"), ("class", "<i4"), ("sum", "<u8"), ("begin", "<i8"),
     ("end", "<i8")]
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ShardList(Sequence[File]):
    """As `FileList`, of pictures in shards: 44 bytes and a name for each. A path is shard/offset/size/sum."""

    shards: tuple[str, ...]
    class_names: tuple[str, ...]
    """Sorted."""
    names: bytes
    """Of all pictures, one after the other."""
    places: NDArray[np.void]
    """(N,)"""

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice | NDArray[np.int64]) -> ShardList: ...
    def __getitem__(self, index: int | slice | NDArray[np.int64]) -> File | ShardList:
        if isinstance(index, slice | np.ndarray):
            return ShardList(self.shards, self.class_names, self.names, self.places[index])
        shard, offset, size, number, content_sum, begin, end = self.places[index].item()
        path = Path(self.shards[shard], str(offset), str(size), str(content_sum))
        return File(path, self.class_names[number], os.fsdecode(self.names[begin:end]))

    def classes(self) -> tuple[list[str], NDArray[np.int64]]:
        """The names of the classes that have a picture, sorted, and the number (N,) of each one's class among them."""
        used, class_of = np.unique(self.places["class"], return_inverse=True)
        return [self.class_names[number] for number in used], class_of.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What there is to know of the pictures of one shard."""

    records: NDArray[np.void]
    """(N,) of `RECORD`"""
    names: bytes

    def content(self) -> bytes:
        """As it is written: two arrays, which ``numpy.load`` reads one after the other."""
        return b"".join((_header(RECORD.descr, len(self.records)), self.records.tobytes(), *_named(self.names)))


def parse_sidecar(content: bytes, shard: Shard, num_classes: int) -> Sidecar:
    """Raises ValueError with what is wrong with it in a few words.

    The headers are compared with what is expected: so there is no parser that a hostile file could aim at.
    """
    header = _header(RECORD.descr, shard.count)
    end = len(header) + shard.count * RECORD.itemsize
    if not content.startswith(header) or len(content) < end:
        raise ValueError(f"its sidecar is not one of {shard.count:,} pictures")
    records = np.frombuffer(content[len(header) : end], RECORD)
    names = content[end + len(_header("|u1", int(records["name_end"][-1]))) :] if records["name_end"][-1] > 0 else b""
    if content[end:] != b"".join(_named(names)):
        raise ValueError("its sidecar has other names than it says")
    for field, is_good in _checks(records, shard, num_classes, len(names)).items():
        if not is_good.all():
            value = records[field][np.flatnonzero(~is_good)[0]]
            raise ValueError(f"its sidecar says {value} for the {field} of a picture")
    return Sidecar(records, names)


def joined(sidecars: Sequence[tuple[str, Sidecar]], classes: tuple[str, ...]) -> tuple[ShardList, NDArray[np.void]]:
    """The pictures of these shards in the order of their folder, and their records."""
    records = np.concatenate([sidecar.records for _, sidecar in sidecars])
    places = np.zeros(len(records), _PLACE)
    for field in ("offset", "size", "class", "sum"):
        places[field] = records[field]
    places["end"] = records["name_end"]
    places["begin"][1:] = records["name_end"][:-1]
    row = passed = 0
    for number, (_, sidecar) in enumerate(sidecars):
        own = places[row : row + len(sidecar.records)]
        own["begin"][0] = 0
        own["shard"] = number
        own["begin"] += passed
        own["end"] += passed
        row, passed = row + len(own), passed + len(sidecar.names)
    order = np.argsort(records["row"], kind="stable")
    names = b"".join(sidecar.names for _, sidecar in sidecars)
    return ShardList(tuple(file for file, _ in sidecars), classes, names, places[order]), records[order]


def sum_of(content: bytes) -> int:
    """64 bits that stand for the whole content of a picture."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8])


def _checks(records: NDArray[np.void], shard: Shard, num_classes: int, num_bytes: int) -> dict[str, NDArray[np.bool_]]:
    """By field which of its values may be true."""
    offset, size, number, part, ends = (records[name] for name in ("offset", "size", "class", "part", "name_end"))
    return {
        "size": (size > 0) & (size <= MAX_FILE_BYTES),
        "offset": (offset >= BLOCK) & (offset % BLOCK == 0) & (offset <= shard.bytes - size),
        "class": (number >= 0) & (number < num_classes),
        "part": (part >= UNDECIDED) & (part <= TEST),
        "side_px": records["side_px"] > 0,
        "row": records["row"] >= 0,
        "name_end": (ends > np.concatenate([[0], ends[:-1]])) & (ends <= num_bytes),
    }


def _named(names: bytes) -> tuple[bytes, bytes]:
    return _header("|u1", len(names)), names


def _header(descr: object, count: int) -> bytes:
    """Of an array of so many in NumPy's format 1.0, the same from every version of NumPy."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({count},), }}"
    padded = text.ljust(-(len(text) + 11) % 64 + len(text)) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode()
