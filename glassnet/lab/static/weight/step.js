// The slope by nudge and by backpropagation, and what the optimizer makes of it in one step.

import { h, ltr } from "../dom.js";
import { has, number, t } from "../i18n.js";
import { digitsAgreeing } from "./digits.js";
import { signed } from "./path.js";
import { chapter, said } from "./story.js";

/** @param {import("./story.js").Story} story */
export function slopesCard(story) {
  const [nudged, told] = [story.slope_by_nudge, story.slope_by_backpropagation];
  const digits = digitsAgreeing(nudged, told);
  const row = (/** @type {string} */ key, /** @type {number} */ loss) =>
    h("tr", {}, h("th", { scope: "row" }, t(key, { e: String(story.epsilon) })), h("td", {}, ltr(number(loss, 10))), h("td", {}, ltr(loss === story.loss ? "" : signed(loss - story.loss))));
  const element = chapter(
    t("weight.slopes"),
    h(
      "table",
      { class: "numbers" },
      h("tbody", {}, row("weight.lower", story.loss_down), row("weight.as_is", story.loss), row("weight.higher", story.loss_up)),
    ),
    h(
      "div",
      { class: "weight-slopes" },
      h("figure", {}, h("p", { class: "weight-value" }, ltr(nudged.toPrecision(10))), h("figcaption", {}, t("weight.by_nudge"))),
      h("figure", {}, h("p", { class: "weight-value" }, ltr(told.toPrecision(10))), h("figcaption", {}, t("weight.by_backpropagation"))),
    ),
    h("p", {}, t("weight.agree", { n: number(digits) })),
    story.corners ? h("p", {}, t("weight.corners", { n: number(story.corners) })) : null,
    said(story.doubts),
  );
  return { element, close() {} };
}

/** @param {import("./story.js").Story} story */
export function optimizerCard(story) {
  if (story.change === null || story.parts.length === 0) {
    return { element: chapter(t("weight.step"), h("p", {}, t("weight.step_unknown")), said(story.notices)), close() {} };
  }
  const rows = story.parts.map((part) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, has(`part.${part.name.replaceAll(" ", "_")}`) ? t(`part.${part.name.replaceAll(" ", "_")}`) : part.name),
      h("td", {}, ltr(part.value.toPrecision(5))),
      h("td", { class: "soft", lang: "en", dir: "ltr" }, part.words),
    ),
  );
  const change = h("tr", { class: "weight-change" }, h("th", { scope: "row" }, t("weight.change")), h("td", {}, ltr(story.change.toPrecision(5))), h("td", {}, t("weight.change_words")));
  const after = (/** @type {string} */ key, /** @type {number | null} */ loss) =>
    h("tr", {}, h("th", { scope: "row" }, t(key)), h("td", {}, ltr(number(loss, 10))), h("td", {}, ltr(loss === null || loss === story.loss ? "" : signed(loss - story.loss))));
  const element = chapter(
    t("weight.step"),
    h("p", {}, t("weight.step_lead", { optimizer: story.optimizer })),
    scrolled(t("weight.step"), h("table", { class: "numbers" }, h("tbody", {}, rows, change))),
    (story.expected_change_of_loss ?? 0) > 0 ? h("p", {}, t("weight.uphill")) : null,
    h("h3", {}, t("weight.after")),
    scrolled(
      t("weight.after"),
      h("table", { class: "numbers" }, h("tbody", {}, after("weight.before_step", story.loss), after("weight.alone", story.loss_after_this_weight_alone), after("weight.all", story.loss_after))),
    ),
    said(story.notices),
  );
  return { element, close() {} };
}

/**
 * @param {string} label
 * @param {HTMLElement} content
 */
function scrolled(label, content) {
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": label }, content);
}
