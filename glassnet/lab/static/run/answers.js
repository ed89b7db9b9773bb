// Pictures that the network never learned from, and what it says of them.

import { fill, h, ltr } from "../dom.js";
import { count, number, percent, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";
import { errorBox, newest, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/**
 * @typedef {object} Answers
 * @property {number} step
 * @property {string[]} classes
 * @property {import("../source/source.js").Pixels} pictures
 * @property {number[]} labels
 * @property {number[][]} probabilities
 * @property {number | null} accuracy
 * @property {number} num
 */

const NUM_PICTURES = 24;
const NUM_NAMES = 3;

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, show: (step: number | null) => void}}
 */
export function answers(store) {
  const heading = h("h2", { id: "answers-title" }, t("answers.title"));
  const told = h("p", { class: "soft", "aria-live": "polite" });
  const wall = h("ul", { class: "answers" });
  const place = h("div", {}, spinner());
  const element = h("section", { class: "answers-box", "aria-labelledby": "answers-title" }, heading, told, place);
  const latest = newest();
  let shown = "";
  const show = (/** @type {number | null} */ step) => {
    const key = keyOf(store, step);
    if (key === shown || key === null) return;
    shown = key;
    element.setAttribute("aria-busy", "true");
    const settled = () => element.removeAttribute("aria-busy");
    const draw = (/** @type {Answers} */ answer) => {
      settled();
      const right = answer.labels.filter((label, i) => label === order(answer.probabilities[i])[0]).length;
      fill(
        told,
        t("answers.told", { right: number(right), num: number(answer.labels.length), step: number(answer.step) }),
      );
      fill(
        wall,
        answer.labels.map((label, i) => h("li", {}, cardOf(answer, i, label))),
      );
      fill(place, wall);
    };
    latest(store.source.get(runPath(store.run, "answers"), { step, num: NUM_PICTURES }), draw, (error) => {
      settled();
      shown = "";
      fill(
        place,
        errorBox(error, () => show(step)),
      );
    });
  };
  return { element, show };
}

/**
 * What the answers depend on; null while the network has no weights that could answer.
 * @param {RunStore} store
 * @param {number | null} step
 * @returns {string | null}
 */
export function keyOf(store, step) {
  if (step !== null) return `at ${step}`;
  const checkpoint = store.details?.checkpoint ?? null;
  return checkpoint === null ? null : `newest ${checkpoint}`;
}

/**
 * @param {Answers} answer
 * @param {number} i
 * @param {number} label
 */
function cardOf(answer, i, label) {
  const probabilities = answer.probabilities[i] ?? [];
  const names = order(probabilities).slice(0, NUM_NAMES);
  const isRight = names[0] === label;
  const canvas = drawPixels(answer.pictures, i);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("answers.picture", { name: answer.classes[label] ?? "" }));
  return h(
    "article",
    { class: `answer ${isRight ? "right" : "wrong"}` },
    canvas,
    h(
      "p",
      { class: "verdict" },
      h("span", { class: "verdict-sign", "aria-hidden": "true" }, isRight ? "✓" : "✕"),
      h("span", {}, t(isRight ? "answers.right" : "answers.wrong")),
      isRight ? null : [" · ", h("span", { class: "soft" }, t("answers.it_is"), " ", ltr(answer.classes[label] ?? ""))],
    ),
    h(
      "ol",
      { class: "guesses" },
      names.map((name) => guess(answer.classes[name] ?? "", probabilities[name] ?? 0, name === label)),
    ),
  );
}

/**
 * @param {string} name
 * @param {number} probability
 * @param {boolean} isTrue
 */
export function guess(name, probability, isTrue) {
  const bar = h("span", { class: "bar", "aria-hidden": "true" });
  bar.style.inlineSize = `${(100 * probability).toFixed(1)}%`;
  return h(
    "li",
    { class: isTrue ? "guess is-true" : "guess" },
    bar,
    h("span", { class: "guess-name" }, h("bdi", {}, name)),
    h("span", { class: "figure" }, ltr(percent(probability))),
  );
}

/**
 * Numbers of the classes, the likeliest first.
 * @param {number[] | undefined} probabilities
 */
export function order(probabilities = []) {
  return probabilities.map((_, i) => i).sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0));
}

/**
 * "3 pictures", with the word in the right number.
 * @param {number} n
 */
export function pictures(n) {
  return count("answers.pictures", n);
}
