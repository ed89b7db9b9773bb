// What is taken for what: a cell for each pair of classes, which opens the pictures that are counted in it.

import { fill, h, ltr } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";
import { dialog, errorBox, newest, spinner } from "../widgets.js";
import { guess, keyOf, order, pictures } from "./answers.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/**
 * @typedef {object} Confusion
 * @property {number} step
 * @property {string[]} classes
 * @property {number[][]} counts of each class in truth, what it was called
 * @property {number} accuracy
 * @property {(number | null)[]} recall
 * @property {number} num
 */

const MOST_IN_TABLE = 16; // classes; of more the largest mistakes are listed
const NUM_MISTAKES = 30;

/**
 * Nothing is computed until a person opens it.
 * @param {RunStore} store
 * @returns {{element: HTMLElement, show: (step: number | null) => void}}
 */
export function confusionBox(store) {
  const place = h("div", { class: "confusion-place" }, spinner());
  const element = h(
    "details",
    { class: "confusion panel" },
    h("summary", {}, h("h2", {}, t("confusion.title")), h("span", { class: "hint" }, t("confusion.hint"))),
    place,
  );
  const latest = newest();
  let shown = "";
  /** @type {number | null} */
  let asked = null;
  const load = () => {
    const key = keyOf(store, asked);
    if (!element.open || key === null || key === shown) return;
    shown = key;
    const step = asked;
    const draw = (/** @type {Confusion} */ confusion) => fill(place, ...tableOf(store, confusion, step));
    latest(store.source.get(runPath(store.run, "confusion"), { step }), draw, (error) => {
      shown = "";
      fill(place, errorBox(error, load));
    });
  };
  element.addEventListener("toggle", load);
  const show = (/** @type {number | null} */ step) => {
    asked = step;
    load();
  };
  return { element, show };
}

/**
 * @param {RunStore} store
 * @param {Confusion} confusion
 * @param {number | null} step
 */
function tableOf(store, confusion, step) {
  const told = h(
    "p",
    { class: "soft" },
    t("confusion.told", {
      accuracy: percent(confusion.accuracy, 1),
      num: number(confusion.num),
      step: number(confusion.step),
    }),
  );
  const open = (/** @type {number} */ row, /** @type {number} */ column) =>
    openCell(store, confusion, row, column, step);
  return [told, confusion.classes.length <= MOST_IN_TABLE ? matrix(confusion, open) : mistakes(confusion, open)];
}

/**
 * @param {Confusion} confusion
 * @param {(row: number, column: number) => void} open
 */
function matrix({ classes, counts, recall }, open) {
  const head = h(
    "tr",
    {},
    h("th", { class: "corner" }, t("confusion.corner")),
    classes.map((name) => h("th", { scope: "col" }, h("bdi", {}, name))),
    h("th", { scope: "col" }, t("confusion.recall")),
  );
  const rows = classes.map((name, row) => {
    const total = (counts[row] ?? []).reduce((sum, n) => sum + n, 0);
    const cells = (counts[row] ?? []).map((n, column) => h("td", {}, cell(classes, row, column, n, total, open)));
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("bdi", {}, name)),
      cells,
      h("td", { class: "figure" }, ltr(percent(recall[row]))),
    );
  });
  const table = h("table", { class: "matrix" }, h("thead", {}, head), h("tbody", {}, rows));
  return h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": t("confusion.title") }, table);
}

/**
 * @param {string[]} classes
 * @param {number} row
 * @param {number} column
 * @param {number} n
 * @param {number} total
 * @param {(row: number, column: number) => void} open
 */
function cell(classes, row, column, n, total, open) {
  const names = { truth: classes[row] ?? "", said: classes[column] ?? "", n: number(n) };
  const element = h(
    "button",
    {
      type: "button",
      class: row === column ? "cell diagonal" : "cell",
      disabled: n === 0,
      "aria-label": t("confusion.cell", names),
    },
    number(n),
  );
  // Of few mistakes, too, one sees where they are.
  element.style.setProperty("--share", `${Math.round(45 * Math.sqrt(n / Math.max(1, total)))}%`);
  element.addEventListener("click", () => open(row, column));
  return element;
}

/**
 * @param {Confusion} confusion
 * @param {(row: number, column: number) => void} open
 */
function mistakes({ classes, counts }, open) {
  const found = counts.flatMap((row, i) => row.map((n, j) => ({ i, j, n }))).filter(({ i, j, n }) => i !== j && n > 0);
  found.sort((a, b) => b.n - a.n);
  if (found.length === 0) return h("p", {}, t("confusion.no_mistakes"));
  return h(
    "ul",
    { class: "mistakes" },
    found.slice(0, NUM_MISTAKES).map(({ i, j, n }) => {
      const text = t("confusion.cell", { truth: classes[i] ?? "", said: classes[j] ?? "", n: number(n) });
      return h("li", {}, h("button", { type: "button", class: "button quiet", on: { click: () => open(i, j) } }, text));
    }),
  );
}

/**
 * @param {RunStore} store
 * @param {Confusion} confusion
 * @param {number} row
 * @param {number} column
 * @param {number | null} step
 */
function openCell(store, { classes }, row, column, step) {
  const names = { truth: classes[row] ?? "", said: classes[column] ?? "" };
  const opened = dialog(t(row === column ? "confusion.opened_right" : "confusion.opened", names), spinner());
  const path = runPath(store.run, "confusion", row, column);
  newest()(
    store.source.get(path, { step }),
    (found) => {
      const cards = found.probabilities.map((/** @type {number[]} */ probabilities, /** @type {number} */ i) => {
        const canvas = drawPixels(found.pictures, i);
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", t("answers.picture", { name: names.truth }));
        const guesses = order(probabilities)
          .slice(0, 2)
          .map((k) => guess(classes[k] ?? "", probabilities[k] ?? 0, k === row));
        return h("li", { class: "answer" }, canvas, h("ol", { class: "guesses" }, guesses));
      });
      fill(opened.content, h("p", { class: "soft" }, pictures(found.total)), h("ul", { class: "answers" }, cards));
    },
    (error) => fill(opened.content, errorBox(error)),
  );
}
