// The chain rule written out: signal coming in x blame coming back, added up, with the pixels behind the largest terms.

import { h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { drawPixels } from "../tiles.js";
import { signed } from "./path.js";
import { chapter } from "./story.js";
import { votes } from "./votes.js";

/** @typedef {import("./story.js").Story} Story */
/** @typedef {import("./story.js").Term} Term */

const PICTURE_PX = 128;

/** @param {Story} story */
export function whyCard(story) {
  const rule = story.chain_rule;
  if (rule.largest.length === 0) {
    return { element: chapter(t("weight.why"), h("p", {}, t("weight.no_effect"))), close() {} };
  }
  const terms = rule.largest.map((term, i) => h("li", {}, termFigure(term, story.pictures[i] ?? null)));
  const others = rule.nonzero - rule.largest.length;
  const element = chapter(
    t("weight.why"),
    h("p", {}, t("weight.why_lead", { terms: number(rule.terms), nonzero: number(rule.nonzero) })),
    formula(rule.sum),
    bars(rule),
    rule.by_example && rule.by_example.length > 1 ? votes(rule.by_example) : null,
    h("h3", {}, t("weight.largest")),
    h("ol", { class: "weight-terms" }, terms),
    others > 0 ? h("p", { class: "soft" }, t("weight.others", { n: number(others) })) : null,
  );
  return { element, close() {} };
}

/** @param {number} sum */
function formula(sum) {
  const product = ["Σ ", h("bdi", {}, t("weight.signal")), " × ", h("bdi", {}, t("weight.blame"))];
  const slope = h("bdi", {}, t("weight.slope"));
  return h("p", { class: "weight-formula" }, ltr(product, " = ", slope, " = ", ltr(signed(sum))));
}

/** @param {Story["chain_rule"]} rule */
function bars(rule) {
  const most = Math.max(rule.positive, -rule.negative) || 1;
  const bar = (/** @type {string} */ key, /** @type {number} */ value, /** @type {string} */ sign) => {
    const filled = h("span", { class: `weight-bar ${sign}` });
    filled.style.inlineSize = `${(100 * Math.abs(value)) / most}%`;
    return h("li", {}, h("span", {}, t(key)), h("span", { class: "weight-track" }, filled), ltr(signed(value)));
  };
  return h(
    "ul",
    { class: "weight-bars" },
    bar("weight.say_lower", rule.positive, "positive"),
    bar("weight.say_raise", rule.negative, "negative"),
  );
}

/**
 * @param {Term} term
 * @param {import("../source/source.js").Pixels | null} pixels
 */
function termFigure(term, pixels) {
  const unnamed = () =>
    term.example === null ? t("weight.all_examples") : t("weight.example", { n: number(term.example) });
  const where = term.label ?? unnamed();
  const [, , row, column] = term.place;
  return h(
    "figure",
    { class: "weight-term" },
    pixels ? patched(pixels, term) : null,
    h(
      "figcaption",
      {},
      h("bdi", {}, where),
      h("span", { class: "weight-product" }, ltr(`${brief(term.signal)} × ${brief(term.blame)}`)),
      h("strong", {}, ltr(`= ${signed(term.term)}`)),
      column === undefined ? null : hint(t("weight.at", { row: number(row), column: number(column) })),
    ),
  );
}

/**
 * The picture as the network saw it, with the part behind the term in a frame.
 * @param {import("../source/source.js").Pixels} pixels
 * @param {Term} term
 */
function patched(pixels, { patch, label }) {
  const scale = Math.max(1, Math.round(PICTURE_PX / pixels.shape[2]));
  const canvas = drawPixels(pixels, 0, { scale });
  canvas.setAttribute("role", "img");
  if (!patch) {
    canvas.setAttribute("aria-label", label ?? t("inside.drawing"));
    return canvas;
  }
  const [top, left, bottom, right] = patch;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (const [color, width] of /** @type {[string, number][]} */ ([["#000", 4], ["#ffd60a", 2]])) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.strokeRect(left * scale + 1, top * scale + 1, (right - left) * scale - 2, (bottom - top) * scale - 2);
  }
  const rows = { top: number(top), bottom: number(bottom - 1) };
  const columns = { left: number(left), right: number(right - 1) };
  const what = label ?? t("inside.drawing");
  canvas.setAttribute("aria-label", t("weight.patch_label", { what, ...rows, ...columns }));
  return canvas;
}

/** @param {string} text */
function hint(text) {
  return h("span", { class: "hint" }, text);
}

/** @param {number} x */
function brief(x) {
  return Math.abs(x) !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(2).replace("-", "−") : number(x);
}
