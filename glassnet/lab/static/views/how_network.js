// A small network as a drawing: neurons, and between them the weights, thick or thin, with plus or minus. A weight can
// be chosen by a click or with the arrow keys.

import { svg } from "../dom.js";
import { t } from "../i18n.js";
import { drawing, numbered, signed } from "./how_tools.js";

const MOST_LABELS = 5; // on a narrow drawing
const ALONG = [0.42, 0.34, 0.5, 0.27, 0.58, 0.22, 0.66, 0.72];

/** @typedef {import("./how_tools.js").Answer} Answer */
/** @typedef {{name: string, value: string, below?: string, isQuiet?: boolean}} Neuron below: the blame */
/** @typedef {{number: number, from: [number, number], to: [number, number], value: number}} Line */

/**
 * @typedef {object} Shown
 * @property {Neuron[][]} layers from the inputs to the answer
 * @property {Line[]} lines a line for each weight
 * @property {string[]} names of the weights
 * @property {(string | undefined)[]} [texts] what stands on the line of each weight, in place of its sign
 * @property {number | null} [chosen]
 * @property {number[] | null} [slopes]
 * @property {boolean} [isBack] the signal travels back
 */

/**
 * The weights of a neuron without a bias, or of a network with hidden neurons and biases, as lines. A bias is the
 * weight of an input that is always 1: the last neuron of the layer before.
 * @param {number[]} weights
 * @param {{numInputs: number, numHidden: number, hasBias: boolean}} form
 * @returns {Line[]}
 */
export function linesOf(weights, { numInputs, numHidden, hasBias }) {
  /** @type {Line[]} */
  const lines = [];
  const add = (/** @type {number} */ layer, /** @type {number} */ from, /** @type {number} */ to) =>
    lines.push({ number: lines.length, from: [layer, from], to: [layer + 1, to], value: weights[lines.length] ?? 0 });
  const sizes = numHidden ? [numInputs, numHidden, 1] : [numInputs, 1];
  sizes.slice(1).forEach((size, layer) => {
    const num = sizes[layer] ?? 0;
    for (let to = 0; to < size; to++) for (let from = 0; from < num; from++) add(layer, from, to);
    if (hasBias) for (let to = 0; to < size; to++) add(layer, num, to);
  });
  return lines;
}

/**
 * What a person calls each weight: from where to where.
 * @param {Line} line
 * @param {Neuron[][]} layers
 */
function ends(line, layers) {
  const at = (/** @type {[number, number]} */ [layer, index]) => layers[layer]?.[index]?.name ?? "";
  return { from: at(line.from), to: at(line.to) };
}

/**
 * @param {{onChoose?: (weight: number) => void, names?: string}} [options]
 */
export function networkFigure({ onChoose, names = "" } = {}) {
  /** @type {Shown | null} */
  let shown = null;
  const box = drawing(`how-network ${names}`, (size) => (shown ? draw(shown, size, onChoose) : svg("svg")));
  return {
    element: box.element,
    close: box.close,
    /** @param {Shown} next */
    show(next) {
      const hadFocus = box.element.contains(document.activeElement);
      shown = next;
      box.redraw();
      if (hadFocus) /** @type {SVGElement | null} */ (box.element.querySelector("[tabindex='0']"))?.focus();
    },
  };
}

/**
 * @param {Shown} shown
 * @param {{width: number, rem: number}} size
 * @param {((weight: number) => void) | undefined} onChoose
 */
function draw(shown, { width, rem }, onChoose) {
  const isNarrow = width < 30 * rem;
  const radius = (isNarrow ? 1.25 : 1.6) * rem;
  const most = Math.max(...shown.layers.map((layer) => layer.length));
  const height = Math.max(most * (radius * 2 + 1.2 * rem) + radius, 9 * rem);
  const place = places(shown.layers, width, height, radius);
  const largest = Math.max(0.5, ...shown.lines.map((line) => Math.abs(line.value)));
  const sized = (/** @type {number} */ value) => 1 + (0.42 * rem * Math.abs(value)) / largest;
  const focused = shown.chosen ?? 0;
  const element = svg("svg", {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: onChoose ? "radiogroup" : "img",
    "aria-label": t("how.figure.network", { num: shown.lines.length }),
    class: shown.isBack ? "how-back" : null,
  });
  const lines = shown.lines.map((line) => edge(line, shown, place, { sized, rem, onChoose, focused }));
  // The chosen one lies above the others.
  lines.sort((a, b) => Number(a.classList.contains("is-chosen")) - Number(b.classList.contains("is-chosen")));
  element.append(...lines, svg("g", { "aria-hidden": "true" }, labels(shown, place, { isNarrow, rem })));
  shown.layers.forEach((layer, i) => {
    const where = { isInput: i === 0, isInner: i > 0 && i < shown.layers.length - 1 };
    layer.forEach((neuron, j) => element.append(node(neuron, place(i, j), radius, rem, where)));
  });
  if (onChoose) element.addEventListener("keydown", (event) => walk(event, shown, onChoose));
  return element;
}

/**
 * @param {KeyboardEvent} event
 * @param {Shown} shown
 * @param {(weight: number) => void} onChoose
 */
function walk(event, shown, onChoose) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  const num = shown.lines.length;
  onChoose(((shown.chosen ?? 0) + step + num) % num);
}

/**
 * @param {Neuron[][]} layers
 * @param {number} width
 * @param {number} height
 * @param {number} radius
 * @returns {(layer: number, index: number) => [number, number]}
 */
function places(layers, width, height, radius) {
  const inner = width - 2 * radius - 0.12 * width;
  const top = 0.5 * radius; // for the names
  return (layer, index) => {
    const x = radius + 0.06 * width + (inner * layer) / Math.max(1, layers.length - 1);
    const num = layers[layer]?.length ?? 1;
    return [x, top + ((height - top) * (index + 0.5)) / num];
  };
}

/**
 * @param {Line} line
 * @param {Shown} shown
 * @param {(layer: number, index: number) => [number, number]} place
 * @param {{sized: (value: number) => number, rem: number, focused: number,
 *   onChoose: ((weight: number) => void) | undefined}} how
 */
function edge(line, shown, place, { sized, rem, onChoose, focused }) {
  const [x1, y1] = place(...line.from);
  const [x2, y2] = place(...line.to);
  const isChosen = line.number === shown.chosen;
  const names = ["how-edge", line.value < 0 ? "is-negative" : "is-positive", isChosen ? "is-chosen" : ""].join(" ");
  const told = {
    name: shown.names[line.number] ?? "",
    ...ends(line, shown.layers),
    value: signed(line.value),
    slope: signed(shown.slopes?.[line.number], 4),
  };
  const path = { x1, y1, x2, y2 };
  return svg(
    "g",
    {
      class: names,
      role: onChoose ? "radio" : null,
      "aria-checked": onChoose ? String(isChosen) : null,
      "aria-label": onChoose ? t(shown.slopes ? "how.figure.weight_slope" : "how.figure.weight", told) : null,
      tabindex: onChoose ? (line.number === focused ? 0 : -1) : null,
      on: onChoose ? { click: () => onChoose(line.number) } : {},
    },
    svg("line", { ...path, class: "how-edge-halo", "stroke-width": sized(line.value) + 0.4 * rem }),
    svg("line", { ...path, class: "how-edge-line", "stroke-width": sized(line.value) }),
    onChoose ? svg("line", { ...path, class: "how-edge-target", "stroke-width": Math.max(24, rem) }) : null,
  );
}

/**
 * What stands on the lines, above all of them, each at a place where it covers no other.
 * @param {Shown} shown
 * @param {(layer: number, index: number) => [number, number]} place
 * @param {{isNarrow: boolean, rem: number}} how
 */
function labels(shown, place, { isNarrow, rem }) {
  /** @type {{x: number, y: number, half: number}[]} */
  const taken = [];
  return shown.lines.map((line) => {
    const isChosen = line.number === shown.chosen;
    const text = shown.texts?.[line.number] ?? (line.value < 0 ? "−" : "+");
    if (text.length > 1 && isNarrow && !isChosen && shown.lines.length > MOST_LABELS) return null;
    const [[x1, y1], [x2, y2]] = [place(...line.from), place(...line.to)];
    const half = (0.28 * text.length + 0.15) * rem;
    const spots = ALONG.map((along) => ({ x: x1 + (x2 - x1) * along, y: y1 + (y2 - y1) * along, half }));
    const free = spots.find((spot) => !taken.some((other) => isClose(spot, other, rem))) ?? spots[0];
    if (!free) return null;
    taken.push(free);
    const { x, y } = free;
    const height = 1.25 * rem;
    return svg(
      "g",
      { class: `how-edge-text ${isChosen ? "is-chosen" : ""}` },
      svg("rect", { x: x - half, y: y - height / 2, width: 2 * half, height, rx: 0.3 * rem }),
      svg("text", { x, y, dy: "0.35em" }, text),
    );
  });
}

/**
 * @param {{x: number, y: number, half: number}} one
 * @param {{x: number, y: number, half: number}} other
 * @param {number} rem
 */
function isClose(one, other, rem) {
  return Math.abs(one.x - other.x) < one.half + other.half && Math.abs(one.y - other.y) < 1.2 * rem;
}

/**
 * @param {Neuron} neuron
 * @param {[number, number]} place
 * @param {number} radius
 * @param {number} rem
 * @param {{isInput: boolean, isInner: boolean}} where inner ones stand too close for their names
 */
function node(neuron, [x, y], radius, rem, { isInput, isInner }) {
  const isLong = neuron.value.length > 4;
  return svg(
    "g",
    { class: `how-node ${isInput ? "is-input" : ""} ${neuron.isQuiet ? "is-quiet" : ""}`, "aria-hidden": "true" },
    svg("circle", { cx: x, cy: y, r: radius }),
    svg("text", { class: `how-node-value ${isLong ? "is-long" : ""}`, x, y, dy: "0.35em" }, neuron.value),
    isInner ? null : svg("text", { class: "how-node-name", x, y: y - radius - 0.3 * rem }, neuron.name),
    neuron.below ? svg("text", { class: "how-node-below", x, y: y + radius + 0.85 * rem }, neuron.below) : null,
  );
}

/**
 * The layers of a network of points: x and y, the hidden ones, the answer; and the inputs that are always 1.
 * @param {number} numHidden
 * @param {{value: (layer: string, index: number) => string, below?: (layer: string, index: number) => string}} texts
 * @returns {Neuron[][]}
 */
export function pointLayers(numHidden, { value, below = () => "" }) {
  const one = { name: "", value: "1", isQuiet: true };
  const neuron = (/** @type {string} */ layer, /** @type {string} */ name, /** @type {number} */ index) => ({
    name,
    value: value(layer, index),
    below: below(layer, index),
  });
  const inputs = ["x", "y"].map((name, i) => named(neuron("inputs", name, i)));
  const hidden = Array.from({ length: numHidden }, (_, j) => neuron("hidden", numbered("h", j), j));
  const answer = [neuron("outputs", t("how.answer"), 0)];
  return numHidden ? [[...inputs, one], [...hidden, one], answer] : [[...inputs, one], answer];
}

/**
 * Without a value the name stands inside.
 * @param {Neuron} neuron
 */
function named(neuron) {
  return neuron.value ? neuron : { ...neuron, name: "", value: neuron.name };
}
