// The part of How it works about the chain rule: a slope as signal coming in times blame coming back.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { linesOf, networkFigure } from "./how_network.js";
import { chosenIn, FORM, INPUTS, layersOf, ONES, TARGET } from "./how_neuron.js";
import { asker, choice, numbered, plain, scroller, short, signed } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Part} Part */

const SEVERAL = {
  inputs: [
    [2, 0.5, 0],
    [1, -1, 1],
    [0, 2, 1],
  ],
  targets: [6, 1, 2],
};

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
      lines: linesOf(ONES, FORM),
      names: answer.names,
      chosen,
      slopes: answer.slopes,
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
    element: h(
      "div",
      h("p", { class: "how-hint" }, t("how.choose_weight")),
      figure.element,
      chain,
      choice({
        label: t("how.examples"),
        value: 1,
        isNumber: true,
        choices: [1, SEVERAL.targets.length].map((value) => ({ value, text: String(value) })),
        onChoose: (value) => {
          isSeveral = value > 1;
          ask();
        },
      }),
      scroller(t("how.examples"), h("table", { class: "how-table" }, h("thead", h("tr", h("td"), heads)), rows)),
    ),
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
  fill(
    chain,
    stop(numbered("w", chosen)),
    gear(`× ${short(term.signal)}`, t("how.signal")),
    stop(t("how.sum")),
    gear(`× ${plain(term.blame)}`, t("how.blame")),
    stop(t("how.loss")),
    h(
      "span",
      { class: "how-gear is-whole" },
      h("strong", signed(isSeveral ? term.product : slope)),
      h("small", t(isSeveral ? "how.product" : "how.slope")),
    ),
  );
}

/**
 * @param {{signal: number, blame: number, product: number}} term
 * @param {number} i
 */
function termRow(term, i) {
  return h(
    "tr",
    h("th", { scope: "row" }, t("how.example", { n: i + 1 })),
    h("td", { dir: "ltr" }, plain(term.signal)),
    h("td", { dir: "ltr" }, signed(term.blame, 4)),
    h("td", { dir: "ltr" }, signed(term.product, 4)),
  );
}

/**
 * @param {number} slope
 * @param {number} byNudge
 * @param {number} num
 */
function sumRow(slope, byNudge, num) {
  return [
    num > 1
      ? h(
          "tr",
          { class: "is-sum" },
          h("th", { scope: "row", colspan: 3 }, t("how.slope_sum")),
          h("td", { dir: "ltr" }, signed(slope, 4)),
        )
      : null,
    h(
      "tr",
      { class: "is-sum" },
      h("th", { scope: "row", colspan: 3 }, t("how.by_nudge")),
      h("td", { dir: "ltr" }, signed(byNudge, 4)),
    ),
  ];
}
