// What a weight is: its value, the tensor it belongs to, and where it is in the picture of it.

import { fill, h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { link } from "../router.js";
import { runPath } from "../source/source.js";
import { tensorView } from "../tensor.js";
import { button, errorText, spinner } from "../widgets.js";

/** @typedef {import("../inside/layers.js").Layer} Layer */
/** @typedef {import("./story.js").Story} Story */

/**
 * @param {import("../store.js").RunStore} store
 * @param {Story} story
 * @param {number | null} step
 * @param {(name: string) => void} go to another weight
 */
export function placeCard(store, story, step, go) {
  const place = h("div", { class: "weight-place" }, spinner());
  const show = async () => {
    try {
      const { layers } = await store.source.get(runPath(store.run, "layers"), { step, picture: 0 });
      fill(place, ...placeIn(layers, store.run, story, step, go));
    } catch (error) {
      fill(place, h("p", { class: "hint", dir: "auto" }, errorText(error)));
    }
  };
  void show();
  const element = h("section", { class: "panel weight-what", "aria-label": story.weight }, words(story, go), place);
  return { element, close() {} };
}

/**
 * @param {Story} story
 * @param {(name: string) => void} go
 */
function words(story, go) {
  const { previous, next } = story.neighbors;
  const beside = (/** @type {string} */ key, /** @type {string | null} */ name) =>
    button(t(key), () => name && go(name), { class: "quiet", disabled: name === null });
  // Numbers with signs between them would change their order in Hebrew.
  const shape = story.shape.join("\u00a0×\u00a0");
  const tensor = { tensor: `\u2066${story.tensor}\u2069`, shape: `\u2066${shape}\u2069` };
  return h(
    "div",
    { class: "weight-words" },
    h("p", { class: "weight-value" }, ltr(number(story.value, 6))),
    h("p", {}, t("weight.what", { ...tensor, num: number(story.weights) })),
    h("p", {}, t("weight.share", { share: number(100 * story.share_smaller, 0) })),
    story.averaged === null ? null : h("p", {}, t("weight.averaged", { value: number(story.averaged, 6) })),
    h("p", { class: "soft" }, t("weight.examples", { num: number(story.batch_size), step: number(story.step) })),
    h("p", { class: "buttons" }, beside("weight.previous", previous), beside("weight.next", next)),
  );
}

/**
 * @param {Layer[]} layers
 * @param {string} run
 * @param {Story} story
 * @param {number | null} step
 * @param {(name: string) => void} go
 */
function placeIn(layers, run, story, step, go) {
  const named = (/** @type {Layer} */ layer, /** @type {string} */ name) => [name, `${layer.name}.${name}`];
  for (const layer of layers) {
    const signal = layer.held.find((one) => named(layer, one.name).includes(story.tensor));
    if (!signal) continue;
    const view = tensorView(signal.values, {
      what: "weights",
      title: story.tensor,
      inputShape: layer.input_shape,
      marked: story.index,
      onPick: (index) => go(`${story.tensor}[${index.join(",")}]`),
      note: t("weight.framed"),
      scale: 1.4,
    });
    return [view, h("p", {}, link({ view: "inside", run, step, layer: layer.name }, t("weight.to_layer")))];
  }
  return [];
}
