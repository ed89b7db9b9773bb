"""Arrays of any shape as gray or colored tiles: filters, matrices, feature maps, vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from glassnet.autodiff import Array, Shape

BETWEEN = (206, 219, 232)  # the color between tiles, which no gray is taken for
_MOST_ZOOM, _LEAST_TILE_PX, _GAP_PX = 12, 8, 1
_COLORS = 3
_CLIPPED = 0.995  # share of the numbers that get a gray of their own
_MID, _NOTHING = 127.5, 255.0


@dataclass(frozen=True)
class Tiles:
    """``picture``; numbers from -limit to limit are black to white, 0 is gray; ``note``: what of the array is shown."""

    picture: Image.Image
    limit: float
    note: str


def weight_tiles(weights: Array, input_shape: Shape | None, room_px: tuple[int, int]) -> Tiles:
    """A kernel (O, I, kH, kW): filters of 3 channels in color, one beside the other; else a row for each output, with
    a tile for each input. A matrix (O, I): likewise if the input is an image of ``input_shape``, else point by point.
    """
    if weights.ndim == 2 and input_shape is not None:
        weights = weights.reshape(len(weights), -1, *input_shape[-2:])
    if weights.ndim == 4 and weights.shape[2:] == (1, 1):
        weights = weights[:, :, 0, 0]
    if weights.ndim == 4 and weights.shape[1] in (1, _COLORS):
        return _row_by_row(weights, room_px, "filters")
    if weights.ndim == 4 and len(weights) == 1:
        return _row_by_row(np.swapaxes(weights, 0, 1), room_px, "channels")
    if weights.ndim == 4:
        return _table(weights, room_px)
    return _matrix(weights, room_px) if weights.ndim == 2 else _vector(weights, room_px)


def signal_tiles(values: Array, room_px: tuple[int, int]) -> Tiles:
    """What a layer says of one input: channels (1, C, H, W), 3 of them in color, a row (1, D), or rows (N, D)."""
    if values.ndim == 4 and values.shape[2:] != (1, 1):
        is_color = values.shape[1] == _COLORS
        return _row_by_row(values if is_color else np.swapaxes(values, 0, 1), room_px, "channels")
    if values.ndim == 2 and len(values) > 1:
        return _matrix(values, room_px)
    return _vector(values, room_px)


def _row_by_row(tiles: Array, room_px: tuple[int, int], what: str) -> Tiles:
    """(N, 1 or 3, H, W) in as many rows as it takes, as large as there is room for."""
    num, _, height, width = tiles.shape

    def columns(zoom: int) -> int:
        return max(1, min(num, (room_px[0] - _GAP_PX) // (width * zoom + _GAP_PX)))

    def rows(zoom: int) -> int:
        return max(1, (room_px[1] - _GAP_PX) // (height * zoom + _GAP_PX))

    zoom = next((z for z in _zooms(height, width) if rows(z) * columns(z) >= num), _least_zoom(height, width))
    shown = min(num, rows(zoom) * columns(zoom))
    num_rows = -(-shown // columns(zoom))
    placed = np.full((num_rows * columns(zoom), *tiles.shape[1:]), np.nan)
    placed[:shown] = tiles[:shown]
    placed = placed.reshape(num_rows, columns(zoom), *tiles.shape[1:])
    note = "" if shown == num else f"first {shown} of {num:,} {what}"
    return _drawn(placed, tiles, zoom, note)


def _table(kernel: Array, room_px: tuple[int, int]) -> Tiles:
    """(O, I, kH, kW): a row for each of the first outputs, a column for each of the first inputs."""
    num_out, num_in, height, width = kernel.shape

    def fits(zoom: int) -> bool:
        return num_in * (width * zoom + _GAP_PX) < room_px[0] and num_out * (height * zoom + _GAP_PX) < room_px[1]

    zoom = next((z for z in _zooms(height, width) if fits(z)), _least_zoom(height, width))
    columns = min(num_in, max(1, (room_px[0] - _GAP_PX) // (width * zoom + _GAP_PX)))
    rows = min(num_out, max(1, (room_px[1] - _GAP_PX) // (height * zoom + _GAP_PX)))
    note = f"{rows} of {num_out:,} outputs (rows), {columns} of {num_in:,} inputs"
    if (rows, columns) == (num_out, num_in):
        note = "a row for each output, a column for each input"
    return _drawn(kernel[:rows, :columns, None], kernel, zoom, note)


def _matrix(matrix: Array, room_px: tuple[int, int]) -> Tiles:
    rows, columns = min(len(matrix), room_px[1] - 2 * _GAP_PX), min(matrix.shape[1], room_px[0] - 2 * _GAP_PX)
    zoom = max(1, min(_MOST_ZOOM, (room_px[0] - 2 * _GAP_PX) // columns, (room_px[1] - 2 * _GAP_PX) // rows))
    is_whole = (rows, columns) == matrix.shape
    note = "" if is_whole else f"{rows} of {len(matrix):,} rows, {columns} of {matrix.shape[1]:,} columns"
    return _drawn(matrix[None, None, None, :rows, :columns], matrix, zoom, note)


def _vector(values: Array, room_px: tuple[int, int]) -> Tiles:
    return _row_by_row(values.reshape(-1, 1, 1, 1), room_px, "numbers")


def _zooms(height: int, width: int) -> range:
    return range(_MOST_ZOOM, _least_zoom(height, width) - 1, -1)


def _least_zoom(height: int, width: int) -> int:
    """Below, a tile could not be seen."""
    return -(-_LEAST_TILE_PX // max(height, width))


def _drawn(tiles: Array, whole: Array, zoom: int, note: str) -> Tiles:
    """Tiles (R, C, 1 or 3, H, W), NaN where there is none, with grays for the numbers of the ``whole`` array."""
    limit = float(np.quantile(np.abs(whole), _CLIPPED, method="higher"))
    rows, columns, _, height, width = tiles.shape
    colors = np.clip(_MID + _MID * tiles / (limit or 1.0), 0.0, 255.0)
    colors = np.broadcast_to(colors, (rows, columns, 3, height, width)).repeat(zoom, axis=3).repeat(zoom, axis=4)
    framed = np.empty((rows, columns, 3, height * zoom + _GAP_PX, width * zoom + _GAP_PX))
    framed[:] = np.array(BETWEEN)[:, None, None]
    framed[:, :, :, _GAP_PX:, _GAP_PX:] = colors
    framed[np.isnan(tiles).all(axis=(2, 3, 4))] = _NOTHING
    pixels = framed.transpose(0, 3, 1, 4, 2).reshape(rows * framed.shape[3], columns * framed.shape[4], 3)
    pixels = np.pad(pixels, ((0, _GAP_PX), (0, _GAP_PX), (0, 0)), constant_values=_NOTHING)
    return Tiles(Image.fromarray(pixels.round().astype(np.uint8)), limit, note)
