"""Strokes to pixels: lines become 28x28 pictures, drawn as Google drew its Quick, Draw! bitmaps.

The recipe is Google's (https://github.com/googlecreativelab/quickdraw-dataset/issues/19): a 256x256 sheet
with a margin, a round pen of width 16, everything scaled to 28x28. Google used cairo; here the distance of
each pixel to the nearest point of a stroke says how much ink it holds.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Stroke: TypeAlias = NDArray[np.float64]
"""(points, 2): x to the right, y down, one row per point the pen went through."""

Drawing: TypeAlias = Sequence[Stroke]
"""Strokes on the sheet, coordinates from 0 to 255."""

SIDE = 28
SHEET = 256.0
PEN = 16.0
PADDING = 16.0
MARGIN = PADDING + PEN / 2
SCALE = SIDE / (SHEET + 2 * MARGIN)

# Distance tells coverage exactly only along the axes; on a grid this much finer, averaged, slopes come out too.
FINER = 2
FINE_SIDE = SIDE * FINER

# Strokes are cut into pieces this long, in fine pixels: around the middle of a piece, WINDOW x WINDOW of them
# hold all the ink of a pen up to PEN_LIMIT wide. MARGIN keeps every window inside the picture.
PIECE = 2.5
WINDOW = 7
PEN_LIMIT = 19.0
CHUNK = 256


def rasterize(drawings: Sequence[Drawing], pens: float | Sequence[float] = PEN) -> NDArray[np.uint8]:
    """Draw each one, centered: (drawings, 28, 28), background 0, ink up to 255; `pens` are line widths."""
    widths = np.broadcast_to(np.asarray(pens, dtype=np.float64), (len(drawings),))
    assert widths.max(initial=0) <= PEN_LIMIT, "a wider pen needs a larger WINDOW"
    images = np.empty((len(drawings), SIDE, SIDE), np.uint8)
    for first in range(0, len(drawings), CHUNK):
        chunk = slice(first, first + CHUNK)
        images[chunk] = _rasterize_chunk(drawings[chunk], widths[chunk])
    return images


def _rasterize_chunk(drawings: Sequence[Drawing], widths: NDArray[np.float64]) -> NDArray[np.uint8]:
    strokes_in = np.array([len(drawing) for drawing in drawings])
    strokes = [stroke for drawing in drawings for stroke in drawing]
    points_in = np.array([len(stroke) for stroke in strokes])
    points = _place(np.concatenate(strokes), np.add.reduceat(points_in, _firsts(strokes_in)))
    distances = _distances(points, points_in)
    radii = np.repeat(widths, strokes_in).astype(np.float32) * np.float32(FINER * SCALE / 2)
    fine = np.clip(radii[:, None] + 0.5 - distances, 0.0, 1.0).reshape(-1, FINE_SIDE, FINE_SIDE)
    # Slices and not a mean over reshaped axes, which takes ten times as long. (strokes, height, width)
    coverage = sum(fine[:, y::FINER, x::FINER] for y in range(FINER) for x in range(FINER)) / FINER**2
    # A stroke goes over the ones before, as paint does: it leaves empty its share of what they left empty.
    empty = np.multiply.reduceat(1.0 - coverage, _firsts(strokes_in), axis=0)
    images: NDArray[np.uint8] = np.rint(255.0 * (1.0 - empty)).astype(np.uint8)
    return images


def _firsts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each group starts, when groups of these sizes lie one after the other."""
    return np.cumsum(counts) - counts


def _place(points: NDArray[np.float64], points_in_drawing: NDArray[np.int64]) -> NDArray[np.float64]:
    """From sheet to fine pixels, the bounding box of each drawing in the middle: (points, 2)."""
    low = np.minimum.reduceat(points, _firsts(points_in_drawing))
    high = np.maximum.reduceat(points, _firsts(points_in_drawing))
    offsets = (SHEET - low - high) / 2 + MARGIN
    placed: NDArray[np.float64] = (points + np.repeat(offsets, points_in_drawing, axis=0)) * (FINER * SCALE)
    return placed


def _distances(points: NDArray[np.float64], points_in: NDArray[np.int64]) -> NDArray[np.float32]:
    """How far each fine pixel is from each stroke, infinity where not near: (strokes, fine pixels)."""
    starts, steps, stroke_of = _pieces(points, points_in)
    corner = np.floor(starts + steps / 2).astype(np.int64) - WINDOW // 2
    grid = corner[:, :, None] + np.arange(WINDOW)  # (pieces, xy, window)
    x, y = np.moveaxis((grid + 0.5 - starts[:, :, None]).astype(np.float32), 1, 0)
    x, y = x[:, None, :], y[:, :, None]
    dx, dy = steps.astype(np.float32).T[:, :, None, None]
    along = np.clip((x * dx + y * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
    squared = (x - along * dx) ** 2 + (y - along * dy) ** 2  # (pieces, window, window)
    pixel = grid[:, 1, :, None] * FINE_SIDE + grid[:, 0, None, :] + stroke_of[:, None, None] * FINE_SIDE**2
    nearest = np.full(len(points_in) * FINE_SIDE**2, np.inf, np.float32)
    np.minimum.at(nearest, pixel.ravel(), squared.ravel())
    return np.sqrt(nearest).reshape(len(points_in), FINE_SIDE**2)


def _pieces(
    points: NDArray[np.float64], points_in: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Cut strokes into short pieces: start and step to the end (pieces, xy), number of the stroke."""
    # Each point is joined to the one before, the first of a stroke to itself: a tap of the pen leaves a dot.
    before = np.arange(len(points)) - 1
    before[_firsts(points_in)] += 1
    steps = points - points[before]
    cuts = np.maximum(1, np.ceil(np.hypot(*steps.T) / PIECE)).astype(np.int64)
    segment = np.repeat(np.arange(len(points)), cuts)
    turn = np.arange(len(segment)) - _firsts(cuts)[segment]
    step = steps[segment] / cuts[segment, None]
    stroke_of = np.repeat(np.arange(len(points_in)), points_in)
    return points[before][segment] + turn[:, None] * step, step, stroke_of[segment]
