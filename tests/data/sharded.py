"""What the tests of shards share: pictures, ways to damage what was written, and what it is to be the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.data.folder import Loaded
from glassnet.data.shardindex import INDEX, read_index
from glassnet.data.shardlist import Sidecar, parse_sidecar
from glassnet.data.stream import read

SHARD_BYTES = 16_000  # of seven of the pictures below


def paint(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(list(f"{path.parent.name}/{path.name}".encode()))
    Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path)
    return path


def change(out: Path, alter: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    """Write the index anew with something else in it."""
    values = json.loads((out / INDEX).read_text())
    alter(values)
    (out / INDEX).write_text(json.dumps(values))


def forge(out: Path, number: int, alter: Callable[[np.ndarray], None]) -> None:  # type: ignore[type-arg]
    """Write the sidecar of a shard anew, with the sum of it that the index then names."""
    index = read_index(str(out))
    shard = index.shards[number]
    sidecar = parse_sidecar((out / shard.sidecar).read_bytes(), shard, len(index.classes))
    records = sidecar.records.copy()
    alter(records)
    content = Sidecar(records, sidecar.names).content()
    (out / shard.sidecar).write_bytes(content)
    change(out, lambda values: values["shards"][number].update(
        sidecar_bytes=len(content), sidecar_sha256=hashlib.sha256(content).hexdigest()
    ))  # fmt: skip


def record_of(out: Path, name: str) -> tuple[Path, int, int]:
    """Of the picture with this name the shard, and where in it."""
    index = read_index(str(out))
    for shard in index.shards:
        sidecar = parse_sidecar((out / shard.sidecar).read_bytes(), shard, len(index.classes))
        begin = 0
        for record in sidecar.records:
            label, own = index.classes[record["class"]], sidecar.names[begin : record["name_end"]].decode()
            if f"{label}/{own}" == name:
                return out / shard.file, int(record["offset"]), int(record["size"])
            begin = record["name_end"]
    raise LookupError(name)


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def training(loaded: Loaded) -> np.ndarray:  # type: ignore[type-arg]
    """The pictures to train on, in memory."""
    images = loaded.training.images
    if isinstance(images, np.ndarray):
        return images
    found, reasons = read(images, np.arange(len(images)))
    images.close()
    assert reasons == {}
    return found


def assert_same(one: Loaded, other: Loaded) -> None:
    assert one.classes == other.classes
    np.testing.assert_array_equal(training(one), training(other))
    np.testing.assert_array_equal(one.training.labels, other.training.labels)
    np.testing.assert_array_equal(one.test.images, other.test.images)
    np.testing.assert_array_equal(one.test.labels, other.test.labels)
