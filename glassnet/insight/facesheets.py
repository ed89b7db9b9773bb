"""Pictures of what a face recognizer says: its surest mistakes, and its two rates at every threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.charts import COLORS, Line, line_chart
from glassnet.insight.identification import Curve, rates_at
from glassnet.insight.names import font, label, shorten, width_px

BY_NUMBER = "persons whose names cannot be drawn with this font are shown by their numbers"

_INK, _GREY, _EMPTY, _WRONG = (30, 30, 30), (110, 110, 110), (236, 236, 236), (190, 40, 30)
_MARGIN_PX, _GAP_PX, _TEXT_PX = 16, 6, 14
_PHOTO_PX = (128, 160)  # width and height
_PAIR_PX = 2 * _PHOTO_PX[0] + _GAP_PX
_COLUMNS, _MOST = 4, 30


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
    """FNIR against FPIR at every threshold, and where the given one lies. The scales are logarithmic, so a rate of 0
    stands at half of the least other one."""
    fpir, fnir = rates_at(curve, threshold)
    chosen = Line(
        f"threshold {threshold:.3f}: FPIR {100 * fpir:.1f} %, FNIR {100 * fnir:.1f} %",
        _percent(np.array([fpir]), curve.fpir),
        _percent(np.array([fnir]), curve.fnir),
        color=_WRONG,
    )
    every = Line("every threshold", _percent(curve.fpir, curve.fpir), _percent(curve.fnir, curve.fnir), color=COLORS[0])
    return line_chart(
        [chosen, every],
        title="What a threshold costs",
        x_label="FPIR: strangers' photos that are answered with a name, % (leftmost: none)",
        y_label=f"FNIR: known persons' photos that are not answered with their name, %{_lowest(curve)}",
        x_scale="log",
        y_scale="log",
    )


def _percent(rates: Array, all_rates: Array) -> Array:
    return 100 * np.maximum(rates, all_rates[all_rates > 0].min() / 2)


def _lowest(curve: Curve) -> str:
    return "" if curve.fnir.all() else " (lowest: none)"


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
    said = _caption("said ", label(mistake.said, names[mistake.said]), f", {100 * mistake.probability:.0f} %")
    who = mistake.truth
    truth = "is a stranger" if who is None else _caption("is ", label(who, names[who]))
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
    notes = ["left: the photo; right: the most similar photo of the person it was said to be"]
    if num > len(shown):
        notes.append(f"the {len(shown)} surest of {num:,} mistakes")
    numbers = {number for mistake in shown for number in (mistake.said, mistake.truth) if number is not None}
    if any(label(number, names[number]) != names[number] for number in numbers):
        notes.append(BY_NUMBER)
    return notes
