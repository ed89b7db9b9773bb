// The curves of a run: loss, accuracy and learning rate over its steps.

import { aligned, lineChart } from "../chart.js";
import { h } from "../dom.js";
import { number, percent, t } from "../i18n.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {ReturnType<typeof lineChart>} Chart */

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, update: () => void, setCursor: (step: number | null) => void, close: () => void}}
 */
export function charts(store) {
  const all = [lossChart(), accuracyChart(), rateChart()];
  let shown = "";
  const update = () => {
    const key = `${store.step} ${store.evaluations.length} ${store.curve.step.length}`;
    if (key === shown) return;
    shown = key;
    for (const one of all) one.update(store);
  };
  return {
    element: h(
      "div",
      { class: "charts" },
      all.map((one) => one.chart.element),
    ),
    update,
    setCursor: (step) => all.forEach((one) => one.chart.setCursor(step)),
    close: () => all.forEach((one) => one.chart.close()),
  };
}

function lossChart() {
  const chart = lineChart({
    title: t("chart.loss"),
    xLabel: t("chart.step"),
    series: [
      { label: t("chart.train"), color: "--series-1", width: 1 },
      { label: t("chart.smoothed"), color: "--series-2", width: 2.5 },
      { label: t("chart.test"), color: "--series-3", dash: [8, 5], width: 2.5 },
    ],
    description: t("chart.loss_none"),
    canLog: true,
  });
  const update = (/** @type {RunStore} */ store) => {
    const { step, loss, smoothedLoss } = store.curve;
    const tested = evaluated(store, "validation_loss");
    const { xs, ys } = aligned([
      { xs: step, ys: [loss, smoothedLoss] },
      { xs: tested.steps, ys: [tested.values] },
    ]);
    chart.update(xs, ys);
    const [first, now] = [smoothedLoss[0], store.smoothedLoss];
    if (first === undefined || now === null) return;
    chart.describe(t("chart.loss_described", { first: number(first), now: number(now), step: number(store.step) }));
  };
  return { chart, update };
}

function accuracyChart() {
  const chart = lineChart({
    title: t("chart.accuracy"),
    xLabel: t("chart.step"),
    series: [
      { label: t("chart.accuracy_test"), color: "--series-3", width: 2.5, format: (share) => percent(share, 1) },
    ],
    description: t("chart.accuracy_none"),
    heightRem: 13,
  });
  const update = (/** @type {RunStore} */ store) => {
    const { steps, values } = evaluated(store, "accuracy");
    chart.element.hidden = values.length === 0;
    chart.update(steps, [values]);
    const now = values.at(-1);
    if (now !== undefined)
      chart.describe(t("chart.accuracy_described", { now: percent(now, 1), step: number(steps.at(-1)) }));
  };
  chart.element.hidden = true;
  return { chart, update };
}

function rateChart() {
  const chart = lineChart({
    title: t("chart.rate"),
    xLabel: t("chart.step"),
    series: [{ label: t("chart.rate_used"), color: "--series-6" }],
    description: t("chart.rate_none"),
    heightRem: 9,
  });
  const update = (/** @type {RunStore} */ store) => {
    const { step, learningRate } = store.curve;
    chart.update(step, [learningRate]);
    const now = learningRate.at(-1);
    if (now !== undefined) chart.describe(t("chart.rate_described", { now: number(now), step: number(step.at(-1)) }));
  };
  return { chart, update };
}

/**
 * @param {RunStore} store
 * @param {string} name
 */
function evaluated(store, name) {
  const known = store.evaluations.filter((event) => event[name] !== null && event[name] !== undefined);
  return { steps: known.map((event) => event.step), values: known.map((event) => /** @type {number} */ (event[name])) };
}
