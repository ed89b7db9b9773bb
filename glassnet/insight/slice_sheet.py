"""The loss along lines and planes through the weights, as pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.charts import COLORS, Line, line_chart
from glassnet.insight.names import font, shorten
from glassnet.insight.slices import AlongGradient, Slice

_INK, _GREY = (30, 30, 30), (110, 110, 110)
_TITLE_PX, _TEXT_PX = 18, 13
_MARGIN_PX, _GAP_PX = 16, 6
_MAP_PX, _LEFT_PX, _BAR_PX, _BAR_TEXT_PX = 560, 72, 24, 90
_NUM_LEVELS = 16
_HIGHEST = 10.0  # what is above so many times the loss in the middle has one color
# From low to high: dark blue, green, yellow, nearly white, in equal steps of lightness.
_RAMP = np.array([(38, 25, 90), (28, 90, 130), (40, 150, 120), (150, 195, 90), (245, 215, 120), (255, 250, 235)])


def along_gradient_chart(along: AlongGradient, title: str) -> Image.Image:
    """The loss down the gradient, what the slope promises, and the loss in a random direction of the same length."""
    sizes, promised = along.step_sizes, along.promised()
    seen = np.concatenate([along.down, along.random])
    lowest = float(seen[np.isfinite(seen)].min())
    is_near = promised >= lowest - (along.loss - lowest) / 2
    lines = [
        Line("the weights as they are", [0.0], [along.loss], color=_INK),
        _finite("down the gradient", sizes, along.down, COLORS[0]),
        _finite("as far in a random direction", sizes, along.random, COLORS[8]),
        Line("what the gradient promises", sizes[is_near], promised[is_near], color=COLORS[3]),
    ]
    return line_chart(
        lines, title=title, x_label="step size (what the gradient is multiplied by; below 0: uphill)", y_label="loss",
        width_px=1000, height_px=600,
    )  # fmt: skip


def _finite(name: str, x: Array, y: Array, color: tuple[int, int, int]) -> Line:
    is_finite = np.isfinite(y)
    return Line(name, x[is_finite], y[is_finite], color=color)


def slice_sheet(found: Slice, title: str, names: tuple[str, str]) -> Image.Image:
    """The loss as a map seen from above with lines of equal loss, dark where it is low; ``names`` of the directions."""
    size = (_MARGIN_PX + _LEFT_PX + _MAP_PX + 2 * _MARGIN_PX + _BAR_PX + _BAR_TEXT_PX, _MAP_PX + 160)
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN_PX, _MARGIN_PX), shorten(title, size[0] - 2 * _MARGIN_PX, _TITLE_PX), _INK, font(_TITLE_PX))
    left, top = _MARGIN_PX + _LEFT_PX, _MARGIN_PX + _TITLE_PX + _TEXT_PX + 4 * _GAP_PX
    draw.text((_MARGIN_PX, top - _TEXT_PX - 2 * _GAP_PX), f"up: {names[1]}", _GREY, font(_TEXT_PX))
    levels = _levels(found)
    picture.paste(_map(found, levels), (left, top))
    _write_axes(draw, found, left, top)
    below = top + _MAP_PX + _TEXT_PX + 4 * _GAP_PX
    draw.text((left + _MAP_PX // 2, below), f"across: {names[0]}", _GREY, font(_TEXT_PX), anchor="mt")
    draw.text((left, below + _TEXT_PX + 2 * _GAP_PX), _in_words(found, levels), _GREY, font(_TEXT_PX))
    _draw_bar(draw, levels, left + _MAP_PX + 2 * _MARGIN_PX, top)
    middle = (left + _MAP_PX // 2, top + _MAP_PX // 2)
    draw.circle(middle, 6, "white", _INK, 2)
    draw.text(
        (middle[0] + 10, middle[1]), "here", _INK, font(_TEXT_PX), anchor="lm", stroke_width=2, stroke_fill="white"
    )
    return picture


def _levels(found: Slice) -> Array:
    """Losses (L,) from the lowest to the highest that is told apart, in equal ratios."""
    finite = found.losses[np.isfinite(found.losses)]
    low = max(float(finite.min()), 1e-12)
    middle = max(float(found.losses[_middle(found)]), low)
    return np.geomspace(low, max(min(float(finite.max()), _HIGHEST * middle), low * 1.0001), _NUM_LEVELS)


def _middle(found: Slice) -> tuple[int, int]:
    return len(found.up) // 2, len(found.across) // 2


def _map(found: Slice, levels: Array) -> Image.Image:
    """Colors, and a line wherever the next level begins; the second direction points up."""
    bounded = np.clip(np.where(np.isfinite(found.losses), found.losses, np.inf), levels[0], levels[-1])
    logs = Image.fromarray(np.log(bounded)[::-1].astype(np.float32))
    num = len(found.across)
    # The outermost losses belong to the edges of the map, not to the middles of its outermost cells.
    box = (0.5, 0.5, num - 0.5, num - 0.5)
    smooth = np.asarray(logs.resize((_MAP_PX, _MAP_PX), Image.Resampling.BICUBIC, box))
    shares = np.clip((smooth - np.log(levels[0])) / (np.log(levels[-1]) - np.log(levels[0])), 0, 1)
    colors = _colors(shares)
    bands = np.floor(shares * (_NUM_LEVELS - 1) - 1e-6)
    is_line = np.zeros(bands.shape, bool)
    is_line[1:] |= bands[1:] != bands[:-1]
    is_line[:, 1:] |= bands[:, 1:] != bands[:, :-1]
    colors[is_line] *= 0.75
    return Image.fromarray(colors.round().astype(np.uint8))


def _colors(shares: Array) -> Array:
    """(...) from 0 to 1 -> (..., 3) from 0 to 255."""
    at = np.linspace(0, 1, len(_RAMP))
    return np.stack([np.interp(shares, at, _RAMP[:, i]) for i in range(3)], axis=-1)


def _write_axes(draw: ImageDraw.ImageDraw, found: Slice, left: int, top: int) -> None:
    """Both ends of each direction, the middle, and what is halfway."""
    bottom = top + _MAP_PX
    for i in range(5):
        px, place = round(i / 4 * (_MAP_PX - 1)), i * (len(found.across) - 1) // 4
        draw.line((left + px, bottom, left + px, bottom + 4), _GREY)
        draw.text((left + px, bottom + _GAP_PX), f"{found.across[place]:g}", _INK, font(_TEXT_PX), anchor="mt")
        y = bottom - 1 - px
        draw.line((left - 5, y, left - 1, y), _GREY)
        draw.text((left - _GAP_PX - 2, y), f"{found.up[place]:g}", _INK, font(_TEXT_PX), anchor="rm")


def _draw_bar(draw: ImageDraw.ImageDraw, levels: Array, left: int, top: int) -> None:
    """What the colors mean."""
    for i in range(_MAP_PX):
        red, green, blue = _colors(np.array(1 - i / (_MAP_PX - 1))).round().astype(int).tolist()
        draw.line((left, top + i, left + _BAR_PX, top + i), (red, green, blue))
    for i in range(0, _NUM_LEVELS, 3):
        y = top + round((1 - i / (_NUM_LEVELS - 1)) * (_MAP_PX - 1))
        more = " or more" if i == _NUM_LEVELS - 1 else ""
        draw.text((left + _BAR_PX + _GAP_PX, y), f"{levels[i]:.3g}{more}", _INK, font(_TEXT_PX), anchor="lm")
    draw.text((left, top - _GAP_PX), "loss", _GREY, font(_TEXT_PX), anchor="lb")


def _in_words(found: Slice, levels: Array) -> str:
    finite = found.losses[np.isfinite(found.losses)]
    return (
        f"loss here {found.losses[_middle(found)]:.4g}, lowest shown {finite.min():.4g}, highest {finite.max():.4g}; "
        f"from line to line it grows by {100 * (levels[1] / levels[0] - 1):.1f} %"
    )
