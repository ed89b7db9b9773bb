// A tensor as a picture: 0 is gray, black and white are the ends of its range. One of its numbers can be picked.

import { h, ltr } from "./dom.js";
import { number, t } from "./i18n.js";
import { bytesOf, painted } from "./tiles.js";
import { GAP_PX, fit, numberAt, ravel, tileOf, tilingOf, unravel } from "./tiling.js";

/**
 * @typedef {object} Tensor
 * @property {string} name
 * @property {number[]} shape
 * @property {number[]} shown the part of it that there is, cut by the first axes
 * @property {number} limit what levels 0 and 254 stand for, below and above 0
 * @property {string} levels base64 of uint8
 * @property {number | null} min
 * @property {number | null} max
 * @property {number | null} mean
 * @property {number | null} std
 * @property {number} zeros share that is exactly 0
 */

const ZERO = 127;
const BETWEEN = [206, 219, 232, 255]; // a color that no gray is taken for
const FEW = 4; // numbers are written out
const [ROOM, LOW_PX] = [{ width: 300, height: 264 }, 72];

/**
 * @param {Tensor} tensor
 * @param {object} how
 * @param {"weights" | "signal"} how.what
 * @param {string} how.title what screen readers call it
 * @param {number[] | null} [how.inputShape]
 * @param {(index: number[]) => void} [how.onPick]
 * @param {number[] | null} [how.marked] the index of a number that is marked
 * @param {{width: number, height: number}} [how.room]
 * @returns {HTMLElement}
 */
export function tensorView(tensor, how) {
  const size = tensor.shape.reduce((product, axis) => product * axis, 1);
  const caption = h("figcaption", { class: "tensor-range" }, rangeOf(tensor));
  if (size <= FEW && !how.onPick) {
    return h("figure", { class: "tensor" }, h("p", { class: "tensor-few" }, ltr(valuesOf(tensor).map((x) => number(x)).join(", "))));
  }
  const tiling = tilingOf(tensor.shown, how.what, how.inputShape);
  const isVector = size === Math.max(...tensor.shape);
  const room = how.room ?? (isVector ? { ...ROOM, height: LOW_PX } : ROOM);
  const fitted = fit(tiling, room);
  const canvas = drawn(tensor, tiling, fitted);
  const label = t("tensor.label", { title: how.title, shape: tensor.shape.join(" × "), min: number(tensor.min), max: number(tensor.max) });
  canvas.setAttribute("aria-label", label);
  canvas.setAttribute("role", how.onPick ? "application" : "img");
  const cut = cutOf(tensor, tiling, fitted);
  const figure = h("figure", { class: "tensor" }, h("div", { class: "tensor-place" }, canvas), caption, cut ? h("p", { class: "hint" }, cut) : null);
  if (how.onPick) makePickable(canvas, figure, tensor, tiling, fitted, how.onPick, label);
  if (how.marked) mark(canvas, tiling, fitted, placeIn(tiling, fitted, ravel(how.marked, tensor.shown)), "#d22");
  return figure;
}

/** @param {Tensor} tensor */
export function valuesOf(tensor) {
  return Array.from(bytesOf(tensor, tensor.levels), (level) => ((level - ZERO) / ZERO) * tensor.limit);
}

/** @param {Tensor} tensor */
function rangeOf(tensor) {
  if (tensor.limit === 0) return t("tensor.all_zero");
  const grays = t("tensor.range", { low: number(-tensor.limit, digitsOf(tensor.limit)), high: number(tensor.limit, digitsOf(tensor.limit)) });
  return [ltr(tensor.shape.join(" × ")), " · ", grays];
}

/** @param {number} x */
function digitsOf(x) {
  return Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x) || 1)));
}

/**
 * @param {Tensor} tensor
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 */
function cutOf(tensor, tiling, fitted) {
  const all = tensor.shape.reduce((product, axis) => product * axis, 1);
  const shown = fitted.shown * tiling.height * tiling.width * tiling.channels;
  return shown < all ? t("tensor.cut", { shown: number(shown), all: number(all) }) : null;
}

/**
 * @param {Tensor} tensor
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 */
function drawn(tensor, tiling, fitted) {
  const { zoom, columns, shown } = fitted;
  const [pitchX, pitchY] = [tiling.width * zoom + GAP_PX, tiling.height * zoom + GAP_PX];
  const rows = Math.ceil(shown / columns);
  const canvas = h("canvas", { width: columns * pitchX + GAP_PX, height: rows * pitchY + GAP_PX, class: "tensor-canvas" });
  const image = new ImageData(canvas.width, canvas.height);
  const levels = bytesOf(tensor, tensor.levels);
  const area = tiling.height * tiling.width;
  for (let slot = 0; slot < shown; slot += 1) {
    const start = tileOf(tiling, columns, slot) * area * tiling.channels;
    const [left, top] = [(slot % columns) * pitchX + GAP_PX, Math.floor(slot / columns) * pitchY + GAP_PX];
    frame(image, left - GAP_PX, top - GAP_PX, pitchX + GAP_PX, pitchY + GAP_PX);
    for (let y = 0; y < tiling.height * zoom; y += 1) {
      for (let x = 0; x < tiling.width * zoom; x += 1) {
        const from = start + Math.floor(y / zoom) * tiling.width + Math.floor(x / zoom);
        const to = 4 * ((top + y) * image.width + left + x);
        for (let color = 0; color < 3; color += 1) {
          image.data[to + color] = levels[from + (tiling.channels === 3 ? color : 0) * tiling.channelStride] ?? 0;
        }
      }
    }
  }
  painted(canvas, image);
  return canvas;
}

/**
 * What shows between the tiles; where there is none, nothing.
 * @param {ImageData} image
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} height
 */
function frame(image, left, top, width, height) {
  for (let y = top; y < top + height; y += 1) {
    for (let x = left; x < left + width; x += 1) image.data.set(BETWEEN, 4 * (y * image.width + x));
  }
}

/**
 * Click, or arrow keys and Enter.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} figure
 * @param {Tensor} tensor
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 * @param {(index: number[]) => void} onPick
 * @param {string} label
 */
function makePickable(canvas, figure, tensor, tiling, fitted, onPick, label) {
  const values = valuesOf(tensor);
  const clean = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).getImageData(0, 0, canvas.width, canvas.height);
  const reading = h("output", { class: "tensor-reading", dir: "ltr" });
  figure.append(reading);
  canvas.tabIndex = 0;
  /** @type {{tile: number, y: number, x: number}} */
  let cursor = { tile: 0, y: 0, x: 0 };
  // Of three colors, the one that says most.
  const placeOf = (/** @type {typeof cursor} */ at) => {
    const first = at.tile * tiling.height * tiling.width * tiling.channels + at.y * tiling.width + at.x;
    const places = Array.from({ length: tiling.channels }, (_, k) => first + k * tiling.channelStride);
    return places.reduce((best, place) => (Math.abs(values[place] ?? 0) > Math.abs(values[best] ?? 0) ? place : best));
  };
  const show = (/** @type {typeof cursor} */ at) => {
    cursor = at;
    painted(canvas, clean);
    mark(canvas, tiling, fitted, slotted(tiling, fitted, at), "#0a7");
    const place = placeOf(at);
    reading.textContent = `[${unravel(place, tensor.shown).join(", ")}] ≈ ${number(values[place])}`;
    canvas.setAttribute("aria-label", `${label} ${reading.textContent}`);
  };
  const below = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return numberAt(tiling, fitted, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  };
  const pick = () => onPick(unravel(placeOf(cursor), tensor.shown));
  canvas.addEventListener("pointermove", (event) => {
    const found = below(event);
    if (found) show(found);
  });
  canvas.addEventListener("click", (event) => {
    const found = below(event);
    if (!found) return;
    show(found);
    pick();
  });
  canvas.addEventListener("focus", () => show(cursor));
  canvas.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const way = ways[/** @type {"ArrowLeft"} */ (event.key)];
    if (event.key === "Enter" || event.key === " ") pick();
    else if (way) show(moved(tiling, fitted, cursor, /** @type {[number, number]} */ (way)));
    else return;
    event.preventDefault();
  });
}

/**
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 * @param {{tile: number, y: number, x: number}} from
 * @param {[number, number]} way
 */
export function moved(tiling, fitted, from, [down, right]) {
  const { row, column } = slotted(tiling, fitted, from);
  const rows = Math.ceil(fitted.shown / fitted.columns);
  const clamp = (/** @type {number} */ value, /** @type {number} */ end) => Math.min(Math.max(value, 0), end - 1);
  const y = clamp(row * tiling.height + from.y + down, rows * tiling.height);
  const x = clamp(column * tiling.width + from.x + right, fitted.columns * tiling.width);
  const slot = Math.floor(y / tiling.height) * fitted.columns + Math.floor(x / tiling.width);
  if (slot >= fitted.shown) return from;
  return { tile: tileOf(tiling, fitted.columns, slot), y: y % tiling.height, x: x % tiling.width };
}

/**
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 * @param {{tile: number, y: number, x: number}} at
 */
function slotted(tiling, fitted, at) {
  const columns = tiling.columns || fitted.columns;
  return { row: Math.floor(at.tile / columns), column: at.tile % columns, y: at.y, x: at.x };
}

/**
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 * @param {number} place
 */
function placeIn(tiling, fitted, place) {
  const area = tiling.height * tiling.width;
  const within = place % area;
  const tile = Math.floor(place / (area * tiling.channels));
  return slotted(tiling, fitted, { tile, y: Math.floor(within / tiling.width), x: within % tiling.width });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./tiling.js").Tiling} tiling
 * @param {import("./tiling.js").Fit} fitted
 * @param {{row: number, column: number, y: number, x: number}} at
 * @param {string} ink
 */
function mark(canvas, tiling, { zoom }, { row, column, y, x }, ink) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const left = column * (tiling.width * zoom + GAP_PX) + GAP_PX + x * zoom;
  const top = row * (tiling.height * zoom + GAP_PX) + GAP_PX + y * zoom;
  for (const [color, by] of /** @type {[string, number][]} */ ([["#fff", 1.5], [ink, 0.5]])) {
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(left - by, top - by, zoom + 2 * by, zoom + 2 * by);
  }
}
