// How it works: the article in twelve steps, each beside a small network that does it.

import { fill, h } from "../dom.js";
import { direction, t } from "../i18n.js";
import { errorBox, spinner } from "../widgets.js";
import { chainRule } from "./how_chain.js";
import { millions } from "./how_cost.js";
import { descent, hiddenLayer } from "./how_learning.js";
import { oneNudge, sums, wrongness } from "./how_neuron.js";
import { allNudges, backpropagation, randomWeights } from "./how_points.js";
import { oneSlope, stepSize } from "./how_slope.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Part} Part */

/** @type {((stage: Stage) => Part)[]} */
const PARTS = [
  sums,
  randomWeights,
  wrongness,
  oneNudge,
  oneSlope,
  allNudges,
  chainRule,
  backpropagation,
  descent,
  stepSize,
  hiddenLayer,
  millions,
];

/** @param {{source: import("../source/source.js").Source, set: (change: Record<string, any>) => void,
 *   state: Record<string, string>}} context */
export default function view({ source, set, state: first }) {
  let state = first;
  /** @type {Part | null} */
  let part = null;
  /** @type {Stage | null} */
  let stage = null;
  let shown = 0;
  const article = h("article", { class: "how-part" }, spinner());
  const dots = PARTS.map((_, i) =>
    h(
      "button",
      {
        type: "button",
        class: "how-dot",
        "aria-label": `${i + 1}. ${t(`how.part${i + 1}.title`)}`,
        on: { click: () => turnTo(i + 1) },
      },
      String(i + 1),
    ),
  );
  const failed = h("div");

  /** @param {number} number */
  const turnTo = (number) => {
    if (number < 1 || number > PARTS.length || number === shown) return;
    // What was chosen in one part means something else in another.
    set({ part: number, weight: null, set: null });
    article.querySelector("h2")?.focus();
  };
  const show = () => {
    const number = partIn(state);
    if (!stage || number === shown) return;
    part?.close?.();
    shown = number;
    fill(failed);
    part = /** @type {(stage: Stage) => Part} */ (PARTS[number - 1])(stage);
    fill(article, content(number, part));
    article.dataset["part"] = String(number);
    dots.forEach((dot, i) => dot.setAttribute("aria-current", i + 1 === number ? "step" : "false"));
    previous.disabled = number === 1;
    next.disabled = number === PARTS.length;
  };
  const previous = h(
    "button",
    { type: "button", class: "button", on: { click: () => turnTo(shown - 1) } },
    t("how.previous"),
  );
  const next = h(
    "button",
    { type: "button", class: "button primary", on: { click: () => turnTo(shown + 1) } },
    t("how.next"),
  );
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const step = turn(event);
    if (!step) return;
    event.preventDefault();
    turnTo(shown + step);
  };
  document.addEventListener("keydown", onKey);

  source.get("/classroom").then(
    (facts) => {
      stage = { source, facts, state: () => state, set, fail: (error) => void fill(failed, errorBox(error)) };
      show();
    },
    (error) => void fill(article, errorBox(error)),
  );
  return {
    element: h(
      "div",
      { class: "how" },
      h(
        "header",
        { class: "how-head" },
        h("h1", t("how.title")),
        h("nav", { class: "how-dots", "aria-label": t("how.parts"), title: t("how.keys") }, previous, dots, next),
      ),
      failed,
      article,
    ),
    /** @param {Record<string, string>} now */
    update(now) {
      state = now;
      show();
    },
    close() {
      document.removeEventListener("keydown", onKey);
      part?.close?.();
    },
  };
}

/** @param {Record<string, string>} state */
function partIn(state) {
  const number = Math.floor(Number(state["part"] ?? 1));
  return number >= 1 && number <= PARTS.length ? number : 1;
}

/**
 * @param {number} number
 * @param {Part} part
 */
function content(number, part) {
  const key = `how.part${number}`;
  return [
    h(
      "div",
      { class: "how-text" },
      h("h2", { tabindex: -1 }, t(`${key}.title`)),
      h("p", t(`${key}.text1`, part.values)),
      h("p", t(`${key}.text2`, part.values)),
    ),
    h("div", { class: "how-figure" }, part.element),
  ];
}

/**
 * Which way a key turns the pages; the keys of a presenter's remote control are PageUp and PageDown.
 * @param {KeyboardEvent} event
 */
function turn(event) {
  const target = /** @type {Element} */ (event.target);
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return 0;
  const isLarge = document.documentElement.dataset["size"] === "large";
  if (isLarge && event.key === "PageDown") return 1;
  if (isLarge && event.key === "PageUp") return -1;
  if (target.closest("input, select, textarea, [role=radiogroup], [role=tablist], [role=region], dialog")) return 0;
  const forwards = direction() === "rtl" ? "ArrowLeft" : "ArrowRight";
  const backwards = direction() === "rtl" ? "ArrowRight" : "ArrowLeft";
  return event.key === forwards ? 1 : event.key === backwards ? -1 : 0;
}
