// The parts of How it works about a network that sorts points: random weights, nudging them all, backpropagation.

import { fill, h, ltr } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { linesOf, networkFigure, pointLayers } from "./how_network.js";
import { plane } from "./how_plots.js";
import { asker, button, knob, plain, scroller, signed } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Answer} Answer */
/** @typedef {import("./how_tools.js").Part} Part */

export const HIDDEN = 4;
export const FORM = { numInputs: 2, numHidden: HIDDEN, hasBias: true };
export const NUM_WEIGHTS = 17;
const CELLS = 24;
const SWEEP_MS = 6000;
// Random weights from which four hidden neurons learn all three sets of points.
const SEED = 10;

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function randomWeights(stage) {
  let seed = seedIn(stage);
  const set = pointsOf(stage, "halves");
  const ground = plane(set);
  const figure = networkFigure();
  const told = h("output", { class: "how-note" });
  const asking = asker(stage, (answer) => {
    ground.show(answer.picture ?? [], answer.accuracy);
    figure.show({
      layers: pointLayers(HIDDEN, { value: (layer) => (layer === "inputs" ? "" : "Σ") }),
      lines: linesOf(answer.weights, FORM),
      names: answer.names,
    });
    told.textContent = t("how.right", { share: percent(answer.accuracy) });
  });
  const ask = () => asking.ask({ network: "points", num_hidden: HIDDEN, set: "halves", seed, num_cells: CELLS });
  const again = button(
    t("how.draw_again"),
    () => {
      seed += 1;
      stage.set({ seed });
      ask();
    },
    "primary",
  );
  ask();
  return {
    element: h(
      "div",
      h("div", { class: "how-pair" }, figure.element, ground.element),
      h("div", { class: "how-actions" }, again, told),
    ),
    values: { num: NUM_WEIGHTS },
    close: () => [asking, figure, ground].forEach((one) => one.close()),
  };
}

/** @param {Stage} stage */
export function seedIn(stage) {
  const seed = Number(stage.state()["seed"] ?? SEED);
  return Number.isInteger(seed) && seed >= 0 ? seed : SEED;
}

/**
 * @param {Stage} stage
 * @param {string} name
 */
export function pointsOf(stage, name) {
  const set = stage.facts.sets[name];
  if (!set) throw new Error(`expected a set of points named ${name}; got none`);
  return set;
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function allNudges(stage) {
  const seed = seedIn(stage);
  const passes = h("strong", { class: "how-count", dir: "ltr" }, "0");
  const figure = networkFigure({ names: "is-tall" });
  /** @type {Answer | null} */
  let answer = null;
  let [done, frame] = [0, 0];
  const show = () => {
    if (!answer) return;
    const { slopes, forward_passes: all } = answer.sweep;
    const isOver = done >= slopes.length;
    passes.textContent = number(Math.min(2 * done, all));
    figure.show({
      layers: pointLayers(HIDDEN, { value: (layer) => (layer === "inputs" ? "" : "Σ") }),
      lines: linesOf(answer.weights, FORM),
      names: answer.names,
      texts: slopes.map((/** @type {number} */ slope, /** @type {number} */ i) =>
        i < done ? signed(slope, 3) : undefined,
      ),
      chosen: isOver || !done ? null : done - 1,
    });
    start.disabled = !isOver && done > 0;
  };
  const run = () => {
    const startedAt = performance.now();
    const go = () => {
      const share = (performance.now() - startedAt) / SWEEP_MS;
      const next = Math.min(NUM_WEIGHTS, 1 + Math.floor(share * NUM_WEIGHTS));
      if (next !== done) {
        done = next;
        show();
      }
      if (share < 1) frame = requestAnimationFrame(go);
      else show();
    };
    go();
  };
  const start = button(t("how.nudge_all"), run, "primary");
  const asking = asker(stage, (found) => {
    answer = found;
    show();
  });
  asking.ask({ network: "points", num_hidden: HIDDEN, set: "halves", seed, is_sweeping: true, by: 0.0001 });
  return {
    element: h(
      "div",
      figure.element,
      h(
        "div",
        { class: "how-actions" },
        start,
        h("p", { class: "how-counter", "aria-live": "off" }, passes, " ", t("how.passes")),
      ),
    ),
    values: { num: NUM_WEIGHTS, passes: 2 * NUM_WEIGHTS },
    close: () => {
      cancelAnimationFrame(frame);
      [asking, figure].forEach((one) => one.close());
    },
  };
}

const STAGES = 5;
const EXAMPLE = 10; // with three hidden neurons that speak, and a silent one

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function backpropagation(stage) {
  let [at, example, chosen] = [0, EXAMPLE, -1];
  const set = pointsOf(stage, "halves");
  const seed = seedIn(stage);
  const told = h("output", { class: "how-note is-wide" });
  const rows = h("tbody");
  /** @type {Answer | null} */
  let answer = null;
  const figure = networkFigure({
    names: "is-tall",
    onChoose: (weight) => {
      chosen = weight;
      show();
    },
  });
  const show = () => {
    if (!answer) return;
    showStage(figure, answer, at, chosen);
    told.textContent = t(`how.stage${at}`, { loss: plain(answer.loss, 4) });
    table.hidden = at < STAGES;
    forward.disabled = at >= 2;
    back.disabled = at < 2 || at === STAGES;
    fill(
      rows,
      answer.slopes.map((slope, i) => pairRow(answer, slope, i, i === chosen)),
    );
  };
  /** @param {number} next */
  const move = (next) => {
    at = Math.max(0, Math.min(STAGES, next));
    slide.show(at);
    show();
  };
  const forward = button(t("how.forward"), () => move(at + 1), "primary");
  const back = button(t("how.back"), () => move(at + 1), "primary");
  const slide = knob({
    label: t("how.stage"),
    name: t("how.stage"),
    min: 0,
    max: STAGES,
    step: 1,
    value: at,
    format: (v) => `${v} / ${STAGES}`,
    onInput: move,
  });
  const table = scroller(
    t("how.slope"),
    h(
      "table",
      { class: "how-table" },
      h(
        "thead",
        h(
          "tr",
          ["how.weights", "how.by_backpropagation", "how.by_nudge"].map((key) => h("th", { scope: "col" }, t(key))),
        ),
      ),
      rows,
    ),
  );
  table.hidden = true;
  const asking = asker(stage, (found) => {
    answer = found;
    show();
  });
  const ask = () =>
    asking.ask({
      network: "points",
      num_hidden: HIDDEN,
      set: "halves",
      seed,
      example,
      is_alone: true,
      is_sweeping: true,
      by: 0.00001,
    });
  ask();
  const other = button(t("how.other_point"), () => {
    example = (example + 1) % set.points.length;
    ask();
  });
  return {
    element: h(
      "div",
      figure.element,
      h("p", { "aria-live": "polite" }, told),
      h(
        "div",
        { class: "how-actions" },
        forward,
        back,
        button(t("how.start_over"), () => move(0)),
        other,
      ),
      slide.element,
      table,
    ),
    values: { num: NUM_WEIGHTS, passes: 2 * NUM_WEIGHTS },
    close: () => [asking, figure].forEach((one) => one.close()),
  };
}

/**
 * @param {{show: (shown: import("./how_network.js").Shown) => void}} figure
 * @param {Answer} answer
 * @param {number} at
 * @param {number} chosen
 */
function showStage(figure, answer, at, chosen) {
  const shownFrom = { inputs: 0, hidden: 1, outputs: 2 };
  const blamedFrom = { inputs: 9, hidden: 4, outputs: 3 };
  const value = (/** @type {string} */ layer, /** @type {number} */ i) =>
    at >= shownFrom[/** @type {keyof typeof shownFrom} */ (layer)] ? plain(answer.nodes[layer]?.values[i]) : "?";
  // The blame that a weight of the first layer meets is that of the sum, before the corner.
  const below = (/** @type {string} */ layer, /** @type {number} */ i) =>
    at >= blamedFrom[/** @type {keyof typeof blamedFrom} */ (layer)]
      ? signed(answer.nodes[layer === "hidden" ? "sums" : layer]?.blames[i], 3)
      : "";
  const isAtEnd = at === STAGES;
  figure.show({
    layers: pointLayers(HIDDEN, { value, below }),
    lines: linesOf(answer.weights, FORM),
    names: answer.names,
    chosen: chosen < 0 ? null : chosen,
    isBack: at > 2,
    ...(isAtEnd ? { texts: answer.slopes.map((slope) => signed(slope, 3)), slopes: answer.slopes } : {}),
  });
}

/**
 * @param {Answer | null} answer
 * @param {number} slope
 * @param {number} i
 * @param {boolean} isChosen
 */
function pairRow(answer, slope, i, isChosen) {
  return h(
    "tr",
    { class: isChosen ? "is-here" : "" },
    h("th", { scope: "row" }, ltr(answer?.names[i] ?? "")),
    h("td", { dir: "ltr" }, signed(slope, 8)),
    h("td", { dir: "ltr" }, signed(answer?.sweep.slopes[i], 8)),
  );
}
