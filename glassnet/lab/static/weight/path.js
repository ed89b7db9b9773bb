// The path of a weight over the training.

import { lineChart } from "../chart.js";
import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { chapter } from "./story.js";

/** @param {import("./story.js").Story} story */
export function pathCard(story) {
  const [first, last] = [story.history[0], story.history.at(-1)];
  if (!first || !last || story.history.length < 2) {
    return { element: chapter(t("weight.path"), h("p", {}, t("weight.path_none"))), close() {} };
  }
  const moved = signed(last.value - first.value);
  const told = t("weight.path_told", { first: number(first.value, 5), moved, step: number(last.step) });
  const chart = lineChart({
    title: t("weight.path_title"),
    xLabel: t("chart.step"),
    series: [{ label: t("weight.value"), color: "--accent", format: (value) => number(value, 5) }],
    description: told,
    heightRem: 13,
  });
  chart.update(story.history.map((one) => one.step), [story.history.map((one) => one.value)]);
  return { element: chapter(t("weight.path"), h("p", {}, told), chart.element), close: () => chart.close() };
}

/** @param {number} x */
export function signed(x) {
  const text = Math.abs(x) > 0 && Math.abs(x) < 1e-3 ? Math.abs(x).toExponential(2) : number(Math.abs(x), 5);
  return `${x < 0 ? "−" : "+"}${text}`;
}
