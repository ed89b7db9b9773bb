// The slope by nudge and by backpropagation, and what the optimizer makes of it in one step.

import { h, ltr } from "../dom.js";
import { has, number, t } from "../i18n.js";
import { translated } from "../messages.js";
import { signed } from "./path.js";
import { chapter, said } from "./story.js";

/** @typedef {import("./story.js").Story} Story */

/** @param {Story} story */
export function slopesCard(story) {
  const [nudged, told] = [story.slope_by_nudge, story.slope_by_backpropagation];
  const e = String(story.epsilon);
  const figure = (/** @type {number} */ slope, /** @type {string} */ key) =>
    h("figure", {}, h("p", { class: "weight-value" }, ltr(slope.toPrecision(10))), h("figcaption", {}, t(key)));
  const element = chapter(
    t("weight.slopes"),
    losses(t("weight.slopes"), story.loss, [
      [t("weight.lower", { e }), story.loss_down],
      [t("weight.as_is"), story.loss],
      [t("weight.higher", { e }), story.loss_up],
    ]),
    h(
      "div",
      { class: "weight-slopes" },
      figure(nudged, "weight.by_nudge"),
      figure(told, "weight.by_backpropagation"),
    ),
    h("p", {}, t("weight.agree", { n: number(digitsAgreeing(nudged, told)) })),
    story.corners ? h("p", {}, t("weight.corners", { n: number(story.corners) })) : null,
    story.precision === "float32" ? h("p", { class: "hint" }, t("weight.float32", { e })) : null,
    said(story.doubts),
  );
  return { element, close() {} };
}

/** @param {Story} story */
export function optimizerCard(story) {
  if (story.change === null || story.parts.length === 0) {
    const unknown = h("p", {}, t("weight.step_unknown"));
    return { element: chapter(t("weight.step"), unknown, said(story.notices)), close() {} };
  }
  const element = chapter(
    t("weight.step"),
    h("p", {}, t("weight.step_lead", { optimizer: story.optimizer })),
    parts(story.parts, story.change),
    (story.expected_change_of_loss ?? 0) > 0 ? h("p", {}, t("weight.uphill")) : null,
    h("h3", {}, t("weight.after")),
    losses(t("weight.after"), story.loss, [
      [t("weight.before_step"), story.loss],
      [t("weight.alone"), story.loss_after_this_weight_alone],
      [t("weight.all"), story.loss_after],
    ]),
    said(story.notices),
  );
  return { element, close() {} };
}

/**
 * How many leading digits of two numbers are the same.
 * @param {number} x
 * @param {number} y
 */
export function digitsAgreeing(x, y) {
  if (x === y) return 15;
  const size = Math.max(Math.abs(x), Math.abs(y));
  return Math.max(0, Math.min(15, Math.floor(-Math.log10(Math.abs(x - y) / size))));
}

/**
 * How the optimizer comes from the slope to the change, a line each.
 * @param {Story["parts"]} list
 * @param {number} change
 */
function parts(list, change) {
  const line = (/** @type {string} */ name, /** @type {number} */ value, /** @type {HTMLElement} */ words) =>
    h("li", {}, h("span", { class: "weight-part" }, name), ltr(value.toPrecision(5)), words);
  const lines = list.map((part) => {
    const key = `part.${part.name.replaceAll(" ", "_")}`;
    const words = h("span", { class: "soft", dir: "auto" }, translated(part.words));
    return line(has(key) ? t(key) : part.name, part.value, words);
  });
  const last = line(t("weight.change"), change, h("span", {}, t("weight.change_words")));
  last.classList.add("weight-change");
  return h("ol", { class: "weight-parts" }, lines, last);
}

/**
 * Losses, and by how much they are not what the loss is.
 * @param {string} label
 * @param {number} now
 * @param {[when: string, loss: number | null][]} list
 */
function losses(label, now, list) {
  const rows = list.map(([when, loss]) => {
    const by = loss === null || loss === now ? "" : signed(loss - now);
    return h("tr", {}, h("th", { scope: "row" }, when), h("td", {}, ltr(number(loss, 10))), h("td", {}, ltr(by)));
  });
  const table = h("table", { class: "numbers weight-losses" }, h("tbody", {}, rows));
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": label }, table);
}
