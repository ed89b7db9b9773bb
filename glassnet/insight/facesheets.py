"""Pictures of what a face recognizer says: its surest mistakes, and its two rates at every threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.charts import Line, line_chart
from glassnet.insight.identification import Curve, rates_at
from glassnet.insight.names import font, label, shorten, width_px

_INK, _GREY, _EMPTY, _WRONG = (30, 30, 30), (110, 110, 110), (236, 236, 236), (190, 40, 30)
_MARGIN_PX, _GAP_PX, _TEXT_PX = 16, 6, 14
_PHOTO_PX = (128, 160)  # width and height
_PAIR_PX = 2 * _PHOTO_PX[0] + _GAP_PX
_COLUMNS, _MOST = 4, 30
_BY_NUMBER = "persons whose names cannot be drawn with this font are shown by their numbers"


@dataclass(frozen=True)
class FaceMistake:
    """A photo, uint8 (1, H, W), that was answered with a wrong name; persons are given by their numbers."""

    photo: Array
    said: int
    probability: float
    truth: int | None  # None for a stranger
    nearest: Array | None  # the photo of whom it was said to be that looks most alike; None if none was kept


def face_mistakes_sheet(mistakes: Sequence[FaceMistake], names: Mapping[int, str]) -> Image.Image:
    """The surest mistakes, each beside the photo that it was taken for; ``names`` are those of all numbers."""
    surest = sorted(mistakes, key=lambda mistake: -mistake.probability)[:_MOST]
    columns, rows = max(2, min(_COLUMNS, len(surest))), -(-len(surest) // _COLUMNS)
    cell_width, cell_height = _PAIR_PX + 2 * _MARGIN_PX, _PHOTO_PX[1] + 2 * (_TEXT_PX + _GAP_PX) + 2 * _MARGIN_PX
    notes = _notes(surest, len(mistakes), names)
    top = _MARGIN_PX + len(notes) * (_TEXT_PX + _GAP_PX) + _GAP_PX
    picture = Image.new("RGB", (columns * cell_width, top + rows * cell_height + _GAP_PX), "white")
    draw = ImageDraw.Draw(picture)
    for i, note in enumerate(notes):
        text = shorten(note, picture.width - 2 * _MARGIN_PX, _TEXT_PX)
        draw.text((_MARGIN_PX, _MARGIN_PX + i * (_TEXT_PX + _GAP_PX)), text, _GREY, font(_TEXT_PX))
    for i, mistake in enumerate(surest):
        at = (_MARGIN_PX + i % columns * cell_width, top + i // columns * cell_height)
        _draw_mistake(picture, at, mistake, names)
    return picture


def identification_chart(curve: Curve, threshold: float) -> Image.Image:
    """FNIR against FPIR at every threshold, and where the given one lies. Rates of 0 stand at the edges."""
    fpir, fnir = rates_at(curve, threshold)
    least = [rates[rates > 0].min() / 2 for rates in (curve.fpir, curve.fnir)]
    percent = [100 * np.maximum(rates, edge) for rates, edge in zip((curve.fpir, curve.fnir), least, strict=True)]
    chosen = [[100 * max(rate, edge)] for rate, edge in zip((fpir, fnir), least, strict=True)]
    name = f"threshold {threshold:.3f}: {100 * fpir:.2f} % of strangers, {100 * fnir:.2f} % of the known"
    return line_chart(
        [Line(name, chosen[0], chosen[1], color=_WRONG), Line("every threshold", percent[0], percent[1])],
        title="What a threshold costs",
        x_label="FPIR: strangers' photos that are answered with a name, %",
        y_label="FNIR: known persons' photos that are not answered with their name, %",
        x_scale="log",
        y_scale="log",
    )


def _draw_mistake(picture: Image.Image, at: tuple[int, int], mistake: FaceMistake, names: Mapping[int, str]) -> None:
    left, top = at
    beside = left + _PHOTO_PX[0] + _GAP_PX
    picture.paste(enlarged(mistake.photo, _PHOTO_PX), at)
    draw = ImageDraw.Draw(picture)
    if mistake.nearest is None:
        middle = (beside + _PHOTO_PX[0] // 2, top + _PHOTO_PX[1] // 2)
        draw.rectangle((beside, top, beside + _PHOTO_PX[0] - 1, top + _PHOTO_PX[1] - 1), _EMPTY)
        draw.text(middle, "no photo kept", _GREY, font(_TEXT_PX), anchor="mm")
    else:
        picture.paste(enlarged(mistake.nearest, _PHOTO_PX), (beside, top))
    below = top + _PHOTO_PX[1] + _GAP_PX
    said = _caption("said ", label(mistake.said, names[mistake.said]), f" {100 * mistake.probability:.0f} %")
    is_stranger = mistake.truth is None
    truth = "is a stranger" if is_stranger else _caption("is ", label(mistake.truth, names[mistake.truth]))
    draw.text((left, below), said, _WRONG, font(_TEXT_PX))
    draw.text((left, below + _TEXT_PX + _GAP_PX), truth, _INK, font(_TEXT_PX))


def enlarged(photo: Array, size_px: tuple[int, int]) -> Image.Image:
    """uint8 (1, H, W) as a gray picture of that width and height."""
    return Image.fromarray(photo[0]).resize(size_px, Image.Resampling.LANCZOS).convert("RGB")


def _caption(before: str, name: str, after: str = "") -> str:
    """A line that fits under two photos; ``name`` is shortened if need be."""
    room = _PAIR_PX - width_px(before, _TEXT_PX) - width_px(after, _TEXT_PX)
    return before + shorten(name, room, _TEXT_PX) + after


def _notes(shown: Sequence[FaceMistake], num: int, names: Mapping[int, str]) -> list[str]:
    if not shown:
        return ["no mistakes"]
    notes = ["on the left the photo, on the right the most similar one of whom it was said to be"]
    if num > len(shown):
        notes.append(f"the {len(shown)} surest of {num:,} mistakes")
    numbers = {number for mistake in shown for number in (mistake.said, mistake.truth) if number is not None}
    if any(label(number, names[number]) != names[number] for number in numbers):
        notes.append(_BY_NUMBER)
    return notes
