// A tensor as a picture: 0 is gray, black and white are the ends of its range. One of its numbers can be picked.

import { h, ltr } from "./dom.js";
import { number, t } from "./i18n.js";
import { rem } from "./theme.js";
import { bytesOf, painted } from "./tiles.js";
import { GAP_PX, atOf, fit, moved, numberAt, ravel, slotOf, tileOf, tilingOf, unravel } from "./tiling.js";

/** @typedef {import("./tiling.js").Tiling} Tiling */
/** @typedef {import("./tiling.js").Fit} Fit */
/** @typedef {import("./tiling.js").At} At */

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

/**
 * @typedef {object} Drawing
 * @property {Tensor} tensor
 * @property {Tiling} tiling
 * @property {Fit} fitted
 * @property {HTMLCanvasElement} canvas
 */

const ZERO = 127;
const BETWEEN = [206, 219, 232, 255]; // a color that no gray is taken for
const FEW = 4; // numbers are written out
const ROOM_REM = { width: 15.6, height: 15.6, low: 4.25 };
const [MARK_INK, CURSOR_INK] = ["#d22", "#0a7"];

/**
 * @param {Tensor} tensor
 * @param {object} how
 * @param {"weights" | "signal"} how.what
 * @param {string} how.title what screen readers call it
 * @param {number[] | null} [how.inputShape]
 * @param {(index: number[]) => void} [how.onPick]
 * @param {number[] | null} [how.marked] the index of a number that is marked, where it is shown
 * @param {number} [how.scale] of the room that there usually is
 * @param {import("./dom.js").Children} [how.note] said below the range
 * @returns {HTMLElement}
 */
export function tensorView(tensor, how) {
  const size = sizeOf(tensor.shape);
  if (size <= FEW && !how.onPick) {
    const values = ltr(valuesOf(tensor).map((x) => number(x)).join(", "));
    return h("figure", { class: "tensor" }, h("p", { class: "tensor-few" }, values));
  }
  const tiling = tilingOf(tensor.shown, how.what, how.inputShape);
  const fitted = fit(tiling, roomOf(tensor, how.scale ?? 1));
  const canvas = drawn(tensor, tiling, fitted);
  const drawing = { tensor, tiling, fitted, canvas };
  if (how.marked) mark(drawing, atOf(tiling, ravel(how.marked, tensor.shown)), MARK_INK);
  const range = { min: number(tensor.min), max: number(tensor.max) };
  const label = t("tensor.label", { title: how.title, shape: tensor.shape.join(" × "), ...range });
  canvas.setAttribute("aria-label", label);
  canvas.setAttribute("role", how.onPick ? "application" : "img");
  const figure = h(
    "figure",
    { class: "tensor" },
    placeOf(drawing, how.onPick ? null : label),
    h("figcaption", { class: "tensor-range" }, rangeOf(tensor)),
    hint(cutOf(drawing)),
    hint(how.note),
  );
  if (how.onPick) makePickable(drawing, figure, how.onPick, label);
  return figure;
}

/** @param {Tensor} tensor */
export function valuesOf(tensor) {
  return Array.from(bytesOf(tensor, tensor.levels), (level) => ((level - ZERO) / ZERO) * tensor.limit);
}

/** @param {number[]} shape */
function sizeOf(shape) {
  return shape.reduce((product, axis) => product * axis, 1);
}

/** @param {import("./dom.js").Children} text */
function hint(text) {
  return text ? h("p", { class: "hint" }, text) : null;
}

/**
 * What is larger than the room is scrolled, by the keyboard too.
 * @param {Drawing} drawing
 * @param {string | null} label null where the canvas itself can be focused
 */
function placeOf({ canvas, tensor }, label) {
  const isLarge = canvas.height > roomOf(tensor, 1).height || canvas.width > roomOf(tensor, 1).width;
  const focusable = isLarge && label ? { tabindex: 0, role: "region", "aria-label": label } : {};
  return h("div", { class: "tensor-place", dir: "ltr", ...focusable }, canvas);
}

/**
 * The room grows with the type, so that a projector shows larger pictures.
 * @param {Tensor} tensor
 * @param {number} scale
 */
function roomOf(tensor, scale) {
  const isVector = sizeOf(tensor.shape) === Math.max(...tensor.shape);
  const px = rem() * scale;
  return { width: ROOM_REM.width * px, height: (isVector ? ROOM_REM.low : ROOM_REM.height) * px };
}

/** @param {Tensor} tensor */
function rangeOf(tensor) {
  const shape = ltr(tensor.shape.join(" × "));
  if (tensor.limit === 0) return [shape, " · ", t("tensor.all_zero")];
  const digits = digitsOf(tensor.limit);
  const ends = { low: number(-tensor.limit, digits), high: number(tensor.limit, digits) };
  return [shape, " · ", t("tensor.range", ends)];
}

/** @param {number} x */
function digitsOf(x) {
  return Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x) || 1)));
}

/** @param {Drawing} drawing */
function cutOf({ tensor, tiling, fitted }) {
  const all = sizeOf(tensor.shape);
  const shown = fitted.shown * tiling.height * tiling.width * tiling.channels;
  return shown < all ? t("tensor.cut", { shown: number(shown), all: number(all) }) : null;
}

/**
 * @param {Tensor} tensor
 * @param {Tiling} tiling
 * @param {Fit} fitted
 */
function drawn(tensor, tiling, fitted) {
  const { zoom, columns, shown } = fitted;
  const [pitchX, pitchY] = [tiling.width * zoom + GAP_PX, tiling.height * zoom + GAP_PX];
  const [width, height] = [columns * pitchX + GAP_PX, Math.ceil(shown / columns) * pitchY + GAP_PX];
  const canvas = h("canvas", { width, height, class: "tensor-canvas" });
  const image = new ImageData(width, height);
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
 * @param {Drawing} drawing
 * @param {HTMLElement} figure
 * @param {(index: number[]) => void} onPick
 * @param {string} label
 */
function makePickable(drawing, figure, onPick, label) {
  const { tensor, tiling, fitted, canvas } = drawing;
  const values = valuesOf(tensor);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const clean = context.getImageData(0, 0, canvas.width, canvas.height);
  const reading = h("output", { class: "tensor-reading", dir: "ltr" });
  figure.append(reading);
  canvas.tabIndex = 0;
  /** @type {At} */
  let cursor = { tile: 0, y: 0, x: 0 };
  const show = (/** @type {At} */ at) => {
    cursor = at;
    painted(canvas, clean);
    mark(drawing, at, CURSOR_INK);
    const place = placeAt(tiling, values, at);
    reading.textContent = `[${unravel(place, tensor.shown).join(", ")}] ≈ ${number(values[place])}`;
    canvas.setAttribute("aria-label", `${label} ${reading.textContent}`);
  };
  const below = (/** @type {MouseEvent} */ event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return numberAt(tiling, fitted, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  };
  const pick = () => onPick(unravel(placeAt(tiling, values, cursor), tensor.shown));
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
    const way = WAYS[event.key];
    if (event.key === "Enter" || event.key === " ") pick();
    else if (way) {
      show(moved(tiling, fitted, cursor, way));
      follow(drawing, cursor);
    } else return;
    event.preventDefault();
  });
}

/** @type {Record<string, [down: number, right: number]>} */
const WAYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * The place of a number among all; of three colors, of the one that says most.
 * @param {Tiling} tiling
 * @param {number[]} values
 * @param {At} at
 */
function placeAt(tiling, values, at) {
  const first = at.tile * tiling.height * tiling.width * tiling.channels + at.y * tiling.width + at.x;
  const places = Array.from({ length: tiling.channels }, (_, k) => first + k * tiling.channelStride);
  return places.reduce((best, place) => (Math.abs(values[place] ?? 0) > Math.abs(values[best] ?? 0) ? place : best));
}

/**
 * Where a number is on the canvas.
 * @param {Drawing} drawing
 * @param {At} at
 */
function cornerOf({ tiling, fitted }, at) {
  const slot = slotOf(tiling, fitted, at.tile);
  if (!slot) return null;
  const { zoom } = fitted;
  const left = slot.column * (tiling.width * zoom + GAP_PX) + GAP_PX + at.x * zoom;
  return { left, top: slot.row * (tiling.height * zoom + GAP_PX) + GAP_PX + at.y * zoom };
}

/**
 * A frame around a number.
 * @param {Drawing} drawing
 * @param {At} at
 * @param {string} ink
 */
function mark(drawing, at, ink) {
  const corner = cornerOf(drawing, at);
  if (!corner) return;
  const { zoom } = drawing.fitted;
  const context = /** @type {CanvasRenderingContext2D} */ (drawing.canvas.getContext("2d"));
  for (const [color, by] of /** @type {[string, number][]} */ ([["#fff", 1.5], [ink, 0.5]])) {
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(corner.left - by, corner.top - by, zoom + 2 * by, zoom + 2 * by);
  }
}

/**
 * Scroll so that the number is seen.
 * @param {Drawing} drawing
 * @param {At} at
 */
function follow(drawing, at) {
  const [corner, box] = [cornerOf(drawing, at), drawing.canvas.parentElement];
  if (!corner || !box) return;
  const margin = 2 * drawing.fitted.zoom;
  const nearest = (/** @type {number} */ now, /** @type {number} */ place, /** @type {number} */ room) =>
    Math.max(Math.min(now, place - margin), place + 2 * margin - room);
  box.scrollLeft = nearest(box.scrollLeft, corner.left, box.clientWidth);
  box.scrollTop = nearest(box.scrollTop, corner.top, box.clientHeight);
}
