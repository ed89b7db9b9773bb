"""The face in a photo, found by the cascades that come with OpenCV; the only file that knows OpenCV.

P. Viola and M. Jones, Rapid Object Detection using a Boosted Cascade of Simple Features, CVPR 2001.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glassnet.errors import RuntimeUnavailableError

if TYPE_CHECKING:
    import cv2

INSTALL = "pip install 'glassnet[faces]'"
FACES = ("haarcascade_frontalface_alt2.xml", "haarcascade_frontalface_default.xml")
EYES = ("haarcascade_eye_tree_eyeglasses.xml", "haarcascade_eye.xml")
# A face of 1/20 of the longer side is still found.
LONGER_SIDE_PX = 640
LEAST_FACE_PX = 28
# What the search met fewer times than this, at neighboring places and sizes, is seldom a face.
LEAST_MEETINGS = 5
EYES_FACE_PX, EYES_SHARE = 160, 0.6
MAX_TILT_DEG = 30.0


@dataclass(frozen=True)
class Place:
    """Where something lies in a photo: its middle and its width in pixels, and how far it is turned clockwise."""

    x_px: float
    y_px: float
    width_px: float
    tilt_deg: float = 0.0

    def scaled(self, factor: float) -> Place:
        """The same place in a photo of another size."""
        return Place(self.x_px * factor, self.y_px * factor, self.width_px * factor, self.tilt_deg)


def missing() -> str | None:
    """What is missing for faces to be found on this machine, if anything is."""
    try:
        import cv2
    except ImportError as error:
        return f"OpenCV cannot be imported ({error})"
    is_there = Path(cv2.__file__).with_name("data").joinpath(FACES[0]).is_file()
    return None if is_there else f"OpenCV {cv2.__version__} carries no cascades"


def find_face(photo: Image.Image) -> Place | None:
    """The square around the face that a gray photo is of: the largest, unless it is far from the middle."""
    factor = min(1.0, LONGER_SIDE_PX / max(photo.size))
    size = max(1, round(photo.width * factor)), max(1, round(photo.height * factor))
    small = np.asarray(photo.resize(size, Image.Resampling.BOX))
    for cascade in _cascades(FACES, threading.get_ident()):
        found = _search(cascade, small, LEAST_FACE_PX)
        if found:
            return max(found, key=lambda place: _prominence(place, small.shape)).scaled(1 / factor)
    return None


def level(photo: Image.Image, face: Place) -> Place:
    """The same face with the tilt of the line between its eyes; as it is where not both are found."""
    half = face.width_px / 2
    left, top = face.x_px - half, face.y_px - half
    # The upper part of the face: below are mouths and nostrils, which are often taken for eyes.
    edges = (left, top, left + face.width_px, top + EYES_SHARE * face.width_px)
    size = (EYES_FACE_PX, round(EYES_SHARE * EYES_FACE_PX))
    part = photo.crop((round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3]))).resize(size)
    for cascade in _cascades(EYES, threading.get_ident()):
        found = _search(cascade, np.asarray(part), EYES_FACE_PX // 8)
        lefts = [eye for eye in found if eye.x_px < 0.4 * EYES_FACE_PX]
        rights = [eye for eye in found if eye.x_px > 0.6 * EYES_FACE_PX]
        if lefts and rights:
            first, second = (max(eyes, key=lambda eye: eye.width_px) for eyes in (lefts, rights))
            tilt = math.degrees(math.atan2(second.y_px - first.y_px, second.x_px - first.x_px))
            return replace(face, tilt_deg=tilt) if abs(tilt) <= MAX_TILT_DEG else face
    return face


def _prominence(place: Place, shape: Sequence[int]) -> float:
    """Its width, halved at the corners of the photo."""
    height, width = shape
    off = math.hypot(place.x_px - width / 2, place.y_px - height / 2) / math.hypot(width / 2, height / 2)
    return place.width_px * (1 - off / 2)


def _search(cascade: cv2.CascadeClassifier, gray: NDArray[np.uint8], least_px: int) -> list[Place]:
    found = cascade.detectMultiScale(gray, 1.1, LEAST_MEETINGS, minSize=(least_px, least_px))
    squares = np.reshape(found, (-1, 4)).tolist()
    return [Place(left + side / 2, top + side / 2, side) for left, top, side, _ in squares]


@lru_cache(maxsize=64)
def _cascades(names: tuple[str, ...], thread: int) -> list[cv2.CascadeClassifier]:
    """Some for each thread: a cascade keeps the photo that it is searching."""
    reason = missing()
    if reason:
        raise RuntimeUnavailableError(f"expected OpenCV 4 to find faces with; got none: {reason}. To fix: {INSTALL}")
    import cv2

    # Threads of its own would make what it finds depend on which is done first.
    cv2.setNumThreads(1)
    folder = Path(cv2.__file__).with_name("data")
    return [cv2.CascadeClassifier(str(folder / name)) for name in names]
