"""Shards of pictures as a labeled set: the same that the folder is from which they were written."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glassnet.data.classfolders import shown_text
from glassnet.data.folder import (
    MAX_PIXEL_BYTES,
    TEST_BYTES_DIVISOR,
    Loaded,
    in_arrays,
    in_stream,
    size_for,
    sizing_step,
)
from glassnet.data.pictures import decode, quiet
from glassnet.data.reading import Read, at_most, in_threads, reason_of
from glassnet.data.shardindex import BLOCK, Index, Shard, read_index, refusal
from glassnet.data.shardlist import TEST, UNDECIDED, ShardList, Sidecar, joined, parse_sidecar, sum_of
from glassnet.data.storage import is_shared, read_ranges
from glassnet.data.stream import CHUNK
from glassnet.errors import DataError

END = bytes(2 * BLOCK)
"""Of every tar file."""
GROUP_BYTES = 2**25
_SIDECARS_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Opened:
    """Shards that are there, and what is known of their pictures without reading one, in the order of the folder."""

    files: ShardList
    sums: NDArray[np.uint64]
    is_test: NDArray[np.bool_] | None
    """None where the folder did not say."""
    sides_px: NDArray[np.int32]
    notices: list[str]


def load(root: str, size_px: int | None = None, max_pixel_bytes: int = MAX_PIXEL_BYTES) -> Loaded:
    """The pictures of shards at a folder or URL, as `folder.load` has those of the folder they were written from.

    Of shards that are not there, or not as the index says, there is a notice. Raises DataError without an index that
    can be believed, or if more than half of the pictures are gone.
    """
    place, opened = shown_text(root), open_shards(root)
    files, notices = opened.files, opened.notices
    side_px = size_for(opened.sides_px[:: sizing_step(len(files))]) if size_px is None else size_px
    decoder = partial(read_squares, root=root, size_px=side_px)
    if len(files) * 3 * side_px**2 <= max_pixel_bytes:
        chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
        parts = in_threads(lambda chunk: decoder([file.path for file in chunk]), chunks)
        pixels = (result for part in parts for result in part)
        results = [
            result if isinstance(result, str) else Read(file, int(content_sum).to_bytes(8), result)
            for file, content_sum, result in zip(files, opened.sums, pixels, strict=True)
        ]
        return in_arrays(place, files, results, opened.is_test, side_px, notices)
    if not is_shared(root):
        raise refusal(root, "more than fits into arrays in memory of this process alone", "write them to a folder")
    max_test_bytes = max_pixel_bytes // TEST_BYTES_DIVISOR
    return in_stream(place, files, opened.sums, opened.is_test, decoder, side_px, max_test_bytes, notices)


def open_shards(root: str) -> Opened:
    """Look at the index, at the size of each shard, and at the sums of the files beside them; at no picture."""
    index = read_index(root)
    reasons = _missing(root, index)
    sidecars: list[tuple[str, Sidecar]] = []
    there = [shard for shard in index.shards if shard.file not in reasons]
    for start in range(0, len(there), _SIDECARS_AT_ONCE):
        some = there[start : start + _SIDECARS_AT_ONCE]
        contents = read_ranges(root, [(shard.sidecar, 0, shard.sidecar_bytes + 1) for shard in some])
        for shard, content in zip(some, contents, strict=True):
            try:
                sidecars.append((shard.file, _checked(shard, content, len(index.classes))))
            except ValueError as error:
                reasons[shard.file] = str(error)
    notices = _lost(root, index, reasons)
    files, records = joined(sidecars, index.classes)
    parts = records["part"]
    if len(np.unique(parts == UNDECIDED)) > 1:
        raise refusal(root, "pictures of which only some are said to be for training or for the test")
    is_test = None if parts[0] == UNDECIDED else parts == TEST
    return Opened(files, records["sum"].astype(np.uint64), is_test, records["side_px"].astype(np.int32), notices)


def read_squares(paths: Sequence[Path], root: str, size_px: int) -> list[NDArray[np.uint8] | str]:
    """The middle of each picture, (3, size_px, size_px), or why there is none; a path is that of a `ShardList`."""
    results: list[NDArray[np.uint8] | str] = []
    with quiet():
        for group in _groups(paths):
            contents = read_ranges(root, [(spot.shard, spot.offset - BLOCK, spot.offset + spot.size) for spot in group])
            results += [_square(spot, content, size_px) for spot, content in zip(group, contents, strict=True)]
    return results


class _Spot(NamedTuple):
    """What the path of a picture says."""

    shard: str
    offset: int
    size: int
    sum: int


def _groups(paths: Sequence[Path]) -> Iterator[list[_Spot]]:
    """So many at a time as may be in memory together."""
    group: list[_Spot] = []
    for path in paths:
        spot = _Spot(path.parts[0], *map(int, path.parts[1:]))
        if group and sum(other.size for other in group) + spot.size > GROUP_BYTES:
            yield group
            group = []
        group.append(spot)
    if group:
        yield group


def _square(spot: _Spot, content: bytes | str, size_px: int) -> NDArray[np.uint8] | str:
    if isinstance(content, str):
        return f"{spot.shard}: {content}"
    where = f"at {spot.offset:,} of {spot.shard}"
    if not _is_header(content[:BLOCK], spot.size) or len(content) != BLOCK + spot.size:
        return f"no file of {spot.size:,} bytes {where}"
    if sum_of(content[BLOCK:]) != spot.sum:
        return f"other bytes than were written {where}"
    try:
        return decode(Path(spot.shard), content[BLOCK:], size_px)
    except DataError as error:
        return reason_of(error)


def _is_header(block: bytes, size_bytes: int) -> bool:
    """Whether a file of that size begins behind it."""
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return header.isreg() and header.size == size_bytes


def _missing(root: str, index: Index) -> dict[str, str]:
    """By file the reason why a shard is not what the index says, from its end, which tells its size."""
    ends = read_ranges(root, [(shard.file, shard.bytes - len(END), shard.bytes + 1) for shard in index.shards])
    reasons = {}
    for shard, end in zip(index.shards, ends, strict=True):
        if isinstance(end, str):
            reasons[shard.file] = end
        elif end != END:
            reasons[shard.file] = f"it does not end after {shard.bytes:,} bytes, as the index says"
    return reasons


def _checked(shard: Shard, content: bytes | str, num_classes: int) -> Sidecar:
    if isinstance(content, str):
        raise ValueError(f"{shard.sidecar}: {content}")
    if len(content) != shard.sidecar_bytes or hashlib.sha256(content).hexdigest() != shard.sidecar_sha256:
        raise ValueError(f"{shard.sidecar} is not the one that the index names")
    return parse_sidecar(content, shard, num_classes)


def _lost(root: str, index: Index, reasons: dict[str, str]) -> list[str]:
    """A line for each shard that is left out. Raises DataError if that is more than half of all pictures."""
    counts = {shard.file: shard.count for shard in index.shards}
    lines = [f"{file}: left out with its {counts[file]:,} pictures, {reason}" for file, reason in reasons.items()]
    lost = sum(counts[file] for file in reasons)
    if 2 * lost > index.count:
        raise DataError(
            f"expected the shards that the index at {shown_text(root)} names; got too few of them: {lost:,} of "
            f"{index.count:,} pictures are out of reach ({lines[0]}). To fix: copy or write the shards again"
        )
    return at_most(lines)
