// The parts of How it works about one weight and its valley: the slope, and how large a step should be.

import { fill, h, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { TARGET } from "./how_neuron.js";
import { valley } from "./how_plots.js";
import { asker, button, knob, plain, signed } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Part} Part */

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function oneSlope(stage) {
  let value = 1;
  const by = 0.0001;
  const curve = valley();
  const formula = h("p", { class: "how-formula", dir: "ltr" });
  const asking = asker(stage, (answer) => {
    const { nudge, along } = answer.chosen;
    const told = { value: plain(answer.chosen.value), loss: plain(answer.loss), slope: signed(nudge.slope) };
    curve.show({
      values: along.values,
      losses: along.losses,
      at: answer.chosen.value,
      loss: answer.loss ?? 0,
      slope: nudge.slope,
      most: 50,
      label: t("how.figure.valley", told),
    });
    fill(
      formula,
      `(${plain(nudge.up, 6)} − ${plain(nudge.down, 6)}) / (2 × ${by}) = `,
      h("strong", signed(nudge.slope, 4)),
    );
  });
  const ask = () =>
    asking.ask({
      network: "neuron",
      inputs: [[2]],
      targets: [TARGET],
      weights: [value],
      weight: 0,
      by,
      low: -0.5,
      high: 6.5,
    });
  ask();
  return {
    element: h(
      "div",
      curve.element,
      formula,
      knob({
        label: ltr("w"),
        name: t("how.value"),
        min: -0.5,
        max: 6.5,
        step: 0.05,
        value,
        format: (v) => plain(v),
        onInput: (next) => {
          value = next;
          ask();
        },
      }).element,
    ),
    close: () => [asking, curve].forEach((one) => one.close()),
  };
}

/**
 * A minus stays before its number also among Hebrew words.
 * @param {string} text
 */
function isolated(text) {
  return `\u2066${text}\u2069`;
}

const JUMPS = 0.25; // from this rate on, every step lands higher up

/** @param {number} rate */
function rangeOf(rate) {
  return rate > JUMPS ? { low: -1.5, high: 7.5, most: 80 } : { low: 0.5, high: 5.5, most: 20 };
}

const RATES = [0.01, 0.1, 0.24, 0.26];

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function stepSize(stage) {
  let [rate, steps] = [0.01, 10];
  const curve = valley();
  const told = h("output", { class: "how-note" });
  const asking = asker(stage, (answer, asked) => {
    const { path, losses, is_diverged: isDiverged } = answer.descent ?? { path: [], losses: [], is_diverged: false };
    const { along } = answer.chosen;
    const [value, loss] = [path.at(-1) ?? 0, losses.at(-1) ?? 0];
    const ending = {
      n: path.length - 1,
      value: isolated(plain(value, 4)),
      loss: loss < 1e4 ? plain(loss, 4) : loss.toExponential(1),
    };
    told.textContent = t("how.after", ending) + (isDiverged ? ` ${t("how.diverged")}` : "");
    curve.show({
      values: along.values,
      losses: along.losses,
      at: value,
      loss,
      path,
      pathLosses: losses,
      most: rangeOf(asked.learning_rate).most,
      label: t("how.figure.path", { rate: asked.learning_rate, text: told.textContent }),
    });
  });
  const ask = () =>
    asking.ask({
      network: "neuron",
      inputs: [[2]],
      targets: [TARGET],
      weights: [1],
      weight: 0,
      low: rangeOf(rate).low,
      high: rangeOf(rate).high,
      learning_rate: rate,
      num_steps: steps,
    });
  const rateKnob = knob({
    label: t("how.rate"),
    name: t("how.rate"),
    min: 0.01,
    max: 0.3,
    step: 0.01,
    value: rate,
    format: (v) => plain(v),
    onInput: (next) => {
      rate = next;
      ask();
    },
  });
  ask();
  return {
    element: h(
      "div",
      curve.element,
      h("p", told),
      h(
        "div",
        { class: "how-actions" },
        h("span", { class: "how-choices-label" }, t("how.rate")),
        RATES.map((value) =>
          button(
            String(value),
            () => {
              rate = value;
              rateKnob.show(value);
              ask();
            },
            "how-number",
          ),
        ),
      ),
      rateKnob.element,
      knob({
        label: t("how.steps_shown"),
        name: t("how.steps_shown"),
        min: 0,
        max: 100,
        step: 1,
        value: steps,
        format: (v) => String(v),
        onInput: (next) => {
          steps = next;
          ask();
        },
      }).element,
    ),
    close: () => [asking, curve].forEach((one) => one.close()),
  };
}
