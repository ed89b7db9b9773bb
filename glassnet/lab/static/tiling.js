// How the numbers of a tensor are laid out as tiles: filters, matrices, feature maps, vectors. Knows no page.

/**
 * A grid of tiles. Number (y, x) of channel k of tile i is at `start(i) + k * channelStride + y * width + x`.
 * @typedef {object} Tiling
 * @property {number} num of tiles
 * @property {number} columns of the grid; 0 where it may be as wide as there is room
 * @property {number} height
 * @property {number} width
 * @property {number} channels 3 are one color each
 * @property {number} channelStride
 */

/** @typedef {{zoom: number, columns: number, shown: number}} Fit `shown` tiles, or rows of a table, are drawn */
/** @typedef {{tile: number, y: number, x: number}} At a number of a tile */

export const GAP_PX = 1;
const [MOST_ZOOM, LEAST_TILE_PX] = [12, 8];
const LEAST_NUMBER_PX = 2; // of a matrix: smaller, none could be picked

/**
 * @param {number[]} shape of the numbers that there are
 * @param {"weights" | "signal"} what
 * @param {number[] | null} [inputShape] (C, H, W) or (H, W) of the image that each row of a matrix looks at
 * @returns {Tiling}
 */
export function tilingOf(shape, what, inputShape = null) {
  const axes = what === "weights" ? ofWeights(shape, inputShape) : ofSignal(shape);
  const [num = 1, channels = 1, height = 1, width = 1] = axes;
  if (height * width === 1) return vectorOrMatrix(num, channels);
  const isColor = channels === 1 || channels === 3;
  if (isColor) return { num, columns: 0, height, width, channels, channelStride: height * width };
  const columns = num === 1 ? 0 : channels;
  return { num: num * channels, columns, height, width, channels: 1, channelStride: height * width };
}

/**
 * The largest zoom at which everything has room; where there is none, as many tiles as there is room for. A matrix is
 * always whole, and then larger than the room.
 * @param {Tiling} tiling
 * @param {{width: number, height: number}} room in pixels
 * @returns {Fit}
 */
export function fit(tiling, room) {
  const side = Math.max(tiling.height, tiling.width);
  const least = tiling.num === 1 ? LEAST_NUMBER_PX : Math.max(1, Math.ceil(LEAST_TILE_PX / side));
  for (let zoom = Math.max(least, MOST_ZOOM); zoom >= least; zoom -= 1) {
    const found = at(tiling, room, zoom);
    const isWhole = found.shown === tiling.num && (tiling.columns === 0 || found.columns === tiling.columns);
    const [width, height] = [tiling.width * zoom + 2 * GAP_PX, tiling.height * zoom + 2 * GAP_PX];
    if (isWhole && width <= room.width && height <= room.height) return found;
  }
  return at(tiling, room, least);
}

/**
 * The tile and the number in it below a point of the drawing, null in a gap or outside.
 * @param {Tiling} tiling
 * @param {Fit} fitted
 * @param {number} left
 * @param {number} top
 * @returns {At | null}
 */
export function numberAt(tiling, { zoom, columns, shown }, left, top) {
  const [pitchX, pitchY] = [tiling.width * zoom + GAP_PX, tiling.height * zoom + GAP_PX];
  const [column, row] = [Math.floor(left / pitchX), Math.floor(top / pitchY)];
  const x = Math.floor((left - column * pitchX - GAP_PX) / zoom);
  const y = Math.floor((top - row * pitchY - GAP_PX) / zoom);
  if (column < 0 || column >= columns || row < 0 || x < 0 || y < 0) return null;
  const slot = row * columns + column;
  return slot < shown ? { tile: tileOf(tiling, columns, slot), y, x } : null;
}

/**
 * Of the tile that is drawn at a place of the grid, counted row by row, its number among all.
 * @param {Tiling} tiling
 * @param {number} columns
 * @param {number} slot
 */
export function tileOf(tiling, columns, slot) {
  if (tiling.columns === 0) return slot;
  return Math.floor(slot / columns) * tiling.columns + (slot % columns);
}

/**
 * Where a tile is drawn; null where it is not.
 * @param {Tiling} tiling
 * @param {Fit} fitted
 * @param {number} tile
 * @returns {{row: number, column: number} | null}
 */
export function slotOf(tiling, { columns, shown }, tile) {
  const across = tiling.columns || columns;
  const [row, column] = [Math.floor(tile / across), tile % across];
  return column < columns && row * columns + column < shown ? { row, column } : null;
}

/**
 * The number one further; the same at the edge.
 * @param {Tiling} tiling
 * @param {Fit} fitted
 * @param {At} from
 * @param {[down: number, right: number]} way
 * @returns {At}
 */
export function moved(tiling, fitted, from, [down, right]) {
  const slot = slotOf(tiling, fitted, from.tile);
  if (!slot) return from;
  const rows = Math.ceil(fitted.shown / fitted.columns);
  const clamp = (/** @type {number} */ value, /** @type {number} */ end) => Math.min(Math.max(value, 0), end - 1);
  const y = clamp(slot.row * tiling.height + from.y + down, rows * tiling.height);
  const x = clamp(slot.column * tiling.width + from.x + right, fitted.columns * tiling.width);
  const to = Math.floor(y / tiling.height) * fitted.columns + Math.floor(x / tiling.width);
  if (to >= fitted.shown) return from;
  return { tile: tileOf(tiling, fitted.columns, to), y: y % tiling.height, x: x % tiling.width };
}

/**
 * @param {Tiling} tiling
 * @param {number} place of a number among all
 * @returns {At}
 */
export function atOf(tiling, place) {
  const area = tiling.height * tiling.width;
  const within = place % area;
  const tile = Math.floor(place / (area * tiling.channels));
  return { tile, y: Math.floor(within / tiling.width), x: within % tiling.width };
}

/**
 * @param {number} place of a number among all, the last axis first
 * @param {number[]} shape
 * @returns {number[]}
 */
export function unravel(place, shape) {
  const index = [];
  for (const size of [...shape].reverse()) {
    index.unshift(place % size);
    place = Math.floor(place / size);
  }
  return index;
}

/**
 * @param {number[]} index
 * @param {number[]} shape
 */
export function ravel(index, shape) {
  return index.reduce((place, i, axis) => place * (shape[axis] ?? 1) + i, 0);
}

/**
 * @param {number[]} shape
 * @param {number[] | null} inputShape
 */
function ofWeights(shape, inputShape) {
  if (shape.length !== 2) return shape;
  const image = inputShape?.slice(-2) ?? [1, 1];
  const [out = 1, size = 1] = shape;
  return [out, size / (/** @type {number} */ (image[0]) * /** @type {number} */ (image[1])), ...image];
}

/** @param {number[]} shape */
function ofSignal(shape) {
  if (shape.length < 4) return shape;
  const [, channels = 1, ...area] = shape;
  return channels === 3 ? [1, 3, ...area] : [channels, 1, ...area];
}

/**
 * @param {number} rows
 * @param {number} columns
 * @returns {Tiling}
 */
function vectorOrMatrix(rows, columns) {
  if (rows === 1 || columns === 1) {
    return { num: rows * columns, columns: 0, height: 1, width: 1, channels: 1, channelStride: 1 };
  }
  return { num: 1, columns: 0, height: rows, width: columns, channels: 1, channelStride: rows * columns };
}

/**
 * @param {Tiling} tiling
 * @param {{width: number, height: number}} room
 * @param {number} zoom
 * @returns {Fit}
 */
function at(tiling, room, zoom) {
  const fits = (/** @type {number} */ all, /** @type {number} */ size) =>
    Math.max(1, Math.floor((all - GAP_PX) / (size * zoom + GAP_PX)));
  const [across, down] = [fits(room.width, tiling.width), fits(room.height, tiling.height)];
  if (tiling.columns === 0) {
    const rows = Math.ceil(tiling.num / across);
    const columns = rows <= down ? Math.ceil(tiling.num / rows) : across; // as even as they can be
    return { zoom, columns, shown: Math.min(tiling.num, columns * down) };
  }
  const [columns, rows] = [Math.min(tiling.columns, across), Math.min(tiling.num / tiling.columns, down)];
  return { zoom, columns, shown: columns * rows };
}
