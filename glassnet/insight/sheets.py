"""Pictures of what a classifier says: its confusion matrix, and its surest mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.names import font, label, shorten, width_px

_INK, _GREY, _LINE, _EMPTY = (30, 30, 30), (110, 110, 110), (205, 205, 205), (236, 236, 236)
_RIGHT, _WRONG = (17, 95, 154), (190, 40, 30)
_MARGIN_PX, _GAP_PX = 16, 6
_TEXT_PX, _LEAST_TEXT_PX = 14, 9  # smaller letters cannot be read
_MATRIX_PX, _CELL_PX = 960, 56  # at most
_NAME_PX = 190  # of a name beside the matrix, at most
_MISTAKE_PX, _COLUMNS = 160, 6
_CLASSES, _ANSWERS = "what is", "is said to be"
_BY_NUMBER = "classes whose names cannot be drawn with this font are shown by their numbers"


@dataclass(frozen=True)
class _Table:
    """Where the parts of a confusion matrix are in its picture."""

    num: int
    cell_px: int
    every: int  # of the names, the n-th is shown
    text_px: int
    left: int
    top: int

    def middle(self, i: int) -> int:
        return i * self.cell_px + self.cell_px // 2

    @property
    def size_px(self) -> int:
        return self.num * self.cell_px


def confusion_sheet(confusion: Array, classes: Sequence[str]) -> Image.Image:
    """The matrix (K, K) as a table: a row for each true class, a column for each answer.

    Blue is right, red is wrong, and the color is the deeper the larger the share of the row. Numbers are left out where
    cells are too small for them; where names do not fit side by side, every second or n-th is shown.
    """
    cell_px = max(2, min(_CELL_PX, _MATRIX_PX // len(classes)))
    every = -(-(_LEAST_TEXT_PX + 3) // cell_px)
    text_px = min(_TEXT_PX, every * cell_px - 3)
    names = [shorten(label(i, name), _NAME_PX, text_px) for i, name in enumerate(classes)]
    side_px = max(width_px(_CLASSES, _TEXT_PX), *(width_px(name, text_px) for name in names)) + _GAP_PX
    top = _MARGIN_PX + _TEXT_PX + _GAP_PX + side_px
    table = _Table(len(classes), cell_px, every, text_px, _MARGIN_PX + side_px, top)
    notes = _notes(confusion, classes)
    width = max(table.left + table.size_px, *(_MARGIN_PX + width_px(note, _TEXT_PX) for note in notes))
    height = table.top + table.size_px + len(notes) * (_TEXT_PX + _GAP_PX) + _MARGIN_PX
    picture = Image.new("RGB", (width + _MARGIN_PX, height + _MARGIN_PX), "white")
    picture.paste(_cells(confusion, cell_px), (table.left, table.top))
    end = (table.left + table.size_px, table.top + table.size_px)
    ImageDraw.Draw(picture).rectangle((table.left, table.top, *end), outline=_LINE)
    _write_counts(picture, table, confusion)
    _write_names(picture, table, names)
    _write_notes(picture, table, notes)
    return picture


def mistakes_sheet(images: Array, probabilities: Array, labels: Array, classes: Sequence[str]) -> Image.Image:
    """Pictures (N, C, H, W) in rows; under each what it was said to be, how surely, and what it is.

    ``probabilities`` (N, K), ``labels`` (N,).
    """
    num = len(images)
    columns, rows = max(1, min(_COLUMNS, num)), max(1, -(-num // _COLUMNS))
    cell_width, cell_height = _MISTAKE_PX + _MARGIN_PX, _MISTAKE_PX + 2 * (_TEXT_PX + _GAP_PX) + _MARGIN_PX
    size = (_MARGIN_PX + columns * cell_width, _MARGIN_PX + rows * cell_height)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    if num == 0:
        draw.text((_MARGIN_PX, _MARGIN_PX), "no mistakes", _INK, font(_TEXT_PX))
    names = [label(i, name) for i, name in enumerate(classes)]
    for i, image in enumerate(images):
        left, top = _MARGIN_PX + i % columns * cell_width, _MARGIN_PX + i // columns * cell_height
        said = int(probabilities[i].argmax())
        picture.paste(_enlarged(image), (left, top))
        below = top + _MISTAKE_PX + _GAP_PX
        answer = _caption("said ", names[said], f" {100 * probabilities[i, said]:.0f} %")
        draw.text((left, below), answer, _WRONG, font(_TEXT_PX))
        draw.text((left, below + _TEXT_PX + _GAP_PX), _caption("is ", names[labels[i]]), _INK, font(_TEXT_PX))
    return picture


def _caption(before: str, name: str, after: str = "") -> str:
    """A line that fits under a picture; ``name`` is shortened if need be."""
    room = _MISTAKE_PX - width_px(before, _TEXT_PX) - width_px(after, _TEXT_PX)
    return before + shorten(name, room, _TEXT_PX) + after


def _cells(confusion: Array, cell_px: int) -> Image.Image:
    """The colors (K, K) of the matrix, enlarged, with lines between the cells where there is room for them."""
    num = len(confusion)
    totals = confusion.sum(axis=1, keepdims=True)
    # The root lets a share of 1 % be seen beside one of 90 %.
    depth = np.sqrt(confusion / np.maximum(totals, 1))[:, :, None]
    full = np.where(np.eye(num, dtype=bool)[:, :, None], np.array(_RIGHT), np.array(_WRONG))
    colors = np.where(totals[:, :, None] > 0, 255.0 + (full - 255.0) * depth, np.array(_EMPTY))
    enlarged = np.repeat(np.repeat(colors.round().astype(np.uint8), cell_px, axis=0), cell_px, axis=1)
    if cell_px >= 12:
        enlarged[::cell_px] = enlarged[:, ::cell_px] = _LINE
    return Image.fromarray(enlarged)


def _write_counts(picture: Image.Image, table: _Table, confusion: Array) -> None:
    """The numbers in the cells, if the longest fits; 0 is left out, so that what there is can be seen."""
    widest = str(confusion.max())
    sizes = range(_TEXT_PX, _LEAST_TEXT_PX - 1, -1)
    fitting = [px for px in sizes if width_px(widest, px) <= table.cell_px - 4 and px <= table.cell_px - 4]
    if not fitting:
        return
    draw = ImageDraw.Draw(picture)
    totals = confusion.sum(axis=1)
    for i, j in np.argwhere(confusion).tolist():
        is_deep = confusion[i, j] > 0.3 * totals[i]
        at = (table.left + table.middle(j), table.top + table.middle(i))
        draw.text(at, str(confusion[i, j]), "white" if is_deep else _INK, font(fitting[0]), anchor="mm")


def _write_names(picture: Image.Image, table: _Table, names: Sequence[str]) -> None:
    draw = ImageDraw.Draw(picture)
    for i in range(0, table.num, table.every):
        name = names[i]
        draw.text((table.left - _GAP_PX, table.top + table.middle(i)), name, _INK, font(table.text_px), anchor="rm")
        upright = Image.new("RGB", (width_px(name, table.text_px), table.text_px + 4), "white")
        middle = upright.height // 2
        ImageDraw.Draw(upright).text((0, middle), name, _INK, font(table.text_px), anchor="lm")
        above = table.top - _GAP_PX - upright.width
        picture.paste(upright.transpose(Image.Transpose.ROTATE_90), (table.left + table.middle(i) - middle, above))
    draw.text((table.left, _MARGIN_PX), _ANSWERS, _GREY, font(_TEXT_PX), anchor="lt")
    draw.text((table.left - _GAP_PX, table.top - _GAP_PX), _CLASSES, _GREY, font(_TEXT_PX), anchor="rb")


def _notes(confusion: Array, classes: Sequence[str]) -> list[str]:
    num, right = int(confusion.sum()), int(np.trace(confusion))
    notes = [f"{right:,} of {num:,} pictures named rightly: {100 * right / num:.1f} %"]
    if any(label(i, name) != name for i, name in enumerate(classes)):
        notes.append(_BY_NUMBER)
    return notes


def _write_notes(picture: Image.Image, table: _Table, notes: Sequence[str]) -> None:
    draw = ImageDraw.Draw(picture)
    for i, note in enumerate(notes):
        below = table.top + table.size_px + _MARGIN_PX + i * (_TEXT_PX + _GAP_PX)
        draw.text((_MARGIN_PX, below), note, _GREY, font(_TEXT_PX))


def _enlarged(image: Array) -> Image.Image:
    """(C, H, W) uint8 of 1 or 3 channels as a square picture; the pixels of a small one stay visible."""
    pixels = np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
    is_small = image.shape[1] <= _MISTAKE_PX // 3
    how = Image.Resampling.NEAREST if is_small else Image.Resampling.LANCZOS
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((_MISTAKE_PX, _MISTAKE_PX), how)
