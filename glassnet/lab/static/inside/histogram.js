// How the values of all weights spread over the training: from the random numbers of the start to what was learned.

import { fill, h, svg } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { onTheme, rem } from "../theme.js";
import { errorBox, newest, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {{edges: number[], moments: {step: number, shares: number[]}[]}} Histograms */

const [ROW_REM, PEAK_REM, LEFT_REM, BOTTOM_REM, TEXT_REM] = [1.9, 3.6, 4.6, 1.9, 0.78];
const [LEAST_REM, MOST_REM] = [16, 54];
const MOST_ROWS = 12;

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, show: (step: number | null) => void, close: () => void}}
 */
export function histogram(store) {
  const place = h("div", { class: "ridge" }, spinner());
  const latest = newest();
  /** @type {Histograms | null} */
  let told = null;
  let asked = -1;
  /** @type {number | null} */
  let shown = null;
  const draw = () => told && fill(place, ridge(told, shown, place.clientWidth));
  // As wide as there is room, with type that is always as large as elsewhere.
  let width = 0;
  const resizing = new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    draw();
  });
  resizing.observe(place);
  const offTheme = onTheme(draw);
  const show = (/** @type {number | null} */ step) => {
    shown = step;
    const newestStep = store.details?.checkpoint ?? 0;
    if (told && asked === newestStep) return draw();
    asked = newestStep;
    void latest(
      store.source.get(runPath(store.run, "weights"), {}),
      (answer) => {
        told = answer;
        draw();
      },
      (error) => {
        asked = -1;
        fill(place, errorBox(error, () => show(shown)));
      },
    );
  };
  const element = h(
    "section",
    { class: "panel", "aria-labelledby": "ridge-title" },
    h("h2", { id: "ridge-title" }, t("inside.ridge")),
    h("p", { class: "soft" }, t("inside.ridge_lead")),
    place,
  );
  const close = () => {
    resizing.disconnect();
    offTheme();
  };
  return { element, show, close };
}

/**
 * A hill for each moment, the first above, the shown one in another color and with a mark.
 * @param {Histograms} told
 * @param {number | null} step
 * @param {number} room in pixels
 */
function ridge({ edges, moments }, step, room) {
  const px = rem();
  const chosen = spread(moments, MOST_ROWS);
  const [low, high] = [edges[0] ?? -1, edges.at(-1) ?? 1];
  const most = Math.max(...chosen.flatMap((moment) => moment.shares), 1e-9);
  const width = Math.min(Math.max(room, LEAST_REM * px), MOST_REM * px);
  const bottom = (PEAK_REM + (chosen.length - 1) * ROW_REM) * px + 4;
  const height = bottom + BOTTOM_REM * px;
  const left = LEFT_REM * px;
  const xOf = (/** @type {number} */ value) => left + ((value - low) / (high - low)) * (width - left - 2);
  const marked = step === null ? chosen.at(-1) : chosen.findLast((moment) => moment.step <= step);
  const hills = chosen.map((moment, row) => {
    const base = (PEAK_REM + row * ROW_REM) * px + 4;
    const points = moment.shares.map((share, i) => {
      const middle = ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2;
      return `${xOf(middle).toFixed(1)},${(base - (share / most) * PEAK_REM * px).toFixed(1)}`;
    });
    const outline = [`${xOf(low)},${base}`, ...points, `${xOf(high)},${base}`].join(" ");
    const isMarked = moment === marked;
    const name = moment.step === 0 ? t("inside.random") : number(moment.step);
    const label = svg("text", { x: left - 8, y: base, "text-anchor": "end" }, `${isMarked ? "▸ " : ""}${name}`);
    return svg("g", { class: isMarked ? "hill marked" : "hill" }, svg("polygon", { points: outline }), label);
  });
  const ticks = [low, 0, high].map((value, i) => tick(xOf(value), bottom, value, i));
  const [first, last] = [number(chosen[0]?.step), number(chosen.at(-1)?.step)];
  const label = t("inside.ridge_label", { num: number(chosen.length), first, last });
  const size = { width, height, viewBox: `0 0 ${width} ${height}`, "font-size": TEXT_REM * px };
  return svg("svg", { ...size, role: "img", "aria-label": label, class: "ridge-drawing" }, ticks, hills);
}

/**
 * A value of weights on the axis; the outer ones do not leave the drawing.
 * @param {number} x
 * @param {number} bottom
 * @param {number} value
 * @param {number} i
 */
function tick(x, bottom, value, i) {
  const anchor = ["start", "middle", "end"][i];
  const line = svg("line", { x1: x, x2: x, y1: 0, y2: bottom + 4, class: "tick" });
  const text = svg("text", { x, y: bottom + 1.5 * TEXT_REM * rem(), "text-anchor": anchor }, number(value));
  return svg("g", {}, line, text);
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} most
 * @returns {T[]} about evenly spread, the first and the last among them
 */
function spread(list, most) {
  if (list.length <= most) return list;
  const places = Array.from({ length: most }, (_, i) => Math.round((i * (list.length - 1)) / (most - 1)));
  return places.map((i) => /** @type {T} */ (list[i]));
}
