"""Faces as the network sees them: how those of a set of photos are framed, and one cut out of a photo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glassnet.data.facefinder import Place, find_face, level
from glassnet.data.pictures import decode_gray
from glassnet.errors import DataError

FACE_SHAPE = (80, 64)
"""Height and width of a face as the network sees it, gray."""
RATIO = FACE_SHAPE[0] / FACE_SHAPE[1]
KINDS = ("whole", "box", "found")

# The finder's square reaches from the brows to the mouth and nearly from ear to ear.
USUAL_FACE = (0.5, 0.5, 1.0)
# Photos are searched at no less than the first; faces are cut out of photos in which they are as wide as the second.
SEARCHED_PX, FINE_PX = 1280, 160
# Faces that are so wide in the photo say that photos are faces already; at so much of the usual width, one more is.
TIGHT_SHARE, LARGE_SHARE = 0.55, 0.75
SMALL_PHOTO_PX = 130
LEAST_FOUND_SHARE, LEAST_FOUND_SHARE_OF_SMALL = 0.25, 0.5
LEAST_ALIGNED, MAX_SPREAD = 10, 0.08
ALIKE = 1.25


@dataclass(frozen=True)
class Framing:
    """How photos become faces; kept with a run, so that later photos are framed as those of the training were.

    whole: the photos are faces already, and the largest middle part of the right shape is taken.
    box: all photos have one size, and their faces lie at nearly one place.
    found: the face of each photo is looked for, and turned until its eyes are level.
    """

    kind: Literal["whole", "box", "found"]
    photo_size: tuple[int, int] | None = None
    """Width and height in pixels: of every photo (box), of a usual one (whole; without, every photo is a face)."""
    box: tuple[int, int, int, int] | None = None
    """Left, top, width and height in pixels."""
    face: tuple[float, float, float] = USUAL_FACE
    """The finder's square in what is cut out: its middle, and its width, in shares of width, height and width."""

    def to_json(self) -> dict[str, object]:
        """As text, numbers and lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Framing:
        """What `to_json` made."""
        try:
            photo_size, box, face = (values[name] and tuple(values[name]) for name in ("photo_size", "box", "face"))
            framing = cls(values["kind"], photo_size, box, face)
        except (KeyError, TypeError) as error:
            raise _not_framing(values) from error
        if framing.kind not in KINDS or len(face or ()) != 3 or (framing.kind == "box" and not (photo_size and box)):
            raise _not_framing(values)
        return framing


@dataclass(frozen=True)
class Sighting:
    """The size of a photo in pixels, and where its face is if one was found."""

    size: tuple[int, int]
    face: Place | None


def sight(path: Path, content: bytes) -> Sighting:
    """Look for the face in a photo."""
    photo, size = decode_gray(path, content, SEARCHED_PX)
    return Sighting(size, _face_in(photo, size))


def choose_framing(sightings: Sequence[Sighting]) -> Framing:
    """The framing that suits a set of photos of which these are some."""
    width, height = np.median([sighting.size for sighting in sightings], axis=0).round().astype(int).tolist()
    found = [(sighting.size, sighting.face) for sighting in sightings if sighting.face is not None]
    least = LEAST_FOUND_SHARE_OF_SMALL if min(width, height) < SMALL_PHOTO_PX else LEAST_FOUND_SHARE
    if len(found) < least * len(sightings):
        return Framing("whole", (width, height))
    if np.median([face.width_px / size[0] for size, face in found]) >= TIGHT_SHARE:
        return Framing("whole", (width, height), face=_face_in_whole(found))
    box = _common_box([face for _, face in found])
    if box is not None and len({sighting.size for sighting in sightings}) == 1:
        return Framing("box", (width, height), box)
    return Framing("found")


def cut_face(path: Path, content: bytes, framing: Framing) -> NDArray[np.uint8] | None:
    """The face of a photo, (1, 80, 64), if there is one."""
    photo, size = decode_gray(path, content, SEARCHED_PX)
    place = _place(photo, size, framing)
    if place is None:
        return None
    if photo.size != size and place.width_px * photo.width / size[0] < FINE_PX:
        photo, _ = decode_gray(path, content)
    return _pixels(photo, place.scaled(photo.width / size[0]))


def _place(photo: Image.Image, size: tuple[int, int], framing: Framing) -> Place | None:
    """What to cut out of a photo of that full size, of which `photo` may be a smaller copy."""
    if framing.kind == "box" and framing.box is not None and size == framing.photo_size:
        left, top, width, height = framing.box
        return Place(left + width / 2, top + height / 2, width)
    if framing.kind == "whole" and (framing.photo_size is None or _is_about(size, framing.photo_size)):
        return _whole(size)
    face = _face_in(photo, size)
    if framing.kind == "whole" and framing.photo_size is not None:
        width, height = framing.photo_size
        is_large = face is None or face.width_px >= LARGE_SHARE * framing.face[2] * _whole(size).width_px
        if is_large and _is_about((size[0] / size[1], 1), (width / height, 1)):
            return _whole(size)
    if face is None:
        return None
    shrunk = photo.width / size[0]
    return _around(level(photo, face.scaled(shrunk)).scaled(1 / shrunk), framing.face)


def _face_in(photo: Image.Image, size: tuple[int, int]) -> Place | None:
    face = find_face(photo)
    return face and face.scaled(size[0] / photo.width)


def _is_about(size: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(1 / ALIKE <= side / like <= ALIKE for side, like in zip(size, other, strict=True))


def _whole(size: tuple[int, int]) -> Place:
    """The largest middle part."""
    width, height = size
    return Place(width / 2, height / 2, min(width, height / RATIO))


def _around(face: Place, usual: tuple[float, float, float]) -> Place:
    """What to cut out so that the finder's square lies in it as usual."""
    x, y, share = usual
    width = face.width_px / share
    right, down = (0.5 - x) * width, (0.5 - y) * width * RATIO
    cos, sin = math.cos(math.radians(face.tilt_deg)), math.sin(math.radians(face.tilt_deg))
    middle = face.x_px + right * cos - down * sin, face.y_px + right * sin + down * cos
    return Place(*middle, width, face.tilt_deg)


def _face_in_whole(found: Sequence[tuple[tuple[int, int], Place]]) -> tuple[float, float, float]:
    """Where the finder's square usually lies in photos that are taken whole."""
    shares = []
    for size, face in found:
        whole = _whole(size)
        right, down = (face.x_px - whole.x_px) / whole.width_px, (face.y_px - whole.y_px) / whole.width_px / RATIO
        shares.append((0.5 + right, 0.5 + down, face.width_px / whole.width_px))
    x, y, share = np.median(shares, axis=0).round(3).tolist()
    return x, y, share


def _common_box(faces: Sequence[Place]) -> tuple[int, int, int, int] | None:
    """One for all, if the faces are enough and lie at nearly the same place."""
    places = np.array([(face.x_px, face.y_px, face.width_px) for face in faces])
    middle = np.median(places, axis=0)
    # 1.48 median deviations are a standard deviation where the values are normal, whatever the outliers are.
    spread = 1.48 * np.median(abs(places - middle), axis=0) / middle[2]
    if len(faces) < LEAST_ALIGNED or spread.max() > MAX_SPREAD:
        return None
    place = _around(Place(*middle.tolist()), USUAL_FACE)
    width, height = round(place.width_px), round(place.width_px * RATIO)
    return round(place.x_px - width / 2), round(place.y_px - height / 2), width, height


def _pixels(photo: Image.Image, place: Place) -> NDArray[np.uint8]:
    """That part of a gray photo, leveled; black where it reaches beyond."""
    width, height = place.width_px, place.width_px * RATIO
    x, y = place.x_px, place.y_px
    is_inside = width / 2 <= x <= photo.width - width / 2 and height / 2 <= y <= photo.height - height / 2
    if place.tilt_deg or not is_inside:
        reach = math.hypot(width, height) / 2 + 1
        left, top = math.floor(x - reach), math.floor(y - reach)
        part = photo.crop((left, top, math.ceil(x + reach), math.ceil(y + reach)))
        x, y = x - left, y - top
        photo = part.rotate(place.tilt_deg, Image.Resampling.BICUBIC, center=(x, y))
    box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    face = photo.resize(FACE_SHAPE[::-1], Image.Resampling.LANCZOS, box, reducing_gap=3.0)
    return np.asarray(face)[None]


def _not_framing(values: Mapping[str, Any]) -> DataError:
    return DataError(
        f"expected the framing of faces that a training notes; got {values!r}. "
        "To fix: copy the run again, or train again"
    )
