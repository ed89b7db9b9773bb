"""Pictures of the inside of a network: its layers for one input, and its weights from random to trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array, Shape
from glassnet.insight.charts import Line, line_chart
from glassnet.insight.layers import Layer, Signal
from glassnet.insight.names import font, shorten, width_px
from glassnet.insight.tiles import Tiles, signal_tiles, weight_tiles

_INK, _GREY, _RULE = (30, 30, 30), (110, 110, 110), (205, 205, 205)
_TITLE_PX, _HEAD_PX, _TEXT_PX, _SMALL_PX = 20, 16, 14, 12
_MARGIN_PX, _GAP_PX = 20, 8
_COLUMN_PX, _HIGH_PX, _LOW_PX = 400, 240, 72  # of a tile picture: its width, and its height or that of a vector
_INPUT_PX = 128
_LAYERS_ON_A_PAGE = 8
_COLUMNS = ("what it holds", "gradient of that", "what it says", "gradient of that")
_SCALE = "Gray is 0, white and black are the numbers written below each picture. A gradient says how the loss changes."

_MOMENTS, _NUM_BINS = 10, 101
_SHOWN = 0.999  # share of the weights that the histogram is wide enough for
_FIRST, _LAST = np.array([205, 215, 225]), np.array([150, 20, 40])


def layer_pages(
    layers: Sequence[Layer], title: str, image: Array, says: str
) -> list[Image.Image]:
    """A row for each layer: its weights, their gradients, what it says, and the gradients of that; some on each page.

    ``image`` uint8 (C, H, W) is what the network was shown; ``says``: what came of it, in words.
    """
    parts = [layers[i : i + _LAYERS_ON_A_PAGE] for i in range(0, len(layers), _LAYERS_ON_A_PAGE)]
    pages = []
    for number, part in enumerate(parts, 1):
        shown = title if len(parts) == 1 else f"{title}, page {number} of {len(parts)}"
        pages.append(_stacked([_head(shown, image, says), *map(_row, part)]))
    return pages


def _head(title: str, image: Array, says: str) -> Image.Image:
    """The title, the input, and what the columns are."""
    width = 4 * (_COLUMN_PX + _MARGIN_PX) + _MARGIN_PX
    head = Image.new("RGB", (width, _INPUT_PX + 2 * _MARGIN_PX + _HEAD_PX + _GAP_PX), "white")
    draw = ImageDraw.Draw(head)
    enlarged = _enlarged(image)
    head.paste(enlarged, (_MARGIN_PX, _MARGIN_PX))
    left = _MARGIN_PX + enlarged.width + _MARGIN_PX
    room = width - left - _MARGIN_PX
    draw.text((left, _MARGIN_PX), shorten(title, room, _TITLE_PX), _INK, font(_TITLE_PX))
    for i, line in enumerate((*says.splitlines(), _SCALE)):
        y = _MARGIN_PX + _TITLE_PX + 2 * _GAP_PX + i * (_TEXT_PX + _GAP_PX)
        draw.text((left, y), shorten(line, room, _TEXT_PX), _GREY, font(_TEXT_PX))
    for i, name in enumerate(_COLUMNS):
        draw.text((_left_of(i), head.height - _HEAD_PX - 2), name, _INK, font(_HEAD_PX))
    return head


def _enlarged(image: Array) -> Image.Image:
    """The pixels of a small picture stay visible."""
    height, width = image.shape[1:]
    pixels = np.broadcast_to(image, (3, height, width)).transpose(1, 2, 0)
    zoom = _INPUT_PX / max(height, width)
    how = Image.Resampling.NEAREST if zoom > 1 else Image.Resampling.LANCZOS
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    return Image.fromarray(np.ascontiguousarray(pixels)).resize(size, how)


def _left_of(column: int) -> int:
    return _MARGIN_PX + column * (_COLUMN_PX + _MARGIN_PX)


def _row(layer: Layer) -> Image.Image:
    """One layer: its name above its pictures."""
    columns = [
        [_panel(signal, signal.values, layer.input_shape, True) for signal in layer.held],
        [_panel(signal, signal.gradient, layer.input_shape, True) for signal in layer.held],
        [_panel(signal, signal.values, None, False) for signal in layer.said],
        [_panel(signal, signal.gradient, None, False) for signal in layer.said],
    ]
    stacks = [_stacked(panels) for panels in columns]
    top = _MARGIN_PX + _HEAD_PX + _GAP_PX
    row = Image.new("RGB", (_left_of(4), top + max(stack.height for stack in stacks)), "white")
    draw = ImageDraw.Draw(row)
    draw.line((_MARGIN_PX, _GAP_PX, row.width - _MARGIN_PX, _GAP_PX), _RULE)
    draw.text((_MARGIN_PX, _MARGIN_PX - 2), layer.name, _INK, font(_HEAD_PX))
    for i, stack in enumerate(stacks):
        row.paste(stack, (_left_of(i), top))
    return row


def _panel(signal: Signal, values: Array | None, input_shape: Shape | None, is_held: bool) -> Image.Image:
    """A picture of the numbers with its name, shape and scale."""
    if values is None:
        return _captioned(None, [f"{signal.name}: not learned"])
    is_small = values.size == max(values.shape)
    room = (_COLUMN_PX, _LOW_PX if is_small else _HIGH_PX)
    tiles = weight_tiles(values, input_shape, room) if is_held else signal_tiles(values, room)
    shape = values.shape if is_held else values.shape[values.shape[0] == 1 :]
    texts = [f"{signal.name}  {' x '.join(map(str, shape))}{_scale(tiles)}", tiles.note]
    return _captioned(tiles.picture, [text for text in texts if text])


def _scale(tiles: Tiles) -> str:
    return f"   black {-tiles.limit:.2g}, white {tiles.limit:.2g}" if tiles.limit else "   all 0"


def _captioned(picture: Image.Image | None, texts: Sequence[str]) -> Image.Image:
    height = 0 if picture is None else picture.height + 2
    panel = Image.new("RGB", (_COLUMN_PX, height + len(texts) * (_SMALL_PX + 4) + _GAP_PX), "white")
    if picture is not None:
        panel.paste(picture, (0, 0))
    for i, text in enumerate(texts):
        at = (0, height + i * (_SMALL_PX + 4))
        ImageDraw.Draw(panel).text(at, shorten(text, _COLUMN_PX, _SMALL_PX), _GREY, font(_SMALL_PX))
    return panel


def _stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """One below the other."""
    stack = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    top = 0
    for picture in pictures:
        stack.paste(picture, (0, top))
        top += picture.height
    return stack


def weights_over_time(moments: Mapping[int, Mapping[str, Array]], title: str) -> Image.Image:
    """How many weights have about which value after each number of steps; of many moments, ten are shown."""
    steps = sorted(moments)
    chosen = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, _MOMENTS).round().astype(int))]
    values = {step: np.concatenate([array.reshape(-1) for array in moments[step].values()]) for step in chosen}
    far = max(float(np.quantile(np.abs(array), _SHOWN)) for array in values.values()) or 1.0
    edges = np.linspace(-far, far, _NUM_BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    lines = []
    for i, step in enumerate(chosen):
        shares = 100.0 * np.histogram(values[step], edges)[0] / values[step].size
        color = _FIRST + (_LAST - _FIRST) * i / max(1, len(chosen) - 1)
        red, green, blue = color.round().astype(int).tolist()
        name = "random (step 0)" if step == 0 else f"step {step:,}"
        is_any = shares > 0
        lines.append(Line(name, middles[is_any], shares[is_any], color=(red, green, blue)))
    return line_chart(
        lines[::-1], title=title, x_label="value of a weight", y_scale="log", width_px=1000, height_px=600,
        y_label=f"share of all {next(iter(values.values())).size:,} weights, % (in {_NUM_BINS} equal ranges)",
    )  # fmt: skip
