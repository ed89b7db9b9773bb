"""Shards: the same pictures as out of the folder, whatever of them is damaged is named, and no index is believed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from glassnet.data import folder, labeled, shards
from glassnet.data.folder import Loaded
from glassnet.data.shardindex import INDEX, Index, is_sharded, read_index
from glassnet.data.shardlist import RECORD, Sidecar, parse_sidecar
from glassnet.data.shardwriter import write_shards
from glassnet.data.stream import Stream, read
from glassnet.errors import DataError, RuntimeUnavailableError
from tests.data.shardserver import Server, serving

SHARD_BYTES = 16_000  # of seven of the pictures below


def paint(path: Path, size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(list(f"{path.parent.name}/{path.name}".encode()))
    Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path)
    return path


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


FORGED = [
    ("offset", 0), ("offset", -512), ("offset", 513), ("offset", 20_480), ("offset", 2**62), ("size", 0), ("size", -1),
    ("size", 20_480), ("size", 2**31 - 1), ("class", 2), ("class", -1), ("part", 2), ("side_px", 0), ("row", -1),
    ("name_end", 0), ("name_end", 2**62), ("name_end", -1),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), FORGED)
def test_a_sidecar_that_lies(field: str, value: int, out: Path) -> None:
    """Though its sum is that of the index."""

    def alter(records: np.ndarray) -> None:  # type: ignore[type-arg]
        records[field][3] = value

    forge(out, 0, alter)
    (notice,) = shards.load(str(out), 8).notices
    assert re.match(r"pictures-00000\.tar: left out with its 7 pictures, its sidecar says -?\d+ for the (\w+)", notice)


def test_a_count_that_lies(out: Path) -> None:
    change(out, lambda values: (values["shards"][2].update(count=6), values.update(count=20)))
    (notice,) = shards.load(str(out), 8).notices
    assert notice == "pictures-00002.tar: left out with its 6 pictures, its sidecar is not one of 6 pictures"


def test_some_that_are_decided_and_some_that_are_not(out: Path) -> None:
    forge(out, 0, lambda records: records["part"].fill(1))
    with pytest.raises(DataError, match="of which only some are said to be for training"):
        shards.load(str(out))


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


def mend(values: dict, **fields: object) -> None:  # type: ignore[type-arg]
    values["shards"][0].update(fields)


HOSTILE: dict[str, Callable[[dict], object]] = {  # type: ignore[type-arg]
    "format 2": lambda values: values.update(format=2),
    "no format": lambda values: values.pop("format"),
    "a path": lambda values: mend(values, file="../secret.tar"),
    "up": lambda values: mend(values, file=".."),
    "absolute": lambda values: mend(values, file="/etc/passwd.tar"),
    "a URL": lambda values: mend(values, file="http://127.0.0.1/x.tar"),
    "a newline": lambda values: mend(values, file="pictures-00000.tar\n"),
    "a shard twice": lambda values: mend(values, file="pictures-00001.tar"),
    "no name": lambda values: mend(values, file=None),
    "a class with a slash": lambda values: values.update(classes=["cats", "dogs/.."]),
    "a class up": lambda values: values.update(classes=["..", "dogs"]),
    "a class on two lines": lambda values: values.update(classes=["cats\n", "dogs"]),
    "half a letter": lambda values: values.update(classes=["cats", "\ud800"]),
    "one class": lambda values: values.update(classes=["cats"]),
    "classes in disorder": lambda values: values.update(classes=["dogs", "cats"]),
    "classes of numbers": lambda values: values.update(classes=[1, 2]),
    "too many": lambda values: (mend(values, count=10**15), values.update(count=10**15 + 14)),
    "more than fit": lambda values: (mend(values, count=11), values.update(count=25)),
    "another sum of counts": lambda values: values.update(count=22),
    "less than none": lambda values: mend(values, count=-7),
    "none": lambda values: mend(values, count=0),
    "true": lambda values: mend(values, count=True),
    "half": lambda values: mend(values, count=7.5),
    "negative bytes": lambda values: mend(values, bytes=-1),
    "bytes in words": lambda values: mend(values, bytes="many"),
    "absurd bytes": lambda values: mend(values, bytes=2**60),
    "absurd sidecar": lambda values: mend(values, sidecar_bytes=2**40),
    "no sum": lambda values: mend(values, sidecar_sha256="abc"),
    "a field more": lambda values: mend(values, pickle="cos"),
    "no shards": lambda values: values.update(shards=[]),
    "shards in words": lambda values: values.update(shards="pictures-00000.tar"),
    "a shard in words": lambda values: values["shards"].append("pictures-00000.tar"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_index(what: str, out: Path) -> None:
    change(out, HOSTILE[what])  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^expected an index\.json of shards at .*; got .*\. To fix: ") as refused:
        labeled.load(str(out))
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"\xff\xfe\xfd", b"{", b"[" * 100_000, b'{"count": ' + b"9" * 10_000 + b"}",
        b" " * 2**24 + b"{}",
    ],
    ids=["empty", "list", "null", "bytes", "half", "deep", "long number", "huge"],
)  # fmt: skip
def test_what_is_no_index(content: bytes, out: Path) -> None:
    (out / INDEX).write_bytes(content)
    with pytest.raises(DataError, match=r"^expected an index\.json of shards at .*; got .*\. To fix: ") as refused:
        labeled.load(str(out))
    assert "\n" not in str(refused.value)


def test_where_nothing_is(tmp_path: Path) -> None:
    for url in (tmp_path.as_uri(), "http://127.0.0.1:9/out", "memory://nowhere"):
        with pytest.raises(
            DataError, match=r"^expected an index\.json of shards at .*; got none \(.*\)\. To fix: check"
        ):
            labeled.load(url)
    with pytest.raises(DataError, match=r"a URL that fsspec can open; got nonsense://x \(.*nonsense.*\)\. To fix: "):
        labeled.load("nonsense://x")


def test_without_fsspec(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(RuntimeUnavailableError, match=r"To fix: pip install 'glassnet\[shards\]'"):
        labeled.load(str(out))


def test_what_is_a_set_of_shards(base: Path, out: Path) -> None:
    assert is_sharded(str(out))
    assert is_sharded("http://127.0.0.1/out")
    assert not is_sharded(str(base))
    (base / INDEX).write_text("{}")  # of whoever the pictures are from
    assert not is_sharded(str(base))


def test_an_index_says_of_itself_what_it_is(out: Path) -> None:
    index = read_index(str(out))
    assert index.text() == (out / INDEX).read_text()
    assert dataclasses.replace(index, shards=index.shards[:1]).count == 7
    assert isinstance(index, Index)


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
