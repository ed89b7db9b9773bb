// The parts of How it works about one neuron: sums, the loss, a nudge, the slope, the chain rule, the size of a step.

import { fill, h, ltr } from "../dom.js";
import { count, t } from "../i18n.js";
import { linesOf, networkFigure } from "./how_network.js";
import { lossSquare, valley } from "./how_plots.js";
import { asker, button, choice, knob, numbered, plain, short, signed } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Answer} Answer */
/** @typedef {import("./how_tools.js").Part} Part */

const INPUTS = [2, 0.5, 0];
const ONES = [1, 1, 1];
const TARGET = 6;
const FORM = { numInputs: 3, numHidden: 0, hasBias: false };
const NUDGES = [0.0001, 0.01, 1];

/**
 * @param {number[]} inputs
 * @param {string} answer
 * @param {{below?: string[], answerBelow?: string}} [texts]
 */
function layersOf(inputs, answer, { below = [], answerBelow = "" } = {}) {
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
      texts: asked.weights.map((/** @type {number} */ w, /** @type {number} */ i) =>
        `${short(asked.inputs[0][i])} × ${short(w)} = ${short(products[i] ?? 0)}`),
    });
    fill(formula, `${products.map((/** @type {number} */ p) => short(p)).join(" + ")} = `, h("strong", plain(answer.outputs[0])));
  });
  const ask = () => asking.ask({ network: "neuron", inputs: [inputs], targets: [TARGET], weights });
  const column = (/** @type {string} */ letter, /** @type {number[]} */ values, /** @type {string} */ key) =>
    h("fieldset", { class: "how-knobs" }, h("legend", t(`${key}s`)), values.map((value, i) =>
      knob({
        label: ltr(numbered(letter, i)), name: t(key, { name: numbered(letter, i) }), min: -3, max: 3, step: 0.1, value,
        onInput: (next) => {
          values[i] = next;
          ask();
        },
      }).element));
  ask();
  return {
    element: h("div", figure.element, formula,
      h("div", { class: "how-columns" }, column("x", inputs, "how.input"), column("w", weights, "how.weight"))),
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
  const knobs = weights.map((value, i) =>
    knob({
      label: h("span", { dir: "ltr" }, `${numbered("w", i)} `, h("small", `× ${short(INPUTS[i] ?? 0)}`)),
      name: t("how.weight", { name: numbered("w", i) }), min: -3, max: 5, step: 0.05, value,
      format: (v) => plain(v),
      onInput: (next) => {
        weights[i] = next;
        ask();
      },
    }).element);
  ask();
  return {
    element: h("div", square.element, formula, h("fieldset", { class: "how-knobs" }, h("legend", t("how.weights")), knobs)),
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
      layers: layersOf(INPUTS, plain(answer.outputs[0])), lines: linesOf(weights, FORM), names: answer.names,
      texts: weights.map((w) => `× ${short(w, 4)}`), chosen,
    });
    const cells = [["how.down", value - by, nudge.down], ["how.here", value, loss], ["how.up", value + by, nudge.up]];
    fill(rows, cells.map(([key, at, then]) => nudgeRow(String(key), Number(at), Number(then), loss)));
    told.textContent = kept ? count("how.kept", kept) : "";
  });
  const ask = () => asking.ask({ network: "neuron", inputs: [INPUTS], targets: [TARGET], weights, weight: chosen, by });
  ask();
  return {
    element: h("div",
      h("p", { class: "how-hint" }, t("how.choose_weight")),
      figure.element,
      h("div", { class: "how-scroll" }, h("table", { class: "how-table" },
        h("thead", h("tr", h("td"), ["how.value", "how.loss", "how.change"].map((key) => h("th", { scope: "col" }, t(key))))),
        rows)),
      choice({
        label: t("how.nudge_size"), value: by, isNumber: true,
        choices: NUDGES.map((value) => ({ value, text: short(value, 4) })),
        onChoose: (value) => {
          by = value;
          ask();
        },
      }),
      h("div", { class: "how-actions" }, keep, told)),
    close: () => [asking, figure].forEach((one) => one.close()),
  };
}

/** @param {Stage} stage */
function chosenIn(stage) {
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
  return h("tr", { class: isHere ? "is-here" : change < 0 ? "is-better" : "" },
    h("th", { scope: "row" }, t(key)),
    h("td", { dir: "ltr" }, plain(value, 4)),
    h("td", { dir: "ltr" }, plain(loss, 8)),
    h("td", isHere ? "" : [ltr(signed(change, 8)), " ", h("span", { class: "how-verdict" }, t(verdict))]));
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function oneSlope(stage) {
  let value = 1;
  const by = 0.0001;
  const curve = valley(50);
  const formula = h("p", { class: "how-formula", dir: "ltr" });
  const asking = asker(stage, (answer) => {
    const { nudge, along } = answer.chosen;
    const told = { value: plain(answer.chosen.value), loss: plain(answer.loss), slope: signed(nudge.slope) };
    curve.show({
      values: along.values, losses: along.losses, at: answer.chosen.value, loss: answer.loss ?? 0,
      slope: nudge.slope, label: t("how.figure.valley", told),
    });
    fill(formula, `(${plain(nudge.up, 6)} − ${plain(nudge.down, 6)}) / (2 × ${by}) = `, h("strong", signed(nudge.slope, 4)));
  });
  const ask = () => asking.ask({
    network: "neuron", inputs: [[2]], targets: [TARGET], weights: [value], weight: 0, by, low: -0.5, high: 6.5,
  });
  ask();
  return {
    element: h("div", curve.element, formula, knob({
      label: ltr("w"), name: t("how.value"), min: -0.5, max: 6.5, step: 0.05, value, format: (v) => plain(v),
      onInput: (next) => {
        value = next;
        ask();
      },
    }).element),
    close: () => [asking, curve].forEach((one) => one.close()),
  };
}

const SEVERAL = { inputs: [[2, 0.5, 0], [1, -1, 1], [0, 2, 1]], targets: [6, 1, 2] };

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function chainRule(stage) {
  let chosen = chosenIn(stage);
  let isSeveral = false;
  const chain = h("div", { class: "how-chain", dir: "ltr" });
  const rows = h("tbody");
  const figure = networkFigure({
    onChoose: (number) => {
      chosen = number;
      stage.set({ weight: number });
      ask();
    },
  });
  const asking = asker(stage, (answer) => {
    const blame = answer.nodes["outputs"]?.blames[0] ?? 0;
    const signals = answer.nodes["inputs"]?.values ?? [];
    figure.show({
      layers: layersOf(signals, plain(answer.outputs[0]), { answerBelow: signed(blame) }),
      lines: linesOf(ONES, FORM), names: answer.names, chosen, slopes: answer.slopes,
      texts: signals.map((signal) => `${short(signal)} × ${short(blame)} = ${short(signal * blame)}`),
    });
    const { terms, nudge } = answer.chosen;
    showChain(chain, terms[0], answer.slopes[chosen] ?? 0, chosen, isSeveral);
    fill(rows, terms.map(termRow), sumRow(answer.slopes[chosen] ?? 0, nudge.slope, terms.length));
  });
  const ask = () => {
    const examples = isSeveral ? SEVERAL : { inputs: [INPUTS], targets: [TARGET] };
    asking.ask({ network: "neuron", ...examples, weights: ONES, weight: chosen, by: 0.0001 });
  };
  ask();
  const heads = ["how.signal", "how.blame", "how.product"].map((key) => h("th", { scope: "col" }, t(key)));
  return {
    element: h("div",
      h("p", { class: "how-hint" }, t("how.choose_weight")),
      figure.element, chain,
      choice({
        label: t("how.examples"), value: 1, isNumber: true,
        choices: [1, SEVERAL.targets.length].map((value) => ({ value, text: String(value) })),
        onChoose: (value) => {
          isSeveral = value > 1;
          ask();
        },
      }),
      h("div", { class: "how-scroll" }, h("table", { class: "how-table" }, h("thead", h("tr", h("td"), heads)), rows))),
    close: () => [asking, figure].forEach((one) => one.close()),
  };
}

/**
 * @param {HTMLElement} chain
 * @param {{signal: number, blame: number, product: number}} term
 * @param {number} slope
 * @param {number} chosen
 * @param {boolean} isSeveral
 */
function showChain(chain, term, slope, chosen, isSeveral) {
  const gear = (/** @type {string} */ rate, /** @type {string} */ name) =>
    h("span", { class: "how-gear" }, h("strong", rate), h("small", name));
  const stop = (/** @type {string} */ name) => h("span", { class: "how-stop" }, name);
  fill(chain,
    stop(numbered("w", chosen)), gear(`× ${short(term.signal)}`, t("how.signal")),
    stop(t("how.sum")), gear(`× ${plain(term.blame)}`, t("how.blame")),
    stop(t("how.loss")),
    h("span", { class: "how-gear is-whole" }, h("strong", signed(isSeveral ? term.product : slope)), h("small", t(isSeveral ? "how.product" : "how.slope"))));
}

/**
 * @param {{signal: number, blame: number, product: number}} term
 * @param {number} i
 */
function termRow(term, i) {
  return h("tr", h("th", { scope: "row" }, t("how.example", { n: i + 1 })),
    h("td", { dir: "ltr" }, plain(term.signal)),
    h("td", { dir: "ltr" }, signed(term.blame, 4)),
    h("td", { dir: "ltr" }, signed(term.product, 4)));
}

/**
 * @param {number} slope
 * @param {number} byNudge
 * @param {number} num
 */
function sumRow(slope, byNudge, num) {
  return [
    num > 1 ? h("tr", { class: "is-sum" }, h("th", { scope: "row", colspan: 3 }, t("how.slope_sum")), h("td", { dir: "ltr" }, signed(slope, 4))) : null,
    h("tr", { class: "is-sum" }, h("th", { scope: "row", colspan: 3 }, t("how.by_nudge")), h("td", { dir: "ltr" }, signed(byNudge, 4))),
  ];
}

const RATES = [0.01, 0.1, 0.24, 0.26];

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function stepSize(stage) {
  let [rate, steps] = [0.01, 10];
  const curve = valley(20);
  const told = h("output", { class: "how-note" });
  const asking = asker(stage, (answer, asked) => {
    const { path, losses, is_diverged: isDiverged } = answer.descent ?? { path: [], losses: [], is_diverged: false };
    const { along } = answer.chosen;
    const [value, loss] = [path.at(-1) ?? 0, losses.at(-1) ?? 0];
    const ending = { n: path.length - 1, value: plain(value, 4), loss: loss < 1e4 ? plain(loss, 4) : loss.toExponential(1) };
    told.textContent = t("how.after", ending) + (isDiverged ? ` ${t("how.diverged")}` : "");
    curve.show({
      values: along.values, losses: along.losses, at: value, loss, path, pathLosses: losses,
      label: t("how.figure.path", { rate: asked.learning_rate, text: told.textContent }),
    });
  });
  const ask = () => asking.ask({
    network: "neuron", inputs: [[2]], targets: [TARGET], weights: [1], weight: 0, low: 0.5, high: 5.5,
    learning_rate: rate, num_steps: steps,
  });
  const rateKnob = knob({
    label: t("how.rate"), name: t("how.rate"), min: 0.01, max: 0.3, step: 0.01, value: rate, format: (v) => plain(v),
    onInput: (next) => {
      rate = next;
      ask();
    },
  });
  ask();
  return {
    element: h("div", curve.element, h("p", told),
      h("div", { class: "how-actions" }, h("span", { class: "how-choices-label" }, t("how.rate")),
        RATES.map((value) => button(String(value), () => {
          rate = value;
          rateKnob.show(value);
          ask();
        }, "how-number"))),
      rateKnob.element,
      knob({
        label: t("how.steps_shown"), name: t("how.steps_shown"), min: 0, max: 100, step: 1, value: steps,
        format: (v) => String(v),
        onInput: (next) => {
          steps = next;
          ask();
        },
      }).element),
    close: () => [asking, curve].forEach((one) => one.close()),
  };
}
