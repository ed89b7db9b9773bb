// How the values of all weights spread over the training: from the random numbers of the start to what was learned.

import { fill, h, svg } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { errorBox, newest, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {{edges: number[], moments: {step: number, shares: number[]}[]}} Histograms */

const [WIDTH, ROW, PEAK, LEFT, BOTTOM] = [720, 34, 62, 96, 34];
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
  const draw = () => told && fill(place, ridge(told, shown));
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
  return { element, show, close: () => latest(Promise.resolve(), () => {}) };
}

/**
 * A hill for each moment, the first above, the shown one in another color and with a mark.
 * @param {Histograms} told
 * @param {number | null} step
 */
function ridge({ edges, moments }, step) {
  const chosen = spread(moments, MOST_ROWS);
  const [low, high] = [edges[0] ?? -1, edges.at(-1) ?? 1];
  const most = Math.max(...chosen.flatMap((moment) => moment.shares), 1e-9);
  const height = PEAK + 4 + (chosen.length - 1) * ROW + BOTTOM;
  const xOf = (/** @type {number} */ value) => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - 10);
  const marked = step === null ? chosen.at(-1) : chosen.findLast((moment) => moment.step <= step);
  const hills = chosen.map((moment, row) => {
    const base = PEAK + 4 + row * ROW;
    const points = moment.shares.map((share, i) => {
      const middle = ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2;
      return `${xOf(middle).toFixed(1)},${(base - (share / most) * PEAK).toFixed(1)}`;
    });
    const line = [`${xOf(low)},${base}`, ...points, `${xOf(high)},${base}`].join(" ");
    const isMarked = moment === marked;
    return svg(
      "g",
      { class: isMarked ? "hill marked" : "hill" },
      svg("polygon", { points: line }),
      svg("text", { x: LEFT - 8, y: base, "text-anchor": "end" }, `${isMarked ? "▸ " : ""}${moment.step === 0 ? t("inside.random") : number(moment.step)}`),
    );
  });
  const ticks = [low, low / 2, 0, high / 2, high].map((value) =>
    svg("g", {}, svg("line", { x1: xOf(value), x2: xOf(value), y1: 0, y2: height - BOTTOM + 6, class: "tick" }),
      svg("text", { x: xOf(value), y: height - 10, "text-anchor": "middle" }, number(value))));
  const label = t("inside.ridge_label", { num: number(chosen.length), first: number(chosen[0]?.step), last: number(chosen.at(-1)?.step) });
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label, class: "ridge-drawing" }, ticks, hills);
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
