"""Faces: a real one is found, leveled and cut out; the framing that a set gets; what a later photo becomes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from glassnet.data.facecrop import FACE_SHAPE, Framing, Sighting, choose_framing, cut_face, sight
from glassnet.data.facefinder import Place, find_face, level, missing
from glassnet.errors import DataError, RuntimeUnavailableError

# Where her face is, by eye: between the eyes and the mouth, and from ear to ear.
X, Y, WIDTH = 222, 118, 105
TALL, WIDE = FACE_SHAPE


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """Colonel Collins; her face is in the upper half, a fifth of the width."""
    return Image.fromarray(astronaut()).convert("L")


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def jpeg(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def cut(content: bytes, framing: Framing) -> np.ndarray:
    face = cut_face(Path("photo"), content, framing)
    assert face is not None
    assert (face.shape, face.dtype) == ((1, TALL, WIDE), np.uint8)
    return face[0].astype(float)


def likeness(face: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(face.ravel(), other.ravel())[0, 1])


def around(photo: Image.Image, left: float, top: float, width: float) -> np.ndarray:
    """What ought to come of a photo, by a plain crop."""
    height = width * TALL / WIDE
    part = photo.crop((round(left), round(top), round(left + width), round(top + height)))
    return np.asarray(part.resize((WIDE, TALL), Image.Resampling.LANCZOS)).astype(float)


def test_a_face_is_found_where_it_is(photo: Image.Image) -> None:
    face = find_face(photo)
    assert face is not None
    assert abs(face.x_px - X) < 12
    assert abs(face.y_px - Y) < 12
    assert abs(face.width_px - WIDTH) < 20


def test_no_face_is_found_where_none_is(photo: Image.Image) -> None:
    assert find_face(photo.crop((300, 300, 512, 512))) is None
    assert find_face(Image.new("L", (1, 1))) is None
    assert cut_face(Path("photo"), png(Image.new("L", (300, 5000), 90)), Framing("found")) is None


@pytest.mark.parametrize("tilt_deg", [-15, 12])
def test_tilted_faces_are_leveled(photo: Image.Image, tilt_deg: int) -> None:
    straight = find_face(photo)
    assert straight is not None
    tilted = photo.rotate(-tilt_deg, Image.Resampling.BICUBIC, center=(X, Y))
    face = find_face(tilted)
    assert face is not None
    assert abs(level(tilted, face).tilt_deg - level(photo, straight).tilt_deg - tilt_deg) < 6
    upright = cut(png(photo), Framing("found"))
    as_it_is = around(tilted, face.x_px - face.width_px / 2, face.y_px - face.width_px * 0.625, face.width_px)
    assert likeness(cut(png(tilted), Framing("found")), upright) > likeness(as_it_is, upright) + 0.15


def test_found_faces_are_the_same_at_any_size_of_the_photo(photo: Image.Image) -> None:
    usual = cut(png(photo), Framing("found"))
    for factor in (2, 7):
        large = photo.resize((512 * factor, 512 * factor), Image.Resampling.BICUBIC)
        assert likeness(cut(jpeg(large), Framing("found")), usual) > 0.95


def test_the_camera_s_note_of_what_is_up_is_heard(photo: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = photo.resize((2000, 1600)).transpose(Image.Transpose.ROTATE_90)
    usual = cut(png(photo.resize((2000, 1600))), Framing("found"))
    assert likeness(cut(jpeg(lying, exif=exif), Framing("found")), usual) > 0.95
    assert sight(Path("photo"), jpeg(lying, exif=exif)).size == (2000, 1600)


def test_a_small_face_in_a_large_photo_is_cut_out_of_all_its_pixels(photo: Image.Image) -> None:
    """What libjpeg leaves out at half the size is there: stripes two pixels apart on the face."""
    scene = Image.new("L", (5600, 4200), 120)
    scene.paste(photo.resize((1024, 1024)), (2200, 1500))
    stripes = np.asarray(scene).copy()
    stripes[:, ::2] //= 2
    plain, striped = (cut(jpeg(Image.fromarray(p)), Framing("box", (5600, 4200), (2600, 1600, 64, 80)))
                      for p in (np.asarray(scene), stripes))  # fmt: skip
    assert np.abs(np.diff(striped, axis=1)).mean() > 2 * np.abs(np.diff(plain, axis=1)).mean()


def test_whole_photos_are_scaled_and_their_middle_is_kept() -> None:
    wide = np.zeros((160, 400), np.uint8)
    wide[:, 136:264] = 200
    assert (cut(png(Image.fromarray(wide)), Framing("whole"))[:, 2:-2] > 190).all()
    high = np.zeros((400, 128), np.uint8)
    high[120:280] = 200
    assert (cut(png(Image.fromarray(high)), Framing("whole"))[2:-2] > 190).all()
    exact = np.random.default_rng(0).integers(0, 256, (TALL, WIDE), np.uint8)
    np.testing.assert_array_equal(cut(png(Image.fromarray(exact)), Framing("whole")), exact)


def test_one_box_is_for_photos_of_the_set_s_size(photo: Image.Image) -> None:
    framing = Framing("box", (512, 512), (40, 300, 128, 160))
    assert likeness(cut(png(photo), framing), around(photo, 40, 300, 128)) > 0.999
    other = cut(png(photo.resize((700, 700))), framing)
    assert likeness(other, cut(png(photo), Framing("found"))) > 0.95


def test_what_lies_outside_of_the_photo_is_black(photo: Image.Image) -> None:
    face = cut(png(photo), Framing("box", (512, 512), (-64, 0, 128, 160)))
    assert face[:, : WIDE // 2 - 4].max() == 0
    assert face[:, WIDE // 2 + 2 :].mean() > 50


def test_a_photo_for_a_set_of_faces_is_framed_as_these(photo: Image.Image) -> None:
    """The set: portraits in which the finder's square is 0.8 of the width; the photo: all of her, or just that."""
    framing = Framing("whole", (100, 125), face=(0.5, 0.55, 0.8))
    portrait = photo.crop((X - 65, Y - 90, X + 65, Y + 72))
    usual = cut(png(portrait.resize((100, 125), Image.Resampling.LANCZOS)), framing)
    assert likeness(cut(png(portrait.resize((400, 500))), framing), usual) > 0.98
    assert likeness(cut(png(photo), framing), usual) > 0.65
    # No face in either: one may be a face that the finder does not know, by its shape; the other is not.
    assert cut_face(Path("photo"), png(Image.new("L", (400, 500), 9)), framing) is not None
    assert cut_face(Path("photo"), png(Image.new("L", (500, 400), 9)), framing) is None
    assert cut_face(Path("photo"), png(Image.new("L", (500, 400), 9)), Framing("whole")) is not None


def seen(count: int, size: tuple[int, int], width: float, spread: float = 0.0, found: float = 1.0) -> list[Sighting]:
    """Faces around the middle of photos, off by `spread` of their width."""
    offs = np.random.default_rng(count).normal(0, spread * width, (count, 2))
    places = [Place(size[0] / 2 + right, size[1] / 2 + down, width) for right, down in offs.tolist()]
    return [Sighting(size, place if n < found * count else None) for n, place in enumerate(places)]


def test_tight_photos_are_taken_whole() -> None:
    framing = choose_framing(seen(30, (92, 112), 66))
    assert (framing.kind, framing.photo_size, framing.box) == ("whole", (92, 112), None)
    np.testing.assert_allclose(framing.face, (0.5, 0.5, 66 / 89.6), atol=1e-3)
    assert choose_framing(seen(30, (92, 112), 40, found=0.4)) == Framing("whole", (92, 112))
    assert choose_framing(seen(30, (400, 500), 100, found=0.2)) == Framing("whole", (400, 500))


def test_aligned_photos_get_one_box() -> None:
    assert choose_framing(seen(30, (250, 250), 112, spread=0.03)) == Framing("box", (250, 250), (69, 55, 112, 140))
    outliers = [Sighting((250, 250), Place(40, 200, 30))] * 5
    assert choose_framing(seen(31, (250, 250), 112, spread=0.03) + outliers).kind == "box"


@pytest.mark.parametrize(
    "sightings",
    [
        seen(30, (250, 250), 112, spread=0.3),
        seen(9, (250, 250), 112, spread=0.03),
        seen(30, (250, 250), 112, spread=0.03) + seen(1, (251, 250), 112),
        seen(30, (4000, 3000), 600, spread=1, found=0.5),
    ],
    ids=["scattered", "few", "two sizes", "half"],
)
def test_other_photos_are_searched_one_by_one(sightings: list[Sighting]) -> None:
    assert choose_framing(sightings) == Framing("found")


@pytest.mark.parametrize(
    "framing",
    [Framing("found"), Framing("whole", (92, 112), face=(0.5, 0.6, 0.8)), Framing("box", (9, 9), (1, 2, 3, 4))],
)
def test_a_framing_comes_back_from_json(framing: Framing) -> None:
    assert Framing.from_json(json.loads(json.dumps(framing.to_json()))) == framing


@pytest.mark.parametrize(
    "change", [{"kind": "round"}, {"kind": "box"}, {"face": None}, {"face": [1.0]}, {"photo_size": 3}]
)
def test_what_is_no_framing_is_refused_in_one_line(change: dict) -> None:
    with pytest.raises(DataError, match=r"^expected the framing of faces that a training notes; got .*\. To fix: copy"):
        Framing.from_json(Framing("found").to_json() | change)
    with pytest.raises(DataError, match=r"; got \{\}\. "):
        Framing.from_json({})


def test_without_opencv_the_extra_is_named(photo: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr("glassnet.data.facefinder.FACES", ("another.xml",))  # of which none is kept
    assert missing() is not None
    with pytest.raises(
        RuntimeUnavailableError, match=r"^expected OpenCV 4 .*; got none: .*\. To fix: pip install 'glass"
    ):
        find_face(photo)
