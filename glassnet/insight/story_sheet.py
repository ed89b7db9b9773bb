"""The story of one weight as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array
from glassnet.insight.chain_rule import Term
from glassnet.insight.charts import COLORS, Line, line_chart
from glassnet.insight.names import font, label, shorten
from glassnet.insight.weight_story import Nudges, Outcome, WeightStory, place_in_words

_WIDTH_PX, _CHART_PX = 1200, (600, 400)
_INK, _GREY, _RAISE, _LOWER = (30, 30, 30), (110, 110, 110), COLORS[0], COLORS[1]
_MARGIN_PX, _GAP_PX, _TITLE_PX, _TEXT_PX = 16, 6, 18, 13
_ROW_PX = _TEXT_PX + 8
_PICTURE_PX, _COLUMNS = 176, 6
_FIRST = 0.5  # where the start, step 0, is on a logarithmic axis
_TANGENT = 0.35  # of the curve's width and height, at most, to both sides


def story_sheet(story: WeightStory, step: int, labels: Sequence[str]) -> Image.Image:
    """History and loss curve above, the largest terms of the chain rule with their pictures, the optimizer below.

    ``labels``: what each example is of, empty where that is not known.
    """
    parts = [_charts(story, step)]
    if story.sum.largest:
        parts.append(_terms(story, labels))
    if story.outcome is not None:
        parts.append(_optimizer(story.outcome, story.nudges.loss))
    picture = Image.new("RGB", (_WIDTH_PX, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    return picture


def _charts(story: WeightStory, step: int) -> Image.Image:
    width_px, height_px = _CHART_PX
    steps, values = zip(*story.history, strict=True)
    history = line_chart(
        [Line("value", [max(step, _FIRST) for step in steps], values, has_dots=True)],
        title=f"{story.place} in the course of {step:,} steps", x_label=f"step (the start is at {_FIRST:g})",
        y_label="value", x_scale="log", width_px=width_px, height_px=height_px,
    )  # fmt: skip
    curve = line_chart(
        _curve(story), title="The loss, if this weight alone were another", x_label="value of the weight",
        y_label=f"loss - {story.nudges.loss:.8g}, the loss now", width_px=width_px, height_px=height_px,
    )  # fmt: skip
    both = Image.new("RGB", (_WIDTH_PX, height_px), "white")
    both.paste(history, (0, 0))
    both.paste(curve, (width_px, 0))
    return both


def _curve(story: WeightStory) -> list[Line]:
    nudges, value = story.nudges, story.value
    reach = _reach(nudges)
    tangent = np.array([-reach, reach])
    return [
        Line("now", [value], [0.0], color=_LOWER),
        Line(
            f"slope {nudges.by_backpropagation:.4g}", value + tangent, nudges.by_backpropagation * tangent,
            color=_LOWER,
        ),
        Line("loss", value + nudges.amounts, nudges.losses - nudges.loss, color=_RAISE),
    ]  # fmt: skip


def _reach(nudges: Nudges) -> float:
    """How far the tangent is drawn to both sides, without leaving the chart of the curve by much."""
    width = float(np.ptp(nudges.amounts)) * _TANGENT
    height = float(np.ptp(nudges.losses)) * _TANGENT
    slope = abs(nudges.by_backpropagation)
    return min(width, height / slope) if slope and height else width


def _terms(story: WeightStory, labels: Sequence[str]) -> Image.Image:
    found = story.sum
    cell_px = (_WIDTH_PX - _MARGIN_PX) // _COLUMNS
    height = _MARGIN_PX + _TITLE_PX + 2 * _GAP_PX + 2 * _ROW_PX + _PICTURE_PX + 4 * _ROW_PX + _MARGIN_PX
    picture = Image.new("RGB", (_WIDTH_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN_PX, _MARGIN_PX), "Where the slope comes from: signal coming in x blame coming back", _INK,
              font(_TITLE_PX))  # fmt: skip
    top = _MARGIN_PX + _TITLE_PX + 2 * _GAP_PX
    words = (
        f"Products that are not 0: {found.num_nonzero:,}. From those that would lower the weight "
        f"{found.positive:+.4g}, from those that would raise it {found.negative:+.4g}; together {found.total:+.4g}, "
        "the slope."
    )
    draw.text((_MARGIN_PX, top), words, _GREY, font(_TEXT_PX))
    framed = "The largest; framed are the pixels behind each. Red would lower the weight, blue would raise it."
    draw.text((_MARGIN_PX, top + _ROW_PX), framed, _GREY, font(_TEXT_PX))
    for i, (term, images) in enumerate(zip(found.largest, found.pictures, strict=True)):
        _draw_term(picture, (_MARGIN_PX + i * cell_px, top + 2 * _ROW_PX), term, images, labels)
    return picture


def _draw_term(
    picture: Image.Image, at: tuple[int, int], term: Term, images: Array | None, labels: Sequence[str]
) -> None:
    left, top = at
    draw = ImageDraw.Draw(picture)
    color = _LOWER if term.value > 0 else _RAISE
    if images is not None and term.example is not None:
        image = images[term.example]
        scale = _PICTURE_PX / max(image.shape[1:])
        picture.paste(_shown(image, scale), at)
        if term.patch is not None:
            above, before, below, after = (round(scale * edge) for edge in term.patch)
            frame = (left + before, top + above, left + after - 1, top + below - 1)
            draw.rectangle(frame, outline="white", width=4)  # so that it is seen on a picture of its own color
            draw.rectangle(frame, outline=color, width=2)
    whose = "all examples" if term.example is None else f"example {term.example}"
    if labels and term.example is not None:
        whose += f": {label(term.example, labels[term.example])}"
    product = f"{term.signal:.3g} x {term.blame:.3g}"
    lines = [(whose, _INK), (place_in_words(term.index), _GREY), (product, _INK), (f"= {term.value:+.3g}", color)]
    for i, (text, ink) in enumerate(lines):
        below = (left, top + _PICTURE_PX + _GAP_PX + i * _ROW_PX)
        draw.text(below, shorten(text, _PICTURE_PX + _MARGIN_PX, _TEXT_PX), ink, font(_TEXT_PX))


def _shown(image: Array, scale: float) -> Image.Image:
    """(C, H, W) of any range, from its darkest to its brightest number."""
    low, high = float(image.min()), float(image.max())
    bytes_ = ((image - low) * (255.0 / ((high - low) or 1.0))).round().astype(np.uint8)
    pixels = np.ascontiguousarray(np.broadcast_to(bytes_, (3, *image.shape[1:])).transpose(1, 2, 0))
    size = (round(image.shape[2] * scale), round(image.shape[1] * scale))
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)


def _optimizer(outcome: Outcome, loss: float) -> Image.Image:
    rows = [
        *((part.name, f"{part.value:.5g}", part.words) for part in outcome.parts),
        ("change", f"{outcome.change:.5g}", "so much is added to the weight"),
        ("loss", f"{loss:.8g}", "before the step"),
        ("", f"{outcome.loss_alone:.8g}", f"{outcome.loss_alone - loss:+.3e}, if this weight alone makes its step"),
        ("", f"{outcome.loss:.8g}", f"{outcome.loss - loss:+.3e}, when all weights make theirs"),
    ]
    height = _TITLE_PX + 2 * _GAP_PX + len(rows) * _ROW_PX + 2 * _MARGIN_PX
    picture = Image.new("RGB", (_WIDTH_PX, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN_PX, _GAP_PX), "What the optimizer makes of it", _INK, font(_TITLE_PX))
    for i, (name, value, words) in enumerate(rows):
        top = _GAP_PX + _TITLE_PX + 2 * _GAP_PX + i * _ROW_PX
        draw.text((_MARGIN_PX, top), name, _INK, font(_TEXT_PX))
        draw.text((_MARGIN_PX + 240, top), value, _INK, font(_TEXT_PX), anchor="ra")
        draw.text((_MARGIN_PX + 270, top), words, _GREY, font(_TEXT_PX))
    return picture
