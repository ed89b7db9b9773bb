"""The index of shards and what lies beside them: no word of either is believed, and what is wrong is one line."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassnet.data import labeled, shards
from glassnet.data.shardindex import INDEX, Index, is_sharded, read_index
from glassnet.data.shardwriter import write_shards
from glassnet.errors import DataError, RuntimeUnavailableError
from tests.data.sharded import SHARD_BYTES, change, forge, paint


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Cats and dogs, of whom one is there twice."""
    for number in range(10):
        for name in ("cats", "dogs"):
            paint(tmp_path / "base" / name / f"{number}.png")
    shutil.copy(tmp_path / "base" / "cats" / "1.png", tmp_path / "base" / "cats" / "copy of 1.png")
    return tmp_path / "base"


@pytest.fixture
def out(base: Path) -> Path:
    write_shards(base, base.parent / "out", SHARD_BYTES, lambda done, num: None)
    return base.parent / "out"


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
