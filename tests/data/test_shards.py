"""Shards: the same pictures as out of the folder, whatever of them is damaged is named, and no index is believed."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import fsspec
import numpy as np
import pytest

from glassnet.data import folder, labeled, shards
from glassnet.data.shardindex import INDEX, read_index
from glassnet.data.shardlist import RECORD
from glassnet.data.shardwriter import write_shards
from glassnet.data.stream import Stream, read
from glassnet.errors import DataError
from tests.data.sharded import SHARD_BYTES, assert_same, overwrite, paint, record_of, training
from tests.data.shardserver import Server, serving


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Cats and dogs, ten of each, of which one lies deeper, one has a strange name, and one is there twice."""
    base = tmp_path / "base"
    for name in ("dogs", "cats"):
        for number in range(8):
            paint(base / name / f"{number}.png")
        paint(base / name / "deeper" / "8.png")
        paint(base / name / "שלג 9.PNG")
    shutil.copy(base / "cats" / "1.png", base / "cats" / "copy of 1.png")
    return base


@pytest.fixture
def out(base: Path) -> Path:
    write_shards(base, base.parent / "out", SHARD_BYTES, lambda done, num: None)
    return base.parent / "out"


@pytest.fixture
def server() -> Iterator[Callable[[Path], Server]]:
    with ExitStack() as running:
        yield lambda folder: running.enter_context(serving(folder))


def test_the_same_as_the_folder(base: Path, out: Path) -> None:
    """Whatever the order they lie in: by class and name, divided as the folder is."""
    assert len(read_index(str(out)).shards) == 3
    loaded = labeled.load(str(out), 8)
    assert_same(folder.load(base, 8), loaded)
    assert loaded.notices == ()
    assert loaded.source == folder.load(base, 8).source.replace(str(base), str(out))


@pytest.mark.parametrize("size", [(47, 60), (60, 48)])
def test_of_the_same_size_as_the_folder(size: tuple[int, int], tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(2):
            paint(tmp_path / "base" / name / f"{number}.jpg", size)
    write_shards(tmp_path / "base", tmp_path / "out", SHARD_BYTES, lambda done, num: None)
    assert_same(folder.load(tmp_path / "base"), shards.load(str(tmp_path / "out")))


def test_a_large_set_is_read_while_training(base: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "TEST_BYTES_DIVISOR", 1)
    monkeypatch.setattr(shards, "TEST_BYTES_DIVISOR", 1)
    large = shards.load(str(out), 8, max_pixel_bytes=15 * 192)
    assert isinstance(large.training.images, Stream)
    assert large.training.images.file(0).name == "1.png"
    assert_same(folder.load(base, 8), large)
    assert large.source.endswith("read from their files while training")


def test_a_split_that_is_there_is_kept(tmp_path: Path) -> None:
    base = tmp_path / "base"
    for part, count in (("train", 5), ("test", 3)):
        for name in ("cats", "dogs"):
            for number in range(count):
                paint(base / part / name / f"{part} {number}.png")
    paint(base / "test" / "mice" / "1.png")
    shutil.copy(base / "train" / "cats" / "train 0.png", base / "test" / "dogs" / "0.png")
    write_shards(base, tmp_path / "out", SHARD_BYTES, lambda done, num: None)
    expected, loaded = folder.load(base, 8), shards.load(str(tmp_path / "out"), 8)
    assert_same(expected, loaded)
    assert len(loaded.test.labels) == 6
    assert loaded.notices == expected.notices
    assert len(loaded.notices) == 2


def test_what_is_written(base: Path, out: Path) -> None:
    """In the layout of WebDataset, and read by nothing of ours."""
    index = json.loads((out / INDEX).read_text())
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [INDEX, *(f"pictures-{number:05}.{kind}" for number in range(3) for kind in ("npy", "tar"))]
    )
    contents = set()
    for shard in index["shards"]:
        whole = (out / shard["file"]).read_bytes()
        assert shard["bytes"] == len(whole) <= SHARD_BYTES + 10_240
        assert shard["sha256"] == hashlib.sha256(whole).hexdigest()
        with tarfile.open(out / shard["file"]) as tar, (out / shard["file"]).with_suffix(".npy").open("rb") as sidecar:
            members = tar.getmembers()
            records, names = np.load(sidecar), np.load(sidecar)
            assert sidecar.read() == b""
            assert records.dtype == RECORD
            assert len(bytes(names)) == records["name_end"][-1]
            for record, picture, label in zip(records, members[::2], members[1::2], strict=True):
                assert (picture.name, label.name) == (label.name.replace("cls", "png"), label.name)
                assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in (picture, label)} == {
                    (0, 0, 0, "", "", 0o644)
                }
                content = tar.extractfile(picture).read()  # type: ignore[union-attr]
                assert content == whole[record["offset"] :][: record["size"]]
                number = int(tar.extractfile(label).read())  # type: ignore[union-attr]
                assert number == record["class"]
                assert record["sum"] == int.from_bytes(hashlib.sha256(content).digest()[:8])
                contents.add((index["classes"][number], content))
            assert {record["class"] for record in records} == {0, 1}
    assert contents == {(path.relative_to(base).parts[0], path.read_bytes()) for path in base.rglob("*.[pP]*")}
    assert index["count"] == 21


def test_written_twice_it_is_the_same(base: Path, out: Path) -> None:
    again = base.parent / "again"
    write_shards(base, again, SHARD_BYTES, lambda done, num: None)
    for path in out.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_behind_http(base: Path, out: Path, server: Callable[[Path], Server]) -> None:
    url = server(out).url
    assert_same(folder.load(base, 8), labeled.load(url, 8))
    large = labeled.load(url, 8)
    assert url in large.source


def test_large_behind_http(base: Path, out: Path, server: Callable[[Path], Server]) -> None:
    """Nothing but parts of shards is asked for, by processes of their own."""
    http = server(out)
    loaded = shards.load(http.url, 8, max_pixel_bytes=15 * 192)
    assert isinstance(loaded.training.images, Stream)
    np.testing.assert_array_equal(training(loaded), training(folder.load(base, 8)))
    assert all(asked.startswith("bytes=") for asked in http.ranges)


def test_a_server_that_falters(base: Path, out: Path, server: Callable[[Path], Server]) -> None:
    http = server(out)
    http.failing = 2
    assert_same(folder.load(base, 8), labeled.load(http.url, 8))


def test_a_server_without_ranges(out: Path, server: Callable[[Path], Server]) -> None:
    http = server(out)
    http.knows_ranges = False
    with pytest.raises(DataError, match=r"got a server that sends the whole file .*\. To fix: use one that answers"):
        labeled.load(http.url)


def test_in_memory(base: Path, out: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in out.iterdir():
        memory.pipe(f"/shards/{path.name}", path.read_bytes())
    assert_same(folder.load(base, 8), labeled.load("memory://shards", 8))
    with pytest.raises(DataError, match="in memory of this process alone"):
        shards.load("memory://shards", 8, max_pixel_bytes=1000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-512])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(512))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "kind", "reason"),
    [
        (Path.unlink, "tar", "nothing there"),
        (cut, "tar", "it does not end after 20,480 bytes, as the index says"),
        (lengthen, "tar", "it does not end after 20,480 bytes, as the index says"),
        (Path.unlink, "npy", "pictures-00001.npy: nothing there"),
        (cut, "npy", "pictures-00001.npy is not the one that the index names"),
        (lengthen, "npy", "pictures-00001.npy is not the one that the index names"),
        (flip, "npy", "pictures-00001.npy is not the one that the index names"),
    ],
)
def test_a_damaged_shard_is_left_out(damage: Callable[[Path], None], kind: str, reason: str, out: Path) -> None:
    damage(out / f"pictures-00001.{kind}")
    loaded = shards.load(str(out), 8)
    assert loaded.notices == (f"pictures-00001.tar: left out with its 7 pictures, {reason}",)
    assert len(loaded.training.labels) + len(loaded.test.labels) == 14


def test_of_shards_left_out_what_is_left_stays_what_it_was(base: Path, tmp_path: Path) -> None:
    """What is for the test depends on names, not on which others are there, unless there are copies."""
    (base / "cats" / "copy of 1.png").unlink()
    out = tmp_path / "out"
    write_shards(base, out, SHARD_BYTES, lambda done, num: None)
    before = shards.load(str(out), 8)
    (out / "pictures-00001.tar").unlink()
    after = shards.load(str(out), 8)
    for part in ("training", "test"):
        images = [{image.tobytes() for image in getattr(loaded, part).images} for loaded in (before, after)]
        assert images[1] < images[0]


def test_more_than_half_gone(out: Path) -> None:
    for number in (0, 2):
        (out / f"pictures-{number:05}.tar").unlink()
    with pytest.raises(
        DataError, match=r"^expected .* got too few of them: 14 of 21 pictures are out of reach \(pictu"
    ):
        shards.load(str(out))


@pytest.mark.parametrize("is_large", [False, True])
def test_a_damaged_picture(is_large: bool, out: Path) -> None:
    """One with other bytes in it, which could still be decoded; and two without a header of one of that size."""
    first, first_offset, _ = record_of(out, "cats/2.png")
    overwrite(first, first_offset + 60, bytes(100))
    shard, offset, size = record_of(out, "dogs/0.png")
    overwrite(shard, offset - 512, bytes(512))
    other, other_offset, _ = record_of(out, "dogs/1.png")
    header = tarfile.TarInfo("x.png")
    header.size = size - 1
    overwrite(other, other_offset - 512, header.tobuf(tarfile.USTAR_FORMAT))
    loaded = shards.load(str(out), 8, max_pixel_bytes=1000 if is_large else 2**20)
    images = loaded.training.images
    if isinstance(images, Stream):
        reasons = list(read(images, np.arange(len(images)))[1].values())
        images.close()
    else:
        reasons = [notice.split(": left out, ")[1] for notice in loaded.notices]
        names = [notice.split(":")[0] for notice in loaded.notices]
        assert names == ["cats/2.png", "dogs/0.png", "dogs/1.png"]
        assert len(images) + len(loaded.test.images) == 18
    assert reasons == [
        f"other bytes than were written at {first_offset:,} of {first.name}",
        f"no file of {size} bytes at {offset:,} of {shard.name}",
        f"no file of {size} bytes at {other_offset:,} of {other.name}",
    ]


def test_a_picture_that_was_damaged_before(tmp_path: Path) -> None:
    """Behind its header, so that it is written, as the folder lists it; and before, so that it is not."""
    for name in ("cats", "dogs"):
        for number in range(4):
            paint(tmp_path / "base" / name / f"{number}.png")
    broken = tmp_path / "base" / "cats" / "1.png"
    broken.write_bytes(broken.read_bytes()[:100])
    (tmp_path / "base" / "dogs" / "1.png").write_bytes(b"\x89PNG")
    (tmp_path / "base" / "dogs" / "2.png").write_bytes(b"")
    written = write_shards(tmp_path / "base", tmp_path / "out", SHARD_BYTES, lambda done, num: None)
    assert written.index.count == 6
    assert sorted(notice.split(", ")[0] for notice in written.notices) == [
        f"dogs/{number}.png: left out" for number in (1, 2)
    ]
    loaded = shards.load(str(tmp_path / "out"), 8)
    (notice,) = loaded.notices
    assert notice.startswith("cats/1.png: left out, one that cannot be read (")
    assert_same(folder.load(tmp_path / "base", 8), loaded)


def test_a_list_of_pictures_is_a_sequence(base: Path, out: Path) -> None:
    files = shards.open_shards(str(out)).files
    assert len(files) == 21
    assert [file.name for file in files[np.array([20, 0])]] == ["שלג 9.PNG", "0.png"]
    assert list(files[5:7]) == [files[5], files[6]]
    classes, class_of = files[9:12].classes()
    assert (classes, class_of.tolist()) == (["cats", "dogs"], [0, 0, 1])
    shard, offset, size, _ = files[3].path.parts
    assert (out / shard).read_bytes()[int(offset) :][: int(size)] == (base / "cats" / "3.png").read_bytes()
    assert list(files[:0]) == []
