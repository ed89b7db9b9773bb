"""Folders of pictures: classes, kinds, splits that stay as they are, and what is wrong said in one line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import folder
from glassnet.data.classfolders import File, list_classes
from glassnet.data.pictures import LabeledPictures
from glassnet.data.stream import Stream, each
from glassnet.errors import DataError

ROOT = Path(__file__).parents[2]
JUNK = ("Thumbs.db", ".DS_Store", "notes.txt", "._1.png", ".hidden/1.png", "__MACOSX/1.png", "movie.mp4")


def paint(path: Path, seed: object = None, size: tuple[int, int] = (8, 8)) -> Path:
    """A picture that is like no other of another seed; its place, if none is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(list(str(path if seed is None else seed).encode()))
    Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path)
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two classes, cats and dogs, of ten pictures each."""
    for name in ("dogs", "cats"):
        for number in range(10):
            paint(tmp_path / "base" / name / f"{number}.png")
    return tmp_path / "base"


def shown(path: Path) -> bytes:
    with Image.open(path) as picture:
        return np.asarray(picture).transpose(2, 0, 1).tobytes()


def places(loaded: LabeledPictures, base: Path) -> tuple[list[str], list[str]]:
    """Which files are in training and which in the test, known again by their pixels; read at their own size."""
    names = {shown(path): path.relative_to(base).as_posix() for path in sorted(base.rglob("*.png"))}
    training, test = ([names[image.tobytes()] for image in part.images] for part in (loaded.training, loaded.test))
    return training, test


def test_classes_are_sub_folders_sorted_by_name(base: Path) -> None:
    loaded = folder.load(base, 8)
    assert loaded.classes == ("cats", "dogs")
    assert loaded.notices == ()
    training, test = places(loaded, base)
    assert training == sorted(training)
    assert test == sorted(test)
    assert sorted(training + test) == sorted(path.relative_to(base).as_posix() for path in base.rglob("*.png"))
    for part, names in ((loaded.training, training), (loaded.test, test)):
        assert (part.images.dtype, part.labels.dtype) == (np.uint8, np.int64)
        assert [loaded.classes[label] for label in part.labels] == [name.split("/")[0] for name in names]
    assert str(base) in loaded.source


def test_about_one_in_five_is_for_the_test(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(300):
            paint(tmp_path / name / f"photo {name}{number}.png", size=(2, 2))
    assert 85 < len(folder.load(tmp_path, 2).test.labels) < 155


def test_the_split_stays_when_pictures_come_and_classes_go(base: Path) -> None:
    training, test = places(folder.load(base, 8), base)
    for number in range(30):
        paint(base / "cats" / f"new {number}.png")
    for number in range(5):
        paint(base / "mice" / f"{number}.png")
    shutil.rmtree(base / "dogs")
    later_training, later_test = places(folder.load(base, 8), base)
    assert {name for name in training if "cats" in name} <= set(later_training)
    assert {name for name in test if "cats" in name} <= set(later_test)


def test_the_split_is_the_same_on_every_machine(base: Path) -> None:
    """Those of cats/0.png ... of which the program sha256sum prints less than 33333333..., a fifth of ffffffff..."""
    test = ["cats/0.png", "cats/1.png", "cats/5.png", "cats/7.png", "dogs/5.png", "dogs/6.png", "dogs/9.png"]
    assert places(folder.load(base, 8), base)[1] == test


@pytest.mark.parametrize("count", range(2, 8))
def test_each_class_has_pictures_on_both_sides(count: int, tmp_path: Path) -> None:
    for number in range(20):
        for picture in range(count):
            paint(tmp_path / f"class {number:02}" / f"{number}-{picture}.png", size=(2, 2))
    loaded = folder.load(tmp_path, 2)
    assert set(loaded.training.labels) == set(loaded.test.labels) == set(range(20))


def test_a_class_of_one_picture_is_trained_on(base: Path) -> None:
    paint(base / "mice" / "only.png")
    training, test = places(folder.load(base, 8), base)
    assert "mice/only.png" in training
    assert "mice/only.png" not in test


@pytest.mark.parametrize("held_out", ["test", "val", "validation"])
def test_a_split_that_is_there_is_kept(held_out: str, tmp_path: Path) -> None:
    for part, count in (("train", 3), (held_out, 2)):
        for name in ("cats", "dogs"):
            for number in range(count):
                paint(tmp_path / part / name / f"{number}.png")
    paint(tmp_path / held_out / "mice" / "1.png")
    loaded = folder.load(tmp_path, 8)
    assert loaded.classes == ("cats", "dogs")
    assert loaded.training.labels.tolist() == [0] * 3 + [1] * 3
    assert loaded.test.labels.tolist() == [0] * 2 + [1] * 2
    assert all(name.startswith("train/") for name in places(loaded, tmp_path)[0])
    assert loaded.notices == ("mice: left out of the test, no picture of it is in training",)


def test_what_lies_beside_train_and_test_is_noticed(tmp_path: Path) -> None:
    for part in ("train", "test", "val"):
        for name in ("cats", "dogs"):
            paint(tmp_path / part / name / "1.png")
    loaded = folder.load(tmp_path, 8)
    assert loaded.notices == ("val: left out, beside train and test",)
    assert places(loaded, tmp_path)[1] == ["test/cats/1.png", "test/dogs/1.png"]


def test_a_train_folder_alone_is_split(base: Path) -> None:
    (base.parent / "outer").mkdir()
    base.rename(base.parent / "outer" / "train")
    assert len(folder.load(base.parent / "outer", 8).test.labels) == 7


def test_junk_is_ignored_and_nested_and_nameless_pictures_are_found(base: Path) -> None:
    for name in JUNK:
        (base / "cats" / name).parent.mkdir(exist_ok=True)
        (base / "cats" / name).write_bytes(b"junk")
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_bytes(b"junk")
    (base / "cats" / "BMW.txt").write_bytes(b"BMW is a text that begins as a bitmap does")
    paint(base / "cats" / "more" / "of them" / "1.png")
    paint(base / "dogs" / "10.png").rename(base / "dogs" / "nameless")
    os.mkfifo(base / "cats" / "pipe")
    loaded = folder.load(base, 8)
    assert loaded.classes == ("cats", "dogs")
    assert loaded.notices == ()
    counts = np.bincount(loaded.training.labels) + np.bincount(loaded.test.labels)
    assert counts.tolist() == [11, 11]


def test_pictures_that_cannot_be_read_are_noticed(base: Path) -> None:
    for number in range(25):
        (base / "dogs" / f"bad {number:02}.JPG").write_bytes(b"no picture")
    (base / "cats" / "cut.png").write_bytes((base / "cats" / "1.png").read_bytes()[:100])
    (base / "fish").mkdir()
    loaded = folder.load(base, 8)
    assert loaded.notices[0] == "fish: left out, no picture in it"
    assert loaded.notices[1].startswith("cats/cut.png: left out, one that cannot be read (")
    assert loaded.notices[2] == "dogs/bad 00.JPG: left out, a file of another kind"
    assert loaded.notices[-1] == "and 6 more of this kind"
    assert len(loaded.training.labels) + len(loaded.test.labels) == 20


def test_copies_are_never_on_both_sides(base: Path) -> None:
    for number in range(10):
        for copy in range(5):
            shutil.copy(base / "cats" / f"{number}.png", base / "cats" / f"copy {copy} of {number}.png")
    shutil.copy(base / "dogs" / "1.png", base / "cats" / "4.png")
    loaded = folder.load(base, 8)
    training, test = ({image.tobytes() for image in part.images} for part in (loaded.training, loaded.test))
    assert test
    assert not training & test


def test_copies_between_folders_leave_the_test(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("cats", "dogs"):
            for number in range(2):
                paint(tmp_path / part / name / f"{number}.png")
    shutil.copy(tmp_path / "train" / "cats" / "0.png", tmp_path / "test" / "dogs" / "0.png")
    loaded = folder.load(tmp_path, 8)
    assert loaded.notices == ("dogs/0.png: left out of the test, it is in training",)
    assert len(loaded.test.labels) == 3
    assert len(loaded.training.labels) == 4


@pytest.mark.parametrize(("sides", "expected"), [((20, 30, 47), 32), ((20, 48, 100), 64), ((47, 48, 49), 64)])
def test_the_size_fits_the_pictures(sides: tuple[int, ...], expected: int, tmp_path: Path) -> None:
    for name in ("a", "b"):
        for side in sides:
            paint(tmp_path / name / f"{side}.png", size=(side, side + 30))
    assert folder.load(tmp_path).training.images.shape[1:] == (3, expected, expected)


def test_gray_pictures_have_three_equal_channels(base: Path) -> None:
    for path in base.rglob("*.png"):
        with Image.open(path) as picture:
            gray = picture.convert("L")
        gray.save(path)
    images = folder.load(base, 8).training.images
    np.testing.assert_array_equal(images[:, :1].repeat(3, axis=1), images)


def test_rings_of_links_end(base: Path) -> None:
    (base / "cats" / "again").symlink_to(base / "cats")
    (base / "ring").symlink_to(base)
    (base / "up").symlink_to(base.parent)
    (base / "lost").symlink_to(base / "nowhere")
    (base / "cats" / "lost.png").symlink_to(base / "nowhere")
    (base / "cats" / "linked.png").symlink_to(paint(base.parent / "elsewhere.png"))
    loaded = folder.load(base, 8)
    assert loaded.classes == ("cats", "dogs")
    assert [notice.split(": ")[1] for notice in loaded.notices] == ["left out, a link to a folder that it lies in"] * 2
    assert len(loaded.training.labels) + len(loaded.test.labels) == 21


def test_names_of_any_bytes_are_read(base: Path) -> None:
    strange = os.fsdecode(b"\xff\xfe")
    paint(base / strange / "1.png", seed=1)
    paint(base / strange / f"{strange}.png", seed=2)
    (base / strange / f"bad {strange}.png").write_bytes(b"bad")
    loaded = folder.load(base, 8)
    assert loaded.classes[2].encode()
    assert loaded.notices[0].encode()


def emptied(base: Path) -> Path:
    for path in base.rglob("*.png"):
        path.write_bytes(b"bad")
    return base


def single(base: Path) -> Path:
    for path in base.rglob("[1-9].png"):
        path.unlink()
    return base


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda base: base / "nowhere", "got nothing there. To fix: give the path"),
        (lambda base: base / "cats" / "1.png", "got a file. To fix: give the path"),
        (lambda base: base / "cats", "got a folder without sub-folders. To fix: make one sub-folder for each class"),
        (lambda base: (base / "cats").rename(base / "dogs" / "cats").parents[1], "got only one, dogs. To fix: make"),
        (lambda base: base / ("x" * 5000), "got a path that cannot be used .*. To fix: check its name"),
        (lambda base: Path("~nobody-of-that-name/x"), "got a path that cannot be used .*. To fix: check its name"),
        (
            emptied,
            r"got readable pictures of none only \(cats/0.png: left out, a file of another kind\). To fix: add",
        ),
        (single, "got none left for the test.*. To fix: add"),
    ],
    ids=["missing", "file", "empty", "one", "long", "nobody", "unreadable", "single"],
)
def test_what_is_no_such_folder_is_one_line(make: Callable[[Path], Path], got: str, base: Path) -> None:
    with pytest.raises(DataError, match=rf"^expected .* two or more classes .*; {got}") as refused:
        folder.load(make(base))
    assert "\n" not in str(refused.value)


@pytest.fixture
def _whole_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of large sets all of the test, as of small ones."""
    monkeypatch.setattr(folder, "TEST_BYTES_DIVISOR", 1)


def in_memory(loaded: folder.Loaded) -> list[np.ndarray]:
    """Images and labels of training and test, wherever they are."""
    images = np.stack(list(each(loaded.training.images)))
    return [images, loaded.training.labels, loaded.test.images, loaded.test.labels]


def assert_same(one: folder.Loaded, other: folder.Loaded) -> None:
    for mine, theirs in zip(in_memory(one), in_memory(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert one.classes == other.classes


@pytest.mark.usefixtures("_whole_test")
def test_a_set_larger_than_memory_is_the_same_set(base: Path) -> None:
    """With copies, pictures that are none, and a name that says nothing."""
    shutil.copy(base / "cats" / "1.png", base / "cats" / "copy.png")
    shutil.copy(base / "dogs" / "2.png", base / "cats" / "0.png")
    (base / "dogs" / "bad.png").write_bytes(b"bad")
    paint(base / "dogs" / "10.png").rename(base / "dogs" / "nameless")
    small, large = folder.load(base, 8), folder.load(base, 8, max_pixel_bytes=22 * 192)
    assert isinstance(large.training.images, Stream)
    assert large.training.images.shape == small.training.images.shape
    assert_same(small, large)
    assert large.notices == small.notices
    assert large.source == f"{small.source}, read from their files while training"


@pytest.mark.usefixtures("_whole_test")
def test_a_split_that_is_there_is_kept_in_a_large_set(tmp_path: Path) -> None:
    for part, count in (("train", 9), ("test", 4)):
        for name in ("cats", "dogs"):
            for number in range(count):
                paint(tmp_path / part / name / f"{number}.png")
    shutil.copy(tmp_path / "train" / "cats" / "0.png", tmp_path / "test" / "dogs" / "0.png")
    small, large = folder.load(tmp_path, 8), folder.load(tmp_path, 8, max_pixel_bytes=25 * 192)
    assert isinstance(large.training.images, Stream)
    assert_same(small, large)
    assert large.notices == small.notices == ("dogs/0.png: left out of the test, it is in training",)


def test_of_a_large_set_the_test_is_a_part(base: Path) -> None:
    """Of seven pictures the two whose names have the smallest hashes; none of the others is trained on."""
    whole, part = folder.load(base, 8), folder.load(base, 8, max_pixel_bytes=2 * 8 * 192)
    assert part.notices == ("of 7 pictures that are held out 2 are used, by a hash of their names",)
    assert part.source.startswith("13 + 2 pictures of 2 classes")
    kept = {image.tobytes() for image in part.test.images}
    assert len(kept) == 2
    assert kept < {image.tobytes() for image in whole.test.images}
    np.testing.assert_array_equal(in_memory(part)[0], whole.training.images)


@pytest.mark.usefixtures("_whole_test")
def test_damage_behind_the_header_is_found_late_in_a_large_set(base: Path) -> None:
    """Of the test at once; of the training it is a matter of who reads."""
    for name in ("cats/0.png", "cats/2.png"):
        (base / name).write_bytes((base / name).read_bytes()[:100])
    large = folder.load(base, 8, max_pixel_bytes=19 * 192)
    assert len(large.training.images) == 13
    assert [notice.split(",")[0] for notice in large.notices] == ["cats/0.png: left out"]
    assert len(large.test.images) == len(large.test.labels) == 6
    assert len(in_memory(large)[0]) == 12


def test_a_list_of_files_is_a_sequence(base: Path) -> None:
    files = list_classes(base).training
    assert len(files) == 20
    assert files[3] == File(base / "cats" / "3.png", "cats", "3.png")
    assert [file.name for file in files[np.array([19, 0])]] == ["9.png", "0.png"]
    assert list(files[5:7]) == [files[5], files[6]]
    both = files[:2] + files[18:]
    assert [file.path for file in both] == [files[place].path for place in (0, 1, 18, 19)]
    classes, class_of = both.classes()
    assert (classes, class_of.tolist()) == (["cats", "dogs"], [0, 0, 1, 1])
    assert list(files[:0]) == []


@pytest.fixture(scope="session")
def faces() -> Path:
    base = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    if not (base / "faces" / "att_faces" / "s1").is_dir():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    return base / "faces"


def test_real_faces(faces: Path) -> None:
    loaded = folder.load(faces / "att_faces")
    assert loaded.classes[:3] == ("s1", "s10", "s11")
    assert len(loaded.classes) == 40
    counts = np.bincount(loaded.training.labels) + np.bincount(loaded.test.labels)
    assert counts.tolist() == [10] * 40
    assert loaded.training.images.shape[1:] == (3, 64, 64)
    # 92 x 112: what is cut off lies above and below.
    photos = [np.asarray(Image.open(path))[10:102] for path in (faces / "att_faces" / "s1").glob("*.pgm")]
    assert min(abs(loaded.training.images[0].mean() - photo.mean()) for photo in photos) < 1


@pytest.mark.slow
def test_real_photos_from_the_news(faces: Path) -> None:
    loaded = folder.load(faces / "lfwa_min20", 32)
    assert len(loaded.classes) == 62
    assert len(loaded.training.labels) + len(loaded.test.labels) == 2442
    assert 0.15 < len(loaded.test.labels) / 2442 < 0.25
    assert set(loaded.training.labels) == set(loaded.test.labels) == set(range(62))
