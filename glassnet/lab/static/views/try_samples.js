// For whoever has no photo at hand: some of the pictures that were held out of the training.

import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";

/** @typedef {import("../store.js").RunStore} RunStore */

const NUM_SAMPLES = 12;

/**
 * @param {RunStore} store
 * @param {{onPhoto: (photo: import("./try_card.js").Photo) => void}} how
 */
export function samples(store, { onPhoto }) {
  const strip = h("div", { class: "try-samples" });
  const element = h("div", { hidden: true }, h("p", { class: "soft" }, t("try.samples")), strip);
  const one = (/** @type {import("../source/source.js").Pixels} */ pixels, /** @type {number} */ i) => {
    const canvas = drawPixels(pixels, i);
    const name = t("try.sample", { n: number(i + 1) });
    const pick = () => canvas.toBlob((blob) => void (blob && onPhoto({ name, blob })));
    return h("button", { type: "button", class: "try-sample", "aria-label": name, on: { click: pick } }, canvas);
  };
  store.source.get(runPath(store.run, "answers"), { num: NUM_SAMPLES }).then(
    ({ pictures }) => {
      fill(strip, Array.from({ length: pictures.shape[0] }, (_, i) => one(pictures, i)));
      element.hidden = false;
    },
    // They are an extra: a run whose held-out pictures cannot be read still answers photos.
    () => element.remove(),
  );
  return element;
}
