// The instruments: step, loss, accuracy, speed and time, to be read from the last row of a hall.

import { h } from "../dom.js";
import { duration, number, percent, t } from "../i18n.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/** @type {Record<string, (store: RunStore) => string | null>} null: there is no such instrument in this run */
const FIGURES = {
  step: (store) => number(store.step),
  loss: (store) => lossText(store.smoothedLoss),
  test_loss: (store) => lossOr(store.last["evaluated"]?.["validation_loss"]),
  accuracy: (store) => accuracyOf(store),
  images_per_s: (store) => number(store.last["stepped"]?.["images_per_s"], 0),
  elapsed: (store) => duration(newestOf(store)?.["elapsed_s"]),
  left: (store) => (store.isAlive ? duration(secondsLeft(store)) : null),
};

const TIMES = ["elapsed", "left"];

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function figures(store) {
  const parts = Object.entries(FIGURES).map(([name, read]) => {
    // Times have a unit in the language of the page, and are read in its direction.
    const value = h("bdi", { class: "instrument-value figure", dir: TIMES.includes(name) ? "auto" : "ltr" }, "–");
    const element = h(
      "div",
      { class: "instrument", data: { figure: name } },
      h("dt", {}, t(`figure.${name}`)),
      h("dd", {}, value),
    );
    return { element, value, read };
  });
  const progress = h("progress", { max: 1, value: 0, "aria-label": t("figure.progress") });
  const update = () => {
    for (const part of parts) {
      const text = part.read(store);
      part.element.hidden = text === null;
      if (text !== null && part.value.textContent !== text) part.value.textContent = text;
    }
    const share = store.last["stepped"]?.["progress"] ?? 0;
    progress.value = store.last["finished"]?.["reason"] === "budget spent" ? 1 : share;
  };
  update();
  const element = h(
    "div",
    { class: "instruments-box" },
    h(
      "dl",
      { class: "instruments" },
      parts.map((part) => part.element),
    ),
    progress,
  );
  return { element, update };
}

/** @param {RunStore} store */
function newestOf(store) {
  return store.last["stepped"] ?? store.last["evaluated"] ?? store.last["started"];
}

/** @param {number | null | undefined} loss */
function lossOr(loss) {
  return loss === null || loss === undefined ? null : lossText(loss);
}

/**
 * As many digits at every step, so that a number that changes does not jump; a small one has those that count.
 * @param {number | null} loss
 */
function lossText(loss) {
  return loss !== null && Math.abs(loss) < 0.01 ? number(loss) : number(loss, 3);
}

/** @param {RunStore} store */
function accuracyOf(store) {
  const accuracy = store.evaluations.at(-1)?.["accuracy"];
  return accuracy === null || accuracy === undefined ? null : percent(accuracy, 1);
}

/** @param {RunStore} store */
function secondsLeft(store) {
  const last = store.last["stepped"];
  if (!last || !(last["progress"] > 0)) return null;
  return (last["elapsed_s"] * (1 - last["progress"])) / last["progress"];
}
