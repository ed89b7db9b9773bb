// The drawings of the same eight seeds as the training goes on: houses out of noise.

import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";
import { button, errorBox, errorText, newest, say } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {import("../source/source.js").Pixels} Pixels */

const MOST_KEPT = 300; // moments of eight small drawings each

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, show: (step: number | null) => void}}
 */
export function drawings(store) {
  const wall = h("div", { class: "wall" });
  const caption = h("span", {}, t("drawings.waiting"));
  const large = button(t("drawings.large"), () => toggleLarge(element), { class: "quiet" });
  const element = h("figure", { class: "drawings" }, h("figcaption", {}, caption, large), wall);
  /** @type {Map<number, Promise<Pixels>>} */
  const kept = new Map();
  const latest = newest();
  let shown = -1;

  const fetched = (/** @type {number} */ step) => {
    let found = kept.get(step);
    if (!found) {
      found = store.source.get(runPath(store.run, "pictures", step));
      found.catch(() => kept.delete(step));
      kept.set(step, found);
      if (kept.size > MOST_KEPT) kept.delete(/** @type {number} */ (kept.keys().next().value));
    }
    return found;
  };
  const show = (/** @type {number | null} */ asked) => {
    const step = pictureOf(store.pictured, asked);
    if (step === null || step === shown) return;
    shown = step;
    const draw = (/** @type {Pixels} */ pixels) => {
      fill(caption, t("drawings.at", { step: number(step) }));
      fill(
        wall,
        Array.from({ length: pixels.shape[0] }, (_, i) => drawingOf(pixels, i, step)),
      );
    };
    latest(fetched(step), draw, (error) => {
      shown = -1;
      fill(wall, errorBox(error));
    });
    const next = store.pictured[store.pictured.indexOf(step) + 1];
    if (asked !== null && next !== undefined) fetched(next);
  };
  return { element, show };
}

/** @param {HTMLElement} element */
function toggleLarge(element) {
  if (document.fullscreenElement) document.exitFullscreen();
  else element.requestFullscreen().catch((error) => say(errorText(error), "bad"));
}

/**
 * @param {Pixels} pixels
 * @param {number} i
 * @param {number} step
 */
function drawingOf(pixels, i, step) {
  const canvas = drawPixels(pixels, i, { isInk: true });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("drawings.one", { n: number(i + 1), step: number(step) }));
  return canvas;
}

/**
 * The pictured step that belongs to a moment: the last at or before it.
 * @param {number[]} pictured
 * @param {number | null} asked
 * @returns {number | null}
 */
function pictureOf(pictured, asked) {
  if (asked === null) return pictured.at(-1) ?? null;
  return pictured.findLast((step) => step <= asked) ?? pictured[0] ?? null;
}
