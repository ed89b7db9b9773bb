// The parts of How it works about one neuron: sums, the loss, a nudge.

import { fill, h, ltr } from "../dom.js";
import { count, t } from "../i18n.js";
import { linesOf, networkFigure } from "./how_network.js";
import { lossSquare } from "./how_plots.js";
import { asker, button, choice, knob, numbered, plain, scroller, short, signed } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Answer} Answer */
/** @typedef {import("./how_tools.js").Part} Part */

export const INPUTS = [2, 0.5, 0];
export const ONES = [1, 1, 1];
export const TARGET = 6;
export const FORM = { numInputs: 3, numHidden: 0, hasBias: false };
const NUDGES = [0.0001, 0.01, 1];

/**
 * @param {number[]} inputs
 * @param {string} answer
 * @param {{below?: string[], answerBelow?: string}} [texts]
 */
export function layersOf(inputs, answer, { below = [], answerBelow = "" } = {}) {
  const neurons = inputs.map((value, i) => ({ name: numbered("x", i), value: short(value), below: below[i] ?? "" }));
  return [neurons, [{ name: t("how.answer"), value: answer, below: answerBelow }]];
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function sums(stage) {
  const [inputs, weights] = [[...INPUTS], [...ONES]];
  const figure = networkFigure();
  const formula = h("p", { class: "how-formula", dir: "ltr" });
  const asking = asker(stage, (answer, asked) => {
    const products = asked.weights.map((/** @type {number} */ w, /** @type {number} */ i) => w * asked.inputs[0][i]);
    figure.show({
      layers: layersOf(asked.inputs[0], plain(answer.outputs[0])),
      lines: linesOf(asked.weights, FORM),
      names: answer.names,
      texts: asked.weights.map(
        (/** @type {number} */ w, /** @type {number} */ i) =>
          `${short(asked.inputs[0][i])} × ${short(w)} = ${short(products[i] ?? 0)}`,
      ),
    });
    fill(
      formula,
      `${products.map((/** @type {number} */ p) => short(p)).join(" + ")} = `,
      h("strong", plain(answer.outputs[0])),
    );
  });
  const ask = () => asking.ask({ network: "neuron", inputs: [inputs], targets: [TARGET], weights });
  const column = (/** @type {string} */ letter, /** @type {number[]} */ values, /** @type {string} */ key) =>
    h(
      "fieldset",
      { class: "how-knobs" },
      h("legend", t(`${key}s`)),
      values.map(
        (value, i) =>
          knob({
            label: ltr(numbered(letter, i)),
            name: t(key, { name: numbered(letter, i) }),
            min: -3,
            max: 3,
            step: 0.1,
            value,
            onInput: (next) => {
              values[i] = next;
              ask();
            },
          }).element,
      ),
    );
  ask();
  return {
    element: h(
      "div",
      figure.element,
      formula,
      h("div", { class: "how-columns" }, column("x", inputs, "how.input"), column("w", weights, "how.weight")),
    ),
    close: () => [asking, figure].forEach((one) => one.close()),
  };
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function wrongness(stage) {
  const weights = [...ONES];
  const square = lossSquare();
  const formula = h("p", { class: "how-formula", dir: "ltr" });
  const asking = asker(stage, (answer) => {
    const [said, loss] = [answer.outputs[0] ?? 0, answer.loss ?? 0];
    square.show({ answer: said, target: TARGET, loss });
    fill(formula, `(${plain(said)} − ${TARGET})² = `, h("strong", plain(loss)));
  });
  const ask = () => asking.ask({ network: "neuron", inputs: [INPUTS], targets: [TARGET], weights });
  const knobs = weights.map(
    (value, i) =>
      knob({
        label: h("span", { dir: "ltr" }, `${numbered("w", i)} `, h("small", `× ${short(INPUTS[i] ?? 0)}`)),
        name: t("how.weight", { name: numbered("w", i) }),
        min: -3,
        max: 5,
        step: 0.05,
        value,
        format: (v) => plain(v),
        onInput: (next) => {
          weights[i] = next;
          ask();
        },
      }).element,
  );
  ask();
  return {
    element: h(
      "div",
      square.element,
      formula,
      h("fieldset", { class: "how-knobs" }, h("legend", t("how.weights")), knobs),
    ),
    close: () => [asking, square].forEach((one) => one.close()),
  };
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function oneNudge(stage) {
  let [weights, chosen, by, kept] = [[...ONES], chosenIn(stage), NUDGES[0] ?? 0.0001, 0];
  const rows = h("tbody");
  const told = h("output", { class: "how-note" });
  const keep = button(t("how.keep"), () => {
    weights[chosen] = (weights[chosen] ?? 0) + better * by;
    kept += better ? 1 : 0;
    ask();
  });
  let better = 0;
  const figure = networkFigure({
    onChoose: (number) => {
      chosen = number;
      stage.set({ weight: number });
      ask();
    },
  });
  const asking = asker(stage, (answer) => {
    const { nudge, value } = answer.chosen;
    const loss = answer.loss ?? 0;
    better = nudge.up < loss ? 1 : nudge.down < loss ? -1 : 0;
    keep.disabled = better === 0;
    figure.show({
      layers: layersOf(INPUTS, plain(answer.outputs[0])),
      lines: linesOf(weights, FORM),
      names: answer.names,
      texts: weights.map((w) => `× ${short(w, 4)}`),
      chosen,
    });
    const cells = [
      ["how.down", value - by, nudge.down],
      ["how.here", value, loss],
      ["how.up", value + by, nudge.up],
    ];
    fill(
      rows,
      cells.map(([key, at, then]) => nudgeRow(String(key), Number(at), Number(then), loss)),
    );
    told.textContent = kept ? count("how.kept", kept) : "";
  });
  const ask = () => asking.ask({ network: "neuron", inputs: [INPUTS], targets: [TARGET], weights, weight: chosen, by });
  ask();
  return {
    element: h(
      "div",
      h("p", { class: "how-hint" }, t("how.choose_weight")),
      figure.element,
      scroller(
        t("how.loss"),
        h(
          "table",
          { class: "how-table" },
          h(
            "thead",
            h(
              "tr",
              h("td"),
              ["how.value", "how.loss", "how.change"].map((key) => h("th", { scope: "col" }, t(key))),
            ),
          ),
          rows,
        ),
      ),
      choice({
        label: t("how.nudge_size"),
        value: by,
        isNumber: true,
        choices: NUDGES.map((value) => ({ value, text: short(value, 4) })),
        onChoose: (value) => {
          by = value;
          ask();
        },
      }),
      h("div", { class: "how-actions" }, keep, told),
    ),
    close: () => [asking, figure].forEach((one) => one.close()),
  };
}

/** @param {Stage} stage */
export function chosenIn(stage) {
  const weight = Number(stage.state()["weight"] ?? 0);
  return weight >= 0 && weight < ONES.length ? Math.floor(weight) : 0;
}

/**
 * @param {string} key
 * @param {number} value
 * @param {number} loss
 * @param {number} before
 */
function nudgeRow(key, value, loss, before) {
  const change = loss - before;
  const isHere = key === "how.here";
  const verdict = change < 0 ? "how.falls" : change > 0 ? "how.rises" : "how.same";
  return h(
    "tr",
    { class: isHere ? "is-here" : change < 0 ? "is-better" : "" },
    h("th", { scope: "row" }, t(key)),
    h("td", { dir: "ltr" }, plain(value, 4)),
    h("td", { dir: "ltr" }, plain(loss, 8)),
    h("td", isHere ? "" : [ltr(signed(change, 8)), " ", h("span", { class: "how-verdict" }, t(verdict))]),
  );
}
