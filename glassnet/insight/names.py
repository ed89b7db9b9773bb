"""Names that users chose, made fit to be shown: in a line of a terminal, and in a picture.

Pillow's own font has the letters of English and no others, and there is no font that every machine has.
"""

from __future__ import annotations

import math
import unicodedata
from functools import cache

from PIL import ImageFont

_ELLIPSIS = "…"  # the font has it


def one_line(text: str) -> str:
    """The text with everything that is no visible letter replaced, so that it can neither break a line nor steer a
    terminal. What is left of a name that is not UTF-8 is replaced too."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """The font that comes with Pillow."""
    loaded = ImageFont.load_default(size_px)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


def label(number: int, name: str) -> str:
    """What stands for a class in a picture: its name; or, where the font lacks letters, its number with what can be
    drawn of the name once accents are taken off; or its number alone."""
    if _is_drawable(name):
        return name
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    return f"{number} {plain}" if _is_drawable(plain) else str(number)


def width_px(text: str, size_px: int) -> int:
    """How wide one line of text is in letters of that size."""
    return math.ceil(font(size_px).getlength(text))


def shorten(text: str, room_px: int, size_px: int) -> str:
    """The text, or as much of its two ends as fits, with an ellipsis between them, if it is wider than that."""
    short = text
    kept = min(len(text), room_px)  # no letter is narrower than a pixel
    while kept > 0 and width_px(short, size_px) > room_px:
        kept -= 1
        short = text[: (kept + 1) // 2] + _ELLIPSIS + text[len(text) - kept // 2 :]
    return short


def _is_drawable(text: str) -> bool:
    return text.strip() != "" and all(map(_has_glyph, text))


@cache
def _has_glyph(letter: str) -> bool:
    """Whether the font draws the letter, and not the box that stands for all it lacks; this is what Pillow shows."""
    return _drawn(letter) != _drawn("\U0010fffd")


def _drawn(letter: str) -> bytes:
    size_px = 24  # large enough to tell all letters from the box
    return bytes(font(size_px).getmask(letter))
