"""People: who is known, which photos are held out, what is left out and why, and photos to test with."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from glassnet.data import people
from glassnet.data.facecrop import Framing
from glassnet.errors import DataError

ROOT = Path(__file__).parents[2]
WHOLE = Framing("whole")
STRANGE_NAMES = ("דנה כהן", "x..\\..\\etc", "$(reboot) 'n' \"x\"", "Ann  Lee", "-rf", "%s{0}", "null")


def paint(path: Path, seed: object = None, size: tuple[int, int] = (16, 20), **options: object) -> Path:
    """A picture that is like no other of another seed; its place, if none is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(list(str(path if seed is None else seed).encode()))
    Image.fromarray(generator.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(path, **options)
    return path


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two persons, Ada and Bob, of four photos each."""
    for name in ("Bob", "Ada"):
        for number in range(4):
            paint(tmp_path / "base" / name / f"{number}.png")
    return tmp_path / "base"


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """With one face."""
    return Image.fromarray(astronaut()).convert("L")


def names_of(files: tuple[Path, ...], base: Path) -> list[str]:
    return [path.relative_to(base).as_posix() for path in files]


def test_persons_are_sub_folders_sorted_by_name(base: Path) -> None:
    known = people.load(base, framing=WHOLE)
    assert known.names == ("Ada", "Bob")
    assert known.notices == ()
    assert (known.training.images.shape, known.training.images.dtype) == ((8, 1, 80, 64), np.uint8)
    assert known.training.labels.tolist() == [0] * 4 + [1] * 4
    assert known.training.labels.dtype == known.held_out.labels.dtype == np.int64
    assert names_of(known.training_files, base) == [f"{name}/{n}.png" for name in ("Ada", "Bob") for n in range(4)]
    assert (known.held_out.images.shape, known.held_out_files) == ((0, 1, 80, 64), ())
    assert known.source == f"8 photos of 2 people from {base}, 0 of them held out"
    read = people.read_faces(known.training_files, WHOLE)
    np.testing.assert_array_equal(np.stack(read), known.training.images)


@pytest.mark.parametrize(("count", "held_out"), [(1, 0), (7, 0), (8, 1), (19, 1), (20, 2), (45, 4)])
def test_a_tenth_of_each_person_is_held_out(count: int, held_out: int, base: Path) -> None:
    for number in range(count):
        paint(base / "Cem" / f"{number}.png")
    known = people.load(base, framing=WHOLE)
    assert known.names == ("Ada", "Bob", "Cem")
    assert known.held_out.labels.tolist() == [2] * held_out
    assert len(known.training.labels) == 8 + count - held_out
    assert not set(known.training_files) & set(known.held_out_files)


def test_what_is_held_out_stays_so(base: Path) -> None:
    """Those of whose names, as Cem/0.png, the program sha256sum prints the smallest sums; others may come and go."""
    for number in range(20):
        paint(base / "Cem" / f"{number}.png")
    known = people.load(base, framing=WHOLE)
    assert names_of(known.held_out_files, base) == ["Cem/16.png", "Cem/2.png"]
    for number in range(20, 29):
        paint(base / "Cem" / f"{number}.png")
    shutil.rmtree(base / "Ada")
    paint(base / "Zoe" / "0.png")
    later = people.load(base, framing=WHOLE)
    assert len(set(known.held_out_files) & set(later.held_out_files)) >= 1


def test_copies_take_nothing_out_of_the_training(base: Path) -> None:
    for number in range(8):
        paint(base / "Cem" / f"{number}.png")
    (held_out,) = people.load(base, framing=WHOLE).held_out_files
    trained_on = base / "Cem" / ("0.png" if held_out.name != "0.png" else "1.png")
    for number in range(30):
        copy = shutil.copy(trained_on, base / "Cem" / f"copy {number}.png")
        assert people.load(base, framing=WHOLE).held_out_files == (held_out,)
        copy.unlink()


def test_photos_of_doubtful_names_do_not_count(base: Path) -> None:
    for number in range(8):
        paint(base / "Cem" / f"{number}.png")
    shutil.copy(base / "Cem" / "0.png", base / "Bob" / "friend.png")
    assert people.load(base, framing=WHOLE).held_out_files == ()


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_names_are_only_text(name: str, base: Path) -> None:
    paint(base / name / "1.png")
    (base / name / "bad.png").write_bytes(b"bad")
    known = people.load(base, framing=WHOLE)
    assert name in known.names
    assert known.notices == (f"{name}/bad.png: left out, a file of another kind",)
    assert sorted(path.name for path in base.parent.iterdir()) == ["base"]


def test_a_name_is_one_however_it_is_written(base: Path) -> None:
    for form in ("NFC", "NFD"):
        paint(base / unicodedata.normalize(form, "Zoë") / "1.png", seed=form)
    known = people.load(base, framing=WHOLE)
    assert known.names == ("Ada", "Bob", "Zo\u00eb")
    assert known.training.labels.tolist()[8:] == [2, 2]
    probes = people.load_test(base, known.names, WHOLE)
    assert probes.pictures.labels.tolist() == known.training.labels.tolist()


def test_names_stay_on_one_line(base: Path) -> None:
    paint(base / "two\nlines\x1b[2J" / "1.png")
    assert people.load(base, framing=WHOLE).names[2] == "two\ufffdlines\ufffd[2J"


def test_a_photo_counts_once(base: Path) -> None:
    shutil.copy(base / "Ada" / "1.png", base / "Ada" / "9.png")
    shutil.copy(base / "Ada" / "2.png", base / "Bob" / "friend.png")
    known = people.load(base, framing=WHOLE)
    assert known.notices == (
        "Ada/2.png and Bob/friend.png: left out, the same photo under several names",
        "Ada/9.png: left out, a copy of Ada/1.png",
    )
    assert names_of(known.training_files, base) == [
        *("Ada/0.png", "Ada/1.png", "Ada/3.png"), *(f"Bob/{number}.png" for number in range(4))
    ]  # fmt: skip


def test_copies_count_once_for_what_is_held_out(base: Path) -> None:
    for number in range(1, 9):
        shutil.copy(base / "Ada" / "0.png", base / "Ada" / f"copy {number}.png")
    known = people.load(base, framing=WHOLE)
    assert len(known.held_out_files) == 0
    assert len(known.notices) == 8


def test_a_person_of_whom_nothing_is_left_is_not_known(base: Path) -> None:
    paint(base / "Cem" / "1.png")
    (base / "Cem" / "1.png").write_bytes(b"bad")
    (base / "Dan").mkdir()
    known = people.load(base, framing=WHOLE)
    assert known.names == ("Ada", "Bob")
    assert known.notices == (
        "Dan: left out, no picture in it",
        "Cem/1.png: left out, a file of another kind",
        "Cem: left out, no face of this person is left",
    )


def deep(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 65536, (20, 16)).astype(np.uint16)).save(path)


def animation(path: Path) -> None:
    frames = [Image.new("L", (16, 20), value) for value in (10, 250)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def cmyk(path: Path) -> None:
    Image.new("CMYK", (16, 20), (0, 0, 0, 200)).save(path)


def cut_off(path: Path) -> None:
    paint(path, size=(160, 200))
    path.write_bytes(path.read_bytes()[:4000])


def text(path: Path) -> None:
    path.write_text("a portrait of the artist")


def bomb(path: Path) -> None:
    Image.new("1", (10_000, 9_000)).save(path)


@pytest.mark.parametrize(
    ("name", "make", "mean"),
    [("x.pgm", deep, 127), ("x.png", deep, 127), ("x.gif", animation, 10), ("x.jpg", cmyk, 55)],
)
def test_photos_of_every_kind_are_read(name: str, make: Callable, mean: int, base: Path) -> None:
    make(base / "Bob" / name)
    known = people.load(base, framing=WHOLE)
    assert known.notices == ()
    (image,) = (known.training.images[n] for n, path in enumerate(known.training_files) if path.name == name)
    assert abs(image.mean() - mean) < 6


@pytest.mark.parametrize(
    ("name", "make", "why"),
    [
        ("x.jpg", cut_off, "one that cannot be read ("),
        ("x.jpg", text, "a file of another kind"),
        ("x.png", bomb, "one of 10000 x 9000 pixels"),
        ("x.jpg", Path.touch, "an empty file"),
    ],
    ids=["cut off", "text", "bomb", "empty"],
)
def test_photos_that_cannot_be_read_are_named(name: str, make: Callable, why: str, base: Path) -> None:
    make(base / "Bob" / name)
    known = people.load(base, framing=WHOLE)
    assert len(known.training_files) == 8
    (notice,) = known.notices
    assert notice.startswith(f"Bob/{name}: left out, {why}")
    (reason,) = people.read_faces([base / "Bob" / name], WHOLE)
    assert isinstance(reason, str)
    assert reason.startswith(why)


def test_twenty_lines_of_each_kind_are_enough(base: Path, photo: Image.Image) -> None:
    for number in range(23):
        (base / "Bob" / f"bad {number}.jpg").write_bytes(b"bad")
        paint(base / "Ada" / f"faceless {number}.png")
    for name, shift in (("Ada", 0), ("Bob", 9)):
        photo.crop((shift, 0, 512, 512)).save(base / name / "face.png")
    known = people.load(base, framing=Framing("found"))
    assert len(known.notices) == 2 * 21
    assert known.notices[20] == "and 3 more of this kind"
    assert known.notices[21] == "Ada/0.png: left out, no face found in it"
    assert known.notices[41] == "and 11 more of this kind"
    assert names_of(known.training_files, base) == ["Ada/face.png", "Bob/face.png"]


def test_the_framing_suits_the_photos(base: Path, photo: Image.Image) -> None:
    """Her face at the same place and size, in photos of the same size that differ in their light."""
    for path in base.rglob("*.png"):
        path.unlink()
    for number in range(12):
        light = photo.point(lambda value, number=number: value * (30 - number) // 30)
        light.crop((98, 0, 348, 250)).save(base / ("Ada", "Bob")[number % 2] / f"{number}.png")
    known = people.load(base)
    assert (known.framing.kind, known.framing.photo_size) == ("box", (250, 250))
    assert known.training.images.std() > 30
    assert people.load(base, crop=False).framing == WHOLE
    face, none = people.read_faces([base / "Ada" / "0.png", paint(base / "none.png")], known.framing)
    np.testing.assert_array_equal(face, known.training.images[0])
    assert none == "no face found in it"


def test_faces_are_the_same_whatever_thread_looks_for_them(tmp_path: Path, photo: Image.Image) -> None:
    for number in range(6):
        photo.crop((98 - number, 0, 348, 250 + number)).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.iterdir())
    together = people.read_faces(paths, Framing("found"))
    for path, face in reversed(list(zip(paths, together, strict=True))):
        np.testing.assert_array_equal(people.read_faces([path], Framing("found"))[0], face)


def test_without_opencv_photos_are_taken_whole(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    known = people.load(base)
    assert known.framing == WHOLE
    assert known.notices[0].startswith("faces are not looked for, the photos are taken whole: OpenCV cannot be imp")
    assert known.notices[0].endswith("pip install 'glassnet[faces]'")
    assert people.load(base, crop=False).notices == ()


def in_two(base: Path) -> Path:
    """Train and test: known persons and a stranger."""
    (base.parent / "both").mkdir()
    base.rename(base.parent / "both" / "train")
    for name in ("Bob", "Eve"):
        for number in range(2):
            paint(base.parent / "both" / "test" / name / f"{number}.png")
    return base.parent / "both"


def test_test_photos_are_not_trained_on(base: Path) -> None:
    both = in_two(base)
    known = people.load(both, framing=WHOLE)
    assert known.names == ("Ada", "Bob")
    assert len(known.training_files) == 8
    assert all(both / "train" in path.parents for path in known.training_files)
    probes = people.load_test(both, known.names, WHOLE)
    assert names_of(probes.files, both / "test") == ["Bob/0.png", "Bob/1.png", "Eve/0.png", "Eve/1.png"]
    assert probes.pictures.labels.tolist() == [1, 1, people.STRANGER, people.STRANGER]
    assert probes.pictures.images.shape == (4, 1, 80, 64)
    assert probes.source == f"4 photos from {both / 'test'}, 2 of them of strangers"


def test_what_was_trained_on_leaves_the_test(base: Path) -> None:
    both = in_two(base)
    shutil.copy(both / "train" / "Ada" / "1.png", both / "test" / "Eve" / "9.png")
    (both / "train" / "Ada" / "bad.png").write_bytes(b"")
    probes = people.load_test(both, ("Ada", "Bob"), WHOLE)
    assert len(probes.files) == 4
    assert probes.notices == (f"Eve/9.png: left out, it is in {both / 'train'}",)
    with pytest.raises(DataError, match=r"; got no face to test with \(Ada/bad.png: left out, an empty file\)"):
        people.load_test(both / "train", ("Ada", "Bob"), WHOLE, trained_on=both)


def test_one_stranger_is_enough_for_a_test(base: Path) -> None:
    shutil.rmtree(base / "Bob")
    assert people.load_test(base, ("Bob", "Cem"), WHOLE).pictures.labels.tolist() == [people.STRANGER] * 4


def empty(base: Path) -> Path:
    (base / "none").mkdir()
    return base / "none"


def alone(base: Path) -> Path:
    shutil.rmtree(base / "Bob")
    return base


def spoilt(base: Path) -> Path:
    for path in (base / "Bob").iterdir():
        path.write_bytes(b"bad")
    return base


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda base: base / "nowhere", "nothing there"),
        (lambda base: base / "Ada" / "1.png", "a file"),
        (empty, "a folder without sub-folders"),
        (alone, "only one, Ada"),
        (spoilt, r"faces of Ada only \(Bob/0.png: left out, a file of another kind\)"),
    ],
)
def test_what_is_no_folder_of_people_is_one_line(make: Callable[[Path], Path], got: str, base: Path) -> None:
    with pytest.raises(DataError, match=rf"^expected .*; got {got}\. To fix: ") as refused:
        people.load(make(base), framing=WHOLE)
    assert "\n" not in str(refused.value)


def test_what_may_not_be_read_is_one_line(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator may read everything, so the system's refusal is played."""
    really_open, really_list = Path.open, Path.iterdir

    def open_(path: Path, *arguments: object) -> object:
        if path.name == "1.png":
            raise PermissionError(13, "Permission denied")
        return really_open(path, *arguments)

    monkeypatch.setattr(Path, "open", open_)
    known = people.load(base, framing=WHOLE)
    assert known.notices == tuple(
        f"{name}/1.png: left out, one that cannot be opened (Permission denied)" for name in ("Ada", "Bob")
    )

    def iterdir(path: Path) -> object:
        if path == base:
            raise PermissionError(13, "Permission denied")
        return really_list(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(DataError, match=r"got a path that cannot be used \(.*Permission denied\)"):
        people.load(base, framing=WHOLE)


def test_a_photo_of_fifty_megapixels_is_read(base: Path, photo: Image.Image) -> None:
    large = Image.new("L", (8192, 6144), 120)
    large.paste(photo.resize((2048, 2048)), (3000, 1000))
    large.save(base / "Ada" / "large.jpg", quality=80)
    face, small = people.read_faces([base / "Ada" / "large.jpg", base / "Ada" / "0.png"], Framing("found"))
    assert isinstance(face, np.ndarray)
    assert face.std() > 30
    assert small == "no face found in it"


def test_photos_given_to_read_answer_in_order(base: Path) -> None:
    assert people.read_faces([], WHOLE) == []
    face, missing, folder = people.read_faces([base / "Ada" / "0.png", base / "none.jpg", base], WHOLE)
    assert isinstance(face, np.ndarray)
    assert (missing, folder) == ("nothing there", "a folder")


@pytest.fixture(scope="session")
def faces() -> Path:
    place = Path(os.environ.get("GLASSNET_DATA") or ROOT.parent / "shared" / "data")
    if not (place / "faces" / "att_faces" / "s1").is_dir():
        pytest.skip("needs $GLASSNET_DATA or ../shared/data")
    return place / "faces"


@pytest.mark.slow
def test_real_portraits_are_taken_whole(faces: Path) -> None:
    known = people.load(faces / "att_faces")
    assert (known.framing.kind, known.framing.photo_size) == ("whole", (92, 112))
    assert known.names[:3] == ("s1", "s10", "s11")
    assert np.bincount(known.training.labels).tolist() == [9] * 40
    assert np.bincount(known.held_out.labels).tolist() == [1] * 40
    assert known.notices == ()


@pytest.mark.slow
def test_real_photos_from_the_news_get_one_box(faces: Path, tmp_path: Path) -> None:
    for path in sorted((faces / "lfwa_min20").iterdir())[:3]:
        (tmp_path / path.name).symlink_to(path)
    known = people.load(tmp_path)
    assert (known.framing.kind, known.framing.photo_size) == ("box", (250, 250))
    np.testing.assert_allclose(known.framing.box, (67, 52, 118, 147), atol=5)
    counts = Counter(known.training.labels.tolist()) + Counter(known.held_out.labels.tolist())
    assert sum(counts.values()) == len(list((faces / "lfwa_min20").glob("A[lm]*/*.jpg")))
    held_out = Counter(known.held_out.labels.tolist())
    assert all(held_out[label] == max(count // 10, 1) for label, count in counts.items())
