"""Pictures of the inside of a network: its layers for one input, and its weights from random to trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from glassnet.autodiff import Array, Shape
from glassnet.insight.charts import Line, line_chart
from glassnet.insight.histograms import histograms
from glassnet.insight.layers import Layer
from glassnet.insight.names import font, label, shorten, width_px
from glassnet.insight.tiles import BETWEEN, Tiles, signal_tiles, weight_tiles

_INK, _GREY, _RULE = (30, 30, 30), (110, 110, 110), (205, 205, 205)
_TITLE_PX, _HEAD_PX, _TEXT_PX, _SMALL_PX = 22, 18, 15, 14
_MARGIN_PX, _GAP_PX = 20, 8
_COLUMN_PX, _HIGH_PX, _LOW_PX = 400, 264, 72  # of a tile picture: its width, and its height or that of a vector
_INPUT_PX = 128
_LAYERS_ON_A_PAGE = 8
_COLUMNS = ("weights", "weight gradients", "activations", "activation gradients")
_SCALE = (
    "Gray is 0; black and white are the numbers below each picture, and what is beyond. "
    "A gradient is how much the loss rises as the number rises."
)
_FEW = 4  # numbers are written out
_MOST_NAMES = 12

_MOMENTS, _NUM_BINS = 10, 81
_FIRST, _LAST = np.array([205, 215, 225]), np.array([150, 20, 40])


def layer_pages(
    layers: Sequence[Layer], title: str, image: Array, says: str, names: Sequence[str] = ()
) -> list[Image.Image]:
    """A row for each layer: its weights, their gradients, its activations, and their gradients; some on each page.

    ``image`` uint8 (C, H, W) is what the network was shown; ``says``: what came of it, in words; ``names`` of the
    numbers that the last layer answers with.
    """
    num = -(-len(layers) // -(-len(layers) // _LAYERS_ON_A_PAGE))  # on each page about as many
    parts = [layers[i : i + num] for i in range(0, len(layers), num)]
    pages = []
    for number, part in enumerate(parts, 1):
        shown = title if len(parts) == 1 else f"{title}, page {number} of {len(parts)}"
        rows = [_row(layer, names if layer is layers[-1] else ()) for layer in part]
        pages.append(_stacked([_head(shown, image, says), *rows]))
    return pages


def _head(title: str, image: Array, says: str) -> Image.Image:
    """The title, the input, and what the columns are."""
    width = 4 * (_COLUMN_PX + _MARGIN_PX) + _MARGIN_PX
    head = Image.new("RGB", (width, _INPUT_PX + 2 * _MARGIN_PX + _HEAD_PX + 2 * _GAP_PX), "white")
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
        draw.text((_left_of(i), head.height - _HEAD_PX - _GAP_PX), name, _INK, font(_HEAD_PX))
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


def _row(layer: Layer, names: Sequence[str]) -> Image.Image:
    """One layer: its name above its pictures."""
    columns = [
        [_weights(signal.name, signal.values, layer.input_shape) for signal in layer.held],
        [_weights(signal.name, signal.gradient, layer.input_shape) for signal in layer.held],
        [_activations(signal.name, signal.values, names) for signal in layer.said],
        [_activations(signal.name, signal.gradient, names) for signal in layer.said],
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


def _weights(name: str, values: Array | None, input_shape: Shape | None) -> Image.Image:
    if values is None:
        return _captioned(None, [f"{name}: not learned"])
    return _panel(name, values.shape, values, weight_tiles(values, input_shape, _room(values)))


def _activations(name: str, values: Array | None, names: Sequence[str]) -> Image.Image:
    assert values is not None, name
    if values.size == len(names) <= _MOST_NAMES:
        return _named(name, values.reshape(-1), names)
    return _panel(name, values.shape[values.shape[0] == 1 :], values, signal_tiles(values, _room(values)))


def _room(values: Array) -> tuple[int, int]:
    is_vector = values.size == max(values.shape)
    return _COLUMN_PX, _LOW_PX if is_vector else _HIGH_PX


def _panel(name: str, shape: Shape, values: Array, tiles: Tiles) -> Image.Image:
    """The picture of the numbers, and below it their name, shape and scale; a few numbers are written instead."""
    what = f"{name}  {' x '.join(map(str, shape))}"
    if values.size <= _FEW:
        return _captioned(None, [f"{what}: {', '.join(f'{number:.2g}' for number in values.reshape(-1).tolist())}"])
    scale = _scale(tiles.limit)
    is_narrow = width_px(what + scale, _SMALL_PX) <= _COLUMN_PX
    texts = [what + scale] if is_narrow else [what, scale.strip()]
    return _captioned(tiles.picture, [text for text in (*texts, tiles.note) if text])


def _named(name: str, values: Array, names: Sequence[str]) -> Image.Image:
    """One number below the other, with its gray, its name and itself."""
    pitch_px = _SMALL_PX + 6
    picture = Image.new("RGB", (_COLUMN_PX, len(names) * pitch_px), "white")
    draw = ImageDraw.Draw(picture)
    limit = float(np.abs(values).max())
    for i, (value, own) in enumerate(zip(values.tolist(), names, strict=True)):
        gray = round(127.5 + 127.5 * value / (limit or 1.0))
        top, middle = i * pitch_px, i * pitch_px + pitch_px // 2
        draw.rectangle((0, top, pitch_px, top + pitch_px - 1), (gray, gray, gray), BETWEEN)
        draw.text((2 * pitch_px, middle), f"{value:.3f}", _INK, font(_SMALL_PX), anchor="lm")
        text = shorten(label(i, own), _COLUMN_PX // 2, _SMALL_PX)
        draw.text((6 * pitch_px, middle), text, _INK, font(_SMALL_PX), anchor="lm")
    return _captioned(picture, [f"{name}  {len(names)}{_scale(limit)}"])


def _scale(limit: float) -> str:
    return f"   black {-limit:.2g}, white {limit:.2g}" if limit else "   all 0"


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
    edges, shares_at = histograms({step: moments[step] for step in chosen}, _NUM_BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    lines = []
    for i, step in enumerate(chosen):
        shares = 100.0 * shares_at[step]
        color = _FIRST + (_LAST - _FIRST) * i / max(1, len(chosen) - 1)
        red, green, blue = color.round().astype(int).tolist()
        name = "random (step 0)" if step == 0 else f"step {step:,}"
        is_any = shares > 0
        lines.append(Line(name, middles[is_any], shares[is_any], color=(red, green, blue)))
    most = 1.0 - min(float(shares.sum()) for shares in shares_at.values())
    beyond = f"; not shown: up to {100 * most:.2g} % beyond" if most > 1e-9 else ""
    return line_chart(
        lines[::-1], title=title, x_label="value of a weight", y_scale="log", width_px=1000, height_px=600,
        y_label=f"share of all weights in each of {_NUM_BINS} equal ranges, %{beyond}",
    )  # fmt: skip
