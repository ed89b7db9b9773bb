"""One picture of any kind: what it looks like afterwards, and that whatever is none is refused in one line."""

import io
import os
import shutil
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data.pictures import read_picture
from glassnet.errors import DataError

EXPECTED = r"^expected a picture \(JPEG, PNG, WebP, BMP, GIF, PGM or PPM\) at .*; got "
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def quarters(size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Red, green above; blue, white below."""
    small = Image.new("RGB", (2, 2))
    small.putdata([RED, GREEN, BLUE, WHITE])
    return small.resize(size, Image.Resampling.NEAREST)


def corners(values: np.ndarray) -> list[tuple[int, ...]]:
    """The colors near the four corners, rounded to black or full."""
    size = values.shape[-1]
    near, far = size // 8, size - 1 - size // 8
    places = [(near, near), (near, far), (far, near), (far, far)]
    return [tuple(int(value > 127) * 255 for value in values[:, row, column]) for row, column in places]


def saved(tmp_path: Path, picture: Image.Image, name: str = "x.png", **options) -> Path:
    path = tmp_path / name
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.bmp", "x.gif", "x.ppm"])
def test_every_kind_is_read_whatever_its_name(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, quarters(), name)
    shutil.copy(path, tmp_path / "nameless")
    for place in (path, tmp_path / "nameless"):
        values = read_picture(place, 32)
        assert (values.shape, values.dtype, values.flags.c_contiguous) == ((3, 32, 32), np.uint8, True)
        assert corners(values) == [RED, GREEN, BLUE, WHITE]


def test_a_picture_of_the_right_size_is_untouched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    values = read_picture(saved(tmp_path, Image.fromarray(pixels)), 32)
    np.testing.assert_array_equal(values, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("size", [(96, 32), (32, 96), (480, 160), (33, 11)])
def test_the_middle_is_kept(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    side = min(size)
    picture = Image.new("RGB", size, RED)
    picture.paste(GREEN, ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2))
    values = read_picture(saved(tmp_path, picture), 16)
    assert values.shape == (3, 16, 16)
    assert corners(values) == [GREEN] * 4


def test_fine_patterns_become_their_mean(tmp_path: Path) -> None:
    pattern = np.indices((512, 512)).sum(0) % 2 * 255
    values = read_picture(saved(tmp_path, Image.fromarray(pattern.astype(np.uint8))), 32)
    assert np.abs(values.astype(int) - 127).max() <= 2


# What a picture looks like once turned as the camera says: by the EXIF standard, row 0 and column 0 of the file are
# the (top, left), (top, right), (bottom, right), (bottom, left), (left, top), (right, top), (right, bottom), (left,
# bottom) of the scene.
TURNED = {
    1: [RED, GREEN, BLUE, WHITE],
    2: [GREEN, RED, WHITE, BLUE],
    3: [WHITE, BLUE, GREEN, RED],
    4: [BLUE, WHITE, RED, GREEN],
    5: [RED, BLUE, GREEN, WHITE],
    6: [BLUE, RED, WHITE, GREEN],
    7: [WHITE, GREEN, BLUE, RED],
    8: [GREEN, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp"])
def test_pictures_are_turned_as_the_camera_says(orientation: int, name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(read_picture(saved(tmp_path, quarters((96, 64)), name, exif=exif), 32)) == TURNED[orientation]


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01"]
)
def test_a_broken_note_of_the_camera_does_not_spoil_the_picture(exif: bytes, tmp_path: Path) -> None:
    path = saved(tmp_path, quarters(), "x.jpg", exif=exif)
    assert corners(read_picture(path, 32)) == [RED, GREEN, BLUE, WHITE]


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    picture = quarters().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 32))
    for name in ("x.png", "x.webp", "x.gif"):
        options = {"lossless": True} if name == "x.webp" else {}
        assert corners(read_picture(saved(tmp_path, picture, name, **options), 32)) == [WHITE, GREEN, BLUE, WHITE]
    half = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert read_picture(saved(tmp_path, half), 8)[:, 4, 4].tolist() == [127] * 3
    gray = Image.new("LA", (8, 8), (0, 0))
    assert read_picture(saved(tmp_path, gray), 8).min() == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_every_mode_is_right(mode: str, tmp_path: Path) -> None:
    picture = quarters().convert(mode)
    values = read_picture(saved(tmp_path, picture, "x.jpg" if mode == "CMYK" else "x.png"), 32)
    if mode in ("P", "CMYK"):
        assert corners(values) == [RED, GREEN, BLUE, WHITE]
    else:
        assert np.ptp(values, axis=0).max() == 0
        assert corners(values)[3] == WHITE


@pytest.mark.parametrize("name", ["x.png", "x.pgm"])
def test_sixteen_bits_become_eight(name: str, tmp_path: Path) -> None:
    deep = np.repeat(np.array([0, 257, 25700, 32896, 65535], np.uint16), 20).reshape(5, 20).repeat(4, axis=0)
    values = read_picture(saved(tmp_path, Image.fromarray(deep), name), 20)
    assert values[0, 2::4, 10].tolist() == [0, 1, 100, 128, 255]


def test_gray_or_color_as_asked(tmp_path: Path) -> None:
    path = saved(tmp_path, quarters())
    assert read_picture(path, 32, channels=1).shape == (1, 32, 32)
    # Red, green and blue weigh 0.299, 0.587 and 0.114 (ITU-R BT.601).
    assert [int(read_picture(path, 32, 1)[0, y, x]) for y, x in ((4, 4), (4, 28), (28, 4))] == [76, 150, 29]
    with pytest.raises(ValueError, match=r"^expected size_px >= 1 and channels 1 or 3; got 0 and 3\. To fix: "):
        read_picture(path, 0)


def test_of_an_animation_the_first_picture_counts(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)
    for name in ("x.gif", "x.webp", "x.png"):
        path = saved(tmp_path, first, name, save_all=True, append_images=[second])
        assert corners(read_picture(path, 8)) == [RED] * 4


def test_a_large_photo_is_nearly_as_if_decoded_in_full(tmp_path: Path) -> None:
    waves = np.sin(np.arange(2000)[:, None] / 90) * np.cos(np.arange(3000) / 130)
    photo = Image.fromarray(np.uint8(127 + 120 * waves))
    quick = read_picture(saved(tmp_path, photo, "x.jpg", quality=95), 64)
    full = read_picture(saved(tmp_path, photo, "x.png"), 64)
    assert np.abs(quick.astype(int) - full).max() <= 3


def png(width: int, height: int) -> bytes:
    """A file of a few bytes that claims to be a picture of that size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    buffer = io.BytesIO()
    quarters().save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "an empty file"),
        (b"hello", "a file of another kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a file of another kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a file of another kind"),
        (jpeg()[:300], "one that cannot be read"),
        (jpeg()[:-200], "one that cannot be read .*[Tt]runcated"),
        (png(10_000, 9_000), "one of 10000 x 9000 pixels"),
        (png(2**31 - 1, 2**31 - 1), "one that cannot be read .*exceeds limit"),
        (png(0, 0), "(one that cannot be read|a file of another kind)"),
        (b"P5 999 999 255\n", "one that cannot be read"),
        (b"Pf\n2 2\n-1.0\n" + bytes(16), "one of floating-point numbers"),
    ],
    ids=["empty", "text", "svg", "eps", "cut", "cut at the end", "big", "bomb", "nothing", "short", "float"],
)  # fmt: skip
def test_what_is_no_picture_is_one_line(content: bytes, got: str, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{EXPECTED}{got}.*\. To fix: ") as refused:
        read_picture(path, 32)
    assert "\n" not in str(refused.value)


def test_places_without_a_file_are_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    for path, got in (
        (tmp_path / "none.png", "nothing there"),
        (tmp_path, "a folder"),
        (tmp_path / "pipe", "something that is no file"),
        (tmp_path / "ring", "(nothing there|one that cannot be opened)"),
        (tmp_path / ("x" * 5000), "one that cannot be opened"),
        (Path("a\0b"), "(nothing there|one that cannot be opened)"),
    ):
        with pytest.raises(DataError, match=rf"{EXPECTED}{got}.*\. To fix: "):
            read_picture(path, 32)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM", "TIFF"])
def test_spoilt_pictures_are_read_or_refused_and_nothing_else(kind: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    quarters((24, 16)).save(buffer, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "WEBP") else {}))
    whole = buffer.getvalue()
    generator = np.random.default_rng(len(kind))
    path = tmp_path / "x"
    read = refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            spoilt = bytearray(whole[: generator.integers(1, len(whole) + 1)] if generator.random() < 0.3 else whole)
            for place in generator.integers(0, min(len(spoilt), 200), 4):
                spoilt[place] = generator.integers(256)
            path.write_bytes(spoilt)
            try:
                assert read_picture(path, 8).shape == (3, 8, 8)
                read += 1
            except DataError as error:
                refused += "\n" not in str(error)
    assert read + refused == 300
    assert refused > 10
    # A PNG has sums that show nearly all damage; a TIFF is never let in.
    assert (read > 0) == (kind not in ("PNG", "TIFF"))
