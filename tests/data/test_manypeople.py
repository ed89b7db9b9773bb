"""More photos than fit into memory: the same people, photos and parts as of a small set, read when they are needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import manypeople, people, testset
from glassnet.data.manypeople import ManyPeople
from glassnet.data.people import People
from glassnet.data.stream import each
from glassnet.errors import DataError


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Three people with 12 photos each; copies, a photo under two names, one that is none, one that is cut off."""
    for name in ("Ada", "Bob", "Cem"):
        (tmp_path / name).mkdir()
        for number in range(12):
            pixels = np.random.default_rng(list(f"{name}{number}".encode())).integers(0, 256, (80, 64), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    shutil.copy(tmp_path / "Ada" / "3.png", tmp_path / "Ada" / "copy.png")
    shutil.copy(tmp_path / "Bob" / "5.png", tmp_path / "Cem" / "of Bob.png")
    (tmp_path / "Cem" / "bad.png").write_bytes(b"bad")
    return tmp_path


def test_they_are_those_of_a_small_set(base: Path) -> None:
    small, large = people.load(base, crop=False), manypeople.load(base, crop=False, max_pixel_bytes=38 * 5120)
    assert isinstance(small, People)
    assert isinstance(large, ManyPeople)
    assert large.training.images.shape == small.training.images.shape
    np.testing.assert_array_equal(np.stack(list(each(large.training.images))), small.training.images)
    np.testing.assert_array_equal(large.training.labels, small.training.labels)
    np.testing.assert_array_equal(large.held_out.images, small.held_out.images)
    np.testing.assert_array_equal(large.held_out.labels, small.held_out.labels)
    assert len(large.held_out.labels) == 3
    assert (large.names, large.framing, large.notices) == (small.names, small.framing, small.notices)
    assert large.source == f"{small.source}, read from their files while training"


def test_a_set_that_fits_is_in_memory(base: Path) -> None:
    assert isinstance(manypeople.load(base, crop=False, max_pixel_bytes=39 * 5120), People)


def test_of_many_held_out_some_are_used(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testset, "MAX_READ", 2)
    loaded = manypeople.load(base, crop=False, max_pixel_bytes=0)
    assert len(loaded.held_out.images) == len(loaded.held_out.labels) == 1
    assert loaded.notices[-1] == "of 3 pictures that are held out 1 are used, by a hash of their names"


def test_faces_that_are_looked_for_each_time_are_noticed(base: Path) -> None:
    loaded = manypeople.load(base, framing=people.Framing("found"), max_pixel_bytes=0)
    assert loaded.notices[0] == "the face of every photo is looked for each time it is trained on, which is slow"


def test_one_person_alone_is_refused(base: Path) -> None:
    for name in ("Ada", "Cem"):
        for path in (base / name).iterdir():
            path.write_bytes(b"bad")
    with pytest.raises(DataError, match=r"got photos of Bob only .*To fix: add photos of two people"):
        manypeople.load(base, crop=False, max_pixel_bytes=0)
