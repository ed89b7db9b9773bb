"""Charts of lines and of bars, drawn with Pillow alone. Numbers in, a picture out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.errors import DataError, ShapeError
from glassnet.insight.axes import Axis, Scale, fit_axis
from glassnet.insight.names import font, label, shorten, width_px

COLORS = (
    (17, 95, 154), (190, 40, 30), (38, 138, 72), (222, 135, 12), (122, 76, 160),
    (0, 150, 165), (140, 88, 48), (216, 96, 158), (110, 110, 110), (140, 145, 25),
)  # fmt: skip

_INK, _GREY, _GRID, _FRAME, _PALE = (30, 30, 30), (110, 110, 110), (230, 230, 230), (150, 150, 150), (178, 188, 196)
_MARGIN_PX, _GAP_PX = 16, 6
_TITLE_PX, _TEXT_PX = 18, 13
_ROW_PX = _TEXT_PX + 8
_LINE_PX, _DOT_PX, _SWATCH_PX = 2, 7, 22
_BAR_PX = 24
_FINE = 4  # shapes are drawn this many times as large and then reduced, which smooths their edges


@dataclass(frozen=True)
class Line:
    """Points (N,) joined by a line; a single point is shown as a dot."""

    name: str
    x: Sequence[float] | Array
    y: Sequence[float] | Array
    has_dots: bool = False  # at every point
    color: tuple[int, int, int] | None = None  # else that of its place among the lines


@dataclass(frozen=True)
class Bar:
    """A value from 0 on, and what is written behind its bar."""

    name: str
    value: float
    text: str
    is_pale: bool = False  # what the others are compared with


@dataclass(frozen=True)
class _Drawn:
    """A line as it is drawn: float64 (N,) each."""

    x: Array
    y: Array
    has_dots: bool
    color: tuple[int, int, int]


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_scale: Scale = "linear",
    y_scale: Scale = "linear",
    width_px: int = 800,
    height_px: int = 500,
) -> Image.Image:
    """Up to ten lines over common axes, which reach as far as the values do; a legend if there are several."""
    drawn = _checked(lines, x_scale, y_scale)
    picture = Image.new("RGB", (width_px, height_px), "white")
    top = _write_title(picture, title)
    if len(lines) > 1:
        top = _write_legend(picture, top, lines, drawn)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN_PX, top), shorten(y_label, width_px - 2 * _MARGIN_PX, _TEXT_PX), _GREY, font(_TEXT_PX))
    bottom = height_px - _MARGIN_PX - 2 * _ROW_PX - _GAP_PX
    all_x, all_y = (np.concatenate(values) for values in ([line.x for line in drawn], [line.y for line in drawn]))
    y_axis = fit_axis(all_y, y_scale, max(2, (bottom - top) // 60), bottom, top + _ROW_PX + _GAP_PX)
    left = _MARGIN_PX + _widest(y_axis.texts()) + _GAP_PX
    x_axis = fit_axis(all_x, x_scale, max(2, (width_px - left) // 90), left, width_px - 2 * _MARGIN_PX)
    _draw_shapes(picture, x_axis, y_axis, drawn)
    _write_ticks(picture, x_axis, y_axis)
    x_text = shorten(x_label, width_px - left - 2 * _MARGIN_PX, _TEXT_PX)
    middle = (x_axis.start_px + x_axis.end_px) / 2
    draw.text((middle, height_px - _MARGIN_PX), x_text, _GREY, font(_TEXT_PX), anchor="mb")
    return picture


def bar_chart(bars: Sequence[Bar], *, title: str, value_label: str, width_px: int = 800) -> Image.Image:
    """Horizontal bars from 0, one below the other, their names on the left and their texts at their ends."""
    if not bars or not all(0 <= bar.value < np.inf for bar in bars):
        values = [bar.value for bar in bars]
        raise DataError(
            f"expected at least one bar and values from 0 on; got {values}. To fix: draw differences as lines."
        )
    names = [shorten(label(i, bar.name), width_px // 3, _TEXT_PX) for i, bar in enumerate(bars)]
    texts = [shorten(bar.text, width_px // 4, _TEXT_PX) for bar in bars]
    pitch_px = _BAR_PX + _GAP_PX + 2
    height_px = 2 * _MARGIN_PX + _TITLE_PX + 2 * _GAP_PX + _ROW_PX + len(bars) * pitch_px
    picture = Image.new("RGB", (width_px, height_px), "white")
    top = _write_title(picture, title)
    draw = ImageDraw.Draw(picture)
    left = _MARGIN_PX + _widest(names) + _GAP_PX
    draw.text((left, top), shorten(value_label, width_px - left - _MARGIN_PX, _TEXT_PX), _GREY, font(_TEXT_PX))
    room = width_px - _MARGIN_PX - _GAP_PX - _widest(texts) - left
    longest = max(bar.value for bar in bars) or 1.0
    for i, bar in enumerate(bars):
        above = top + _ROW_PX + _GAP_PX + i * pitch_px
        end, middle = left + round(room * bar.value / longest), above + _BAR_PX // 2
        draw.rectangle((left, above, end, above + _BAR_PX - 1), _PALE if bar.is_pale else COLORS[0])
        draw.text((left - _GAP_PX, middle), names[i], _INK, font(_TEXT_PX), anchor="rm")
        draw.text((end + _GAP_PX, middle), texts[i], _INK, font(_TEXT_PX), anchor="lm")
    return picture


def _checked(lines: Sequence[Line], x_scale: Scale, y_scale: Scale) -> list[_Drawn]:
    if not 0 < len(lines) <= len(COLORS):
        raise DataError(f"expected 1 to {len(COLORS)} lines; got {len(lines)}. To fix: choose the lines that matter.")
    drawn = []
    for line, color in zip(lines, COLORS, strict=False):
        x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
        if x.shape != y.shape or x.ndim != 1 or x.size == 0:
            raise ShapeError(
                f"expected x and y (N,) of {line.name!r}, N > 0; got {x.shape} and {y.shape}. To fix: one y for each x."
            )
        for axis, values, scale in (("x", x, x_scale), ("y", y, y_scale)):
            lowest, wanted = (0.0, "above 0, for a log scale") if scale == "log" else (-np.inf, "finite")
            if not (np.isfinite(values) & (values > lowest)).all():
                wrong = values[~(np.isfinite(values) & (values > lowest))][0]
                raise DataError(
                    f"expected {axis} of {line.name!r} {wanted}; got {wrong}. To fix: leave such points out."
                )
        drawn.append(_Drawn(x, y, line.has_dots or x.size == 1, line.color or color))
    return drawn


def _write_title(picture: Image.Image, title: str) -> int:
    """Returns where the next row begins."""
    room = picture.width - 2 * _MARGIN_PX
    ImageDraw.Draw(picture).text((_MARGIN_PX, _MARGIN_PX), shorten(title, room, _TITLE_PX), _INK, font(_TITLE_PX))
    return _MARGIN_PX + _TITLE_PX + 2 * _GAP_PX


def _write_legend(picture: Image.Image, top: int, lines: Sequence[Line], drawn: Sequence[_Drawn]) -> int:
    """Swatches and names in as many rows as they take; returns where the next row begins."""
    draw = ImageDraw.Draw(picture)
    left = _MARGIN_PX
    for i, (line, how) in enumerate(zip(lines, drawn, strict=True)):
        name = shorten(label(i, line.name), picture.width - 2 * _MARGIN_PX - _SWATCH_PX - _GAP_PX, _TEXT_PX)
        entry_px = _SWATCH_PX + _GAP_PX + width_px(name, _TEXT_PX)
        if left > _MARGIN_PX and left + entry_px > picture.width - _MARGIN_PX:
            left, top = _MARGIN_PX, top + _ROW_PX
        middle = top + _ROW_PX // 2
        _draw_swatch(picture, left, middle, how)
        draw.text((left + _SWATCH_PX + _GAP_PX, middle), name, _INK, font(_TEXT_PX), anchor="lm")
        left += entry_px + 3 * _GAP_PX
    return top + _ROW_PX + _GAP_PX


def _draw_swatch(picture: Image.Image, left: int, middle: int, how: _Drawn) -> None:
    large = Image.new("RGB", (_SWATCH_PX * _FINE, _DOT_PX * _FINE), "white")
    y = _DOT_PX * _FINE / 2
    points = [(0.0, y), (_SWATCH_PX * _FINE, y)] if how.x.size > 1 else [(_SWATCH_PX * _FINE / 2, y)]
    draw = ImageDraw.Draw(large)
    _draw_line(draw, points, how.color)
    if how.has_dots:
        _draw_dot(draw, (_SWATCH_PX * _FINE / 2, y), how.color)
    picture.paste(large.reduce(_FINE), (left, middle - _DOT_PX // 2))


def _draw_shapes(picture: Image.Image, x_axis: Axis, y_axis: Axis, drawn: Sequence[_Drawn]) -> None:
    """All that is not text: the grid, then the lines, the first on top."""
    large = picture.resize((picture.width * _FINE, picture.height * _FINE), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(large)
    left, right, top, bottom = x_axis.start_px, x_axis.end_px, y_axis.end_px, y_axis.start_px
    for x in x_axis.at_px(np.array(x_axis.ticks)).round().tolist():
        _draw_rule(draw, (x, top, x, bottom), _GRID)
    for y in y_axis.at_px(np.array(y_axis.ticks)).round().tolist():
        _draw_rule(draw, (left, y, right, y), _GRID)
    _draw_rule(draw, (left, bottom, right, bottom), _FRAME)
    _draw_rule(draw, (left, top, left, bottom), _FRAME)
    for line in reversed(drawn):
        at = (np.stack([x_axis.at_px(line.x), y_axis.at_px(line.y)], axis=1) + 0.5) * _FINE
        points = [(x, y) for x, y in at.tolist()]
        _draw_line(draw, points, line.color)
        for point in points if line.has_dots else ():
            _draw_dot(draw, point, line.color)
    picture.paste(large.reduce(_FINE))


def _draw_rule(draw: ImageDraw.ImageDraw, ends: tuple[float, float, float, float], color: tuple[int, int, int]) -> None:
    """A straight line of exactly one row or column of pixels."""
    left, top, right, bottom = (_FINE * end for end in ends)
    draw.rectangle((left, top, right + _FINE - 1, bottom + _FINE - 1), color)


def _draw_line(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], color: tuple[int, int, int]) -> None:
    # Round joints take half a second for 100,000 points, where they cannot be seen anyway.
    joint = "curve" if len(points) < 10_000 else None
    draw.line(points, color, _LINE_PX * _FINE, joint)


def _draw_dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], color: tuple[int, int, int]) -> None:
    draw.circle(at, _DOT_PX * _FINE / 2, color)


def _write_ticks(picture: Image.Image, x_axis: Axis, y_axis: Axis) -> None:
    draw = ImageDraw.Draw(picture)
    for x, text in zip(x_axis.at_px(np.array(x_axis.ticks)).tolist(), x_axis.texts(), strict=True):
        draw.text((x, y_axis.start_px + 2 * _GAP_PX), text, _INK, font(_TEXT_PX), anchor="mt")
    for y, text in zip(y_axis.at_px(np.array(y_axis.ticks)).tolist(), y_axis.texts(), strict=True):
        draw.text((x_axis.start_px - _GAP_PX, y), text, _INK, font(_TEXT_PX), anchor="rm")


def _widest(texts: Sequence[str]) -> int:
    return max(width_px(text, _TEXT_PX) for text in texts)
