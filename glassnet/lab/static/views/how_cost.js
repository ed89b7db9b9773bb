// The last part of How it works: what a step costs by nudging and by backpropagation, for networks of any size.

import { h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { link } from "../router.js";
import { NUM_WEIGHTS } from "./how_points.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Part} Part */

const PASSES_EACH = 2;
const BACKPROPAGATION = 3;

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function millions(stage) {
  const networks = [
    { name: t("how.this_one"), weights: NUM_WEIGHTS },
    ...stage.facts.networks
      .toSorted((a, b) => a.num_weights - b.num_weights)
      .map((one) => ({ name: t(`how.name.${one.network}`), weights: one.num_weights })),
  ];
  const most = Math.log10(PASSES_EACH * Math.max(...networks.map((one) => one.weights)));
  return {
    element: h(
      "div",
      h("h3", t("how.passes_each_step")),
      h(
        "div",
        { class: "how-costs", role: "group", "aria-label": t("how.figure.costs") },
        networks.map((one) => cost(one, most)),
      ),
      h("p", { class: "how-hint" }, t("how.log_scale")),
      h(
        "nav",
        { class: "how-links" },
        link({ view: "race", class: "how-link" }, t("how.to_race")),
        link({ view: "home", class: "how-link" }, t("how.to_training")),
        link({ view: "compare", class: "how-link" }, t("how.to_compare")),
      ),
    ),
  };
}

/**
 * @param {{name: string, weights: number}} network
 * @param {number} most
 */
function cost({ name, weights }, most) {
  const passes = PASSES_EACH * weights;
  return h(
    "section",
    { class: "how-cost" },
    h("h4", name, " ", h("small", ltr(number(weights)), " ", t("how.num_weights"))),
    bar(t("how.nudging"), passes, number(passes), most, "is-nudge"),
    bar(t("how.backpropagation"), BACKPROPAGATION, t("how.about_three"), most, "is-backpropagation"),
  );
}

/**
 * @param {string} name
 * @param {number} passes
 * @param {string} text
 * @param {number} most
 * @param {string} names
 */
function bar(name, passes, text, most, names) {
  const fillPart = h("span", { class: `how-bar ${names}`, "aria-hidden": "true" });
  fillPart.style.inlineSize = `${(100 * Math.log10(passes)) / most}%`;
  return h(
    "div",
    { class: "how-bar-row" },
    h("span", { class: "how-bar-name" }, name),
    h("span", { class: "how-bar-track", dir: "ltr" }, fillPart),
    h("strong", { class: "how-bar-text" }, h("bdi", text)),
  );
}
