"""Pictures as arrays: what a labeled set of them is, and one file of any kind, turned upright and cut to a square."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from glassnet.data.stream import Stream
from glassnet.errors import DataError

# Only what people's pictures come in. Pillow knows dozens more, each a reader that a hostile file could aim at.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "PPM")
KINDS = "JPEG, PNG, WebP, BMP, GIF, PGM or PPM"
# A file of a few kB may claim any number of pixels, and would get the memory for them.
MAX_PIXELS = 89_478_485
MAX_FILE_BYTES = 2**29
SUMMED_BYTES = 2**16
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""What brings a picture upright, by what EXIF calls its orientation."""
SIDEWAYS = {TURNS[orientation] for orientation in (5, 6, 7, 8)}

# What Pillow's readers have been seen to raise on damaged and on hostile files.
UNREADABLE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, EOFError, MemoryError,
    RuntimeError, AssertionError, struct.error, Image.DecompressionBombError,
)  # fmt: skip


@dataclass(frozen=True)
class Pictures:
    """Pictures and what they show."""

    images: NDArray[np.uint8]
    """(N, C, H, W), black 0, white 255."""
    labels: NDArray[np.int64]
    """(N,), numbers of classes."""


@dataclass(frozen=True)
class LabeledPictures:
    """A set to learn from and be tested on; `classes[label]` is the name of a label."""

    training: Pictures
    test: Pictures
    classes: tuple[str, ...]
    source: str
    """What the pictures are and where they come from, in words."""
    notices: tuple[str, ...]
    """One line for each thing that was left out, and why."""


@dataclass(frozen=True)
class StreamedPictures:
    """Pictures and what they show, as `Pictures`, but read when they are needed."""

    images: Stream
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class LargeLabeledPictures:
    """A set as `LabeledPictures`, of which the training does not fit into memory."""

    training: StreamedPictures
    test: Pictures
    classes: tuple[str, ...]
    source: str
    notices: tuple[str, ...]


def read_picture(path: Path, size_px: int, channels: int = 3) -> NDArray[np.uint8]:
    """One picture as (channels, size_px, size_px): 3 channels are red, green, blue; 1 is gray.

    The first picture of an animation, upright, on white where it is transparent, scaled until its shorter side
    is `size_px`, and cut to its middle.
    """
    with quiet():
        return decode(path, read_content(path), size_px, channels)


def decode(path: Path, content: bytes, size_px: int, channels: int = 3) -> NDArray[np.uint8]:
    """`read_picture` for many threads at once: whoever starts them holds `quiet`, which is of the whole process."""
    if size_px < 1 or channels not in (1, 3):
        raise ValueError(
            f"expected size_px >= 1 and channels 1 or 3; got {size_px} and {channels}. To fix: choose among these"
        )
    with _opened(path, io.BytesIO(content)) as picture:
        # libjpeg can leave out the fine detail while decoding, which makes a photo of 12 megapixels some ten
        # times quicker. Twice the final size is kept, so that it is still the filter below that decides.
        picture.draft(None, (2 * size_px, 2 * size_px))
        flat, turn = _flat(picture, path)
        square = _middle(flat, size_px)
    upright = square if turn is None else square.transpose(turn)
    values = np.asarray(upright.convert("RGB" if channels == 3 else "L"))
    return np.ascontiguousarray(values.reshape(size_px, size_px, channels).transpose(2, 0, 1))


def decode_gray(path: Path, content: bytes, least_px: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """The whole picture, upright and gray, and its full size; for many threads as `decode`.

    A JPEG comes at a half, a quarter or an eighth of its size where no side is then shorter than `least_px`.
    """
    with _opened(path, io.BytesIO(content)) as picture:
        width, height = picture.size
        picture.draft("L", None if least_px is None else (least_px, least_px))
        flat, turn = _flat(picture, path)
        gray = flat.convert("L")
    if turn is None:
        return gray, (width, height)
    return gray.transpose(turn), (height, width) if turn in SIDEWAYS else (width, height)


def shorter_side_px(path: Path) -> int:
    """The shorter side of a picture, from its header alone; hold `quiet`."""
    with _file_opened(path) as file, _opened(path, file) as picture:
        return min(picture.size)


def looked_at(path: Path, content: bytes) -> tuple[int, str]:
    """The shorter side of a picture and the usual ending of such a file, from its header alone; hold `quiet`."""
    with _opened(path, io.BytesIO(content)) as picture:
        kind = str(picture.format).lower()
        return min(picture.size), "jpg" if kind in ("jpeg", "mpo") else kind


def content_sum(path: Path) -> int:
    """64 bits, the same for copies, from the size and the first `SUMMED_BYTES` of a picture; hold `quiet`."""
    with _file_opened(path) as file, _opened(path, file):
        file.seek(0)
        beginning = file.read(SUMMED_BYTES)
        size_bytes = file.seek(0, io.SEEK_END)
    return int.from_bytes(hashlib.sha256(b"%d " % size_bytes + beginning).digest()[:8])


def read_content(path: Path) -> bytes:
    """The bytes of a file that may be a picture."""
    with _file_opened(path) as file:
        # Asked for half a gigabyte, Python makes room for it first, which takes longer than reading a small file.
        content = file.read(min(os.fstat(file.fileno()).st_size, MAX_FILE_BYTES) + 1)
    if not 0 < len(content) <= MAX_FILE_BYTES:
        what = f"more than {MAX_FILE_BYTES:,} bytes" if content else "an empty file"
        raise _refusal(path, what, "choose another")
    return content


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: about notes of a camera that it cannot read, and about sizes, which are checked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _file_opened(path: Path) -> Iterator[BinaryIO]:
    try:
        # Before it is opened: to open a pipe is to wait for somebody to write.
        if not path.is_file():
            what = "a folder" if path.is_dir() else "something that is no file" if path.exists() else "nothing there"
            raise _refusal(path, what, "give the path of one")
        with path.open("rb") as file:
            yield file
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _refusal(path, f"one that cannot be opened ({reason})", "check its name and permissions") from error


@contextmanager
def _opened(path: Path, file: BinaryIO) -> Iterator[Image.Image]:
    """The picture with its header read; whatever goes wrong with it from here on is one line."""
    try:
        with Image.open(file, formats=FORMATS) as picture:
            yield picture
    except UnidentifiedImageError as error:
        raise _refusal(path, "a file of another kind", "save it as JPEG or PNG") from error
    except UNREADABLE as error:
        what = str(error)[:100].replace("\n", " ") or type(error).__name__
        raise _refusal(path, f"one that cannot be read ({what})", "choose another, or save it again") from error


def _flat(picture: Image.Image, path: Path) -> tuple[Image.Image, Image.Transpose | None]:
    """The picture as `_flatten` makes it, and what is left to do to bring it upright."""
    if picture.width * picture.height > MAX_PIXELS:
        raise _refusal(path, f"one of {picture.width} x {picture.height} pixels", "make it smaller")
    turn = TURNS.get(_orientation(picture))
    return _flatten(picture, path), turn


def _flatten(picture: Image.Image, path: Path) -> Image.Image:
    """The same with 8 bits for each of gray or red, green, blue, and nothing transparent."""
    if picture.mode.startswith("I"):
        # Pillow would cut off what is above 255, and most of it is.
        deep = np.asarray(picture).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((deep * 255 + 32767) // 65535).astype(np.uint8))
    if picture.mode == "F":
        raise _refusal(path, "one of floating-point numbers", "save it as JPEG or PNG")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _middle(picture: Image.Image, size_px: int) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    return picture.resize((size_px, size_px), Image.Resampling.LANCZOS, (left, top, left + side, top + side))


def _orientation(picture: Image.Image) -> int:
    """How the camera was held; a note of it that cannot be read does not spoil the picture."""
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except UNREADABLE:
        return 1


def _refusal(path: Path, got: str, fix: str) -> DataError:
    return DataError(f"expected a picture ({KINDS}) at {path}; got {got}. To fix: {fix}")
