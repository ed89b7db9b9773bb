// What a race has shown, in words and tables: whether the slopes agree, how far each is, what larger networks cost.

import { h, ltr } from "../dom.js";
import { count, language, number, t } from "../i18n.js";
import { translated } from "../messages.js";
import { notice } from "../widgets.js";

/** @typedef {{loss: number[], forward_passes: number[], seconds: number[]}} Curve */
/** @typedef {{rule: string, is_over: boolean, nudge: Curve, backpropagation: Curve}} Contest */

/** @type {[number, Intl.NumberFormatOptions["unit"]][]} */
const UNITS = [
  [31_557_600, "year"],
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];
const SHOWN_CROSSINGS = 5;

/**
 * A time in the unit that a person can grasp, from milliseconds to years.
 * @param {number} seconds
 */
export function span(seconds) {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [0.001, "millisecond"];
  const value = seconds / size;
  const maximumFractionDigits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "long", maximumFractionDigits }).format(
    value,
  );
}

/**
 * To how many digits two numbers agree that differ by such a share.
 * @param {number} share
 */
function digitsOf(share) {
  return share > 0 ? Math.max(0, Math.floor(-Math.log10(share))) : 15;
}

/** @param {any} slopes */
export function agreement(slopes) {
  const digits = digitsOf(slopes.relative_difference);
  const values = {
    cosine: slopes.cosine.toFixed(12),
    largest: slopes.largest_relative_difference.toExponential(0),
    passes: number(slopes.forward_passes_per_sweep),
    back: number(slopes.forward_passes_per_gradient, 1),
    sweep: span(slopes.seconds_per_sweep),
    backward: span(slopes.seconds_per_backward),
    one: span(slopes.seconds_per_sweep_one_by_one),
  };
  return h(
    "div",
    { class: "panel race-agree" },
    h("strong", {}, count("race.agree", digits)),
    h("p", {}, t("race.agree_more", values)),
    h("p", { class: "soft" }, t("race.agree_cost", values)),
    slopes.num_crossing ? crossings(slopes) : null,
    slopes.doubts.map((/** @type {string} */ text) => notice("warning", h("p", { dir: "auto" }, translated(text)))),
  );
}

/** @param {any} slopes */
function crossings(slopes) {
  const rows = slopes.crossing.slice(0, SHOWN_CROSSINGS).map((/** @type {any} */ one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, ltr(one.weight)),
      [number(one.corners), number(one.by_nudge), number(one.by_backpropagation)].map((text) =>
        h("td", { dir: "ltr" }, text),
      ),
    ),
  );
  return h(
    "details",
    {},
    h("summary", {}, count("race.crossing", slopes.num_crossing)),
    scroller(t("race.weight"), tableOf(null, ["race.weight", "race.corners", "race.by_nudge", "race.by_back"], rows)),
  );
}

/** @param {Contest[]} contests */
export function results(contests) {
  const row = (
    /** @type {string} */ name,
    /** @type {Curve} */ curve,
    /** @type {string} */ names,
    /** @type {boolean} */ isOver,
  ) =>
    h(
      "tr",
      { class: names },
      h("th", { scope: "row" }, name, isOver ? h("small", {}, ` (${t("race.over")})`) : null),
      [
        number(curve.loss.length - 1),
        number(curve.loss.at(-1), 6),
        number(Math.round(curve.forward_passes.at(-1) ?? 0)),
      ].map((text) => h("td", { dir: "ltr" }, text)),
      h("td", {}, span(curve.seconds.at(-1) ?? 0)),
    );
  const rows = contests.flatMap((one) => [
    row(t(`race.rule.${one.rule}`), one.nudge, "", one.is_over),
    row(t(`race.matching.${one.rule}`), one.backpropagation, "is-matching", false),
  ]);
  return tableOf(
    t("race.results"),
    ["race.runner", "race.axis.step", "race.loss", "race.axis.forward_passes", "race.time"],
    rows,
  );
}

/**
 * @param {{networks: any[]}} told
 * @param {{weights: number}} started
 */
export function larger({ networks }, started) {
  const rows = networks
    .toSorted((a, b) => a.weights - b.weights)
    .map((one) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, t(`how.name.${one.network}`), " ", h("small", { class: "soft" }, ltr(one.network))),
        [number(one.weights), number(one.forward_passes_per_sweep)].map((text) => h("td", { dir: "ltr" }, text)),
        h("td", {}, span(one.seconds_per_sweep)),
        h("td", { dir: "ltr" }, number(one.forward_passes_per_gradient, 1)),
        h("td", {}, span(one.seconds_per_gradient)),
      ),
    );
  const heads = [
    "how.network",
    "how.num_weights",
    "race.larger_passes",
    "race.larger_time",
    "race.larger_back",
    "race.larger_back_time",
  ];
  const here = h(
    "p",
    { class: "soft" },
    t("race.larger_hint", { n: number(started.weights), passes: number(2 * started.weights) }),
  );
  return h("div", {}, tableOf(t("race.larger"), heads, rows), here);
}

/**
 * @param {string | null} caption
 * @param {string[]} heads
 * @param {Node[]} rows
 */
function tableOf(caption, heads, rows) {
  return h(
    "table",
    { class: "race-table" },
    caption ? h("caption", {}, caption) : null,
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        heads.map((key) => h("th", { scope: "col" }, t(key))),
      ),
    ),
    h("tbody", {}, rows),
  );
}

/**
 * What scrolls sideways where it is wider than the page; by keys, too.
 * @param {string} label
 * @param {...Node} content
 */
export function scroller(label, ...content) {
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": label }, content);
}
