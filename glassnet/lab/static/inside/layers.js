// The network as a row of layers, and one of them opened: what it holds and says, and how the loss hangs on it.

import { h, ltr } from "../dom.js";
import { count, has, number, t } from "../i18n.js";
import { tensorView } from "../tensor.js";

/** @typedef {import("../tensor.js").Tensor} Tensor */
/** @typedef {{name: string, values: Tensor, gradient: Tensor | null}} Signal */

/**
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} kind
 * @property {number} num_weights
 * @property {number[] | null} input_shape
 * @property {Signal[]} held
 * @property {Signal[]} said
 */

/**
 * @typedef {object} Inside
 * @property {number} step
 * @property {number | null} loss
 * @property {{pictures: import("../source/source.js").Pixels, label: string | null, source: string}} shown
 * @property {{name: string, probability: number | null}[]} answers
 * @property {Layer[]} layers
 */

/**
 * @param {Layer[]} layers
 * @param {Layer | undefined} chosen
 * @param {(name: string) => void} onChoose
 */
export function layerRow(layers, chosen, onChoose) {
  const one = (/** @type {Layer} */ layer) => {
    const how = { type: "button", class: "layer", "aria-pressed": String(layer === chosen) };
    const weights = layer.num_weights ? count("home.weights", layer.num_weights) : t("inside.no_weights");
    return h(
      "li",
      {},
      h(
        "button",
        { ...how, on: { click: () => onChoose(layer.name) } },
        h("strong", {}, ltr(layer.name)),
        h("span", {}, inWords(layer.kind)),
        h("span", { class: "soft" }, ltr(shapeOf(layer))),
        h("span", { class: "soft" }, h("bdi", {}, weights)),
      ),
    );
  };
  const end = (/** @type {string} */ key) => h("li", { class: "layer-end" }, t(key));
  const content = [end("inside.input"), ...layers.map(one), end("inside.answer")];
  return h("ol", { class: "layer-row", "aria-label": t("inside.layers"), dir: "ltr", tabindex: 0 }, content);
}

/**
 * The name of one weight, such as conv1.weight[3,0,2,2]; a layer that is the network itself is called as its tensor.
 * @param {Layer} layer
 * @param {Signal} signal
 * @param {number[]} index
 */
export function weightName(layer, signal, index) {
  return `${layer.name === signal.name ? "" : `${layer.name}.`}${signal.name}[${index.join(",")}]`;
}

/**
 * @param {Layer} layer
 * @param {(weight: string) => void} onPick
 */
export function layerPanel(layer, onPick) {
  const pick = (/** @type {Signal} */ signal) => (/** @type {number[]} */ index) =>
    onPick(weightName(layer, signal, index));
  const weights = (/** @type {Signal} */ signal) =>
    panel(signal, layer, "weights", signal.gradient ? pick(signal) : undefined);
  const gradients = (/** @type {Signal} */ signal) => panel(signal, layer, "weights", pick(signal), true);
  const learned = layer.held.filter((signal) => signal.gradient);
  const blamed = layer.said.filter((signal) => signal.gradient);
  return h(
    "section",
    { class: "panel layer-open", "aria-label": layer.name },
    h("h2", {}, ltr(layer.name), " ", h("small", { class: "soft" }, inWords(layer.kind))),
    learned.length ? h("p", { class: "soft" }, t("inside.pick")) : null,
    h(
      "div",
      { class: "layer-columns" },
      column(t("inside.weights"), layer.held.map(weights)),
      column(t("inside.weight_gradients"), learned.map(gradients)),
      column(t("inside.activations"), layer.said.map((signal) => panel(signal, layer, "signal"))),
      column(t("inside.activation_gradients"), blamed.map((signal) => panel(signal, layer, "signal", undefined, true))),
    ),
    h("p", { class: "hint" }, t("inside.scale")),
  );
}

/**
 * @param {string} title
 * @param {HTMLElement[]} panels
 */
function column(title, panels) {
  const content = panels.length ? panels : h("p", { class: "soft" }, t("inside.nothing"));
  return h("div", { class: "layer-column" }, h("h3", {}, title), content);
}

/**
 * @param {Signal} signal
 * @param {Layer} layer
 * @param {"weights" | "signal"} what
 * @param {(index: number[]) => void} [onPick]
 * @param {boolean} [isGradient]
 */
function panel(signal, layer, what, onPick, isGradient = false) {
  const tensor = isGradient ? signal.gradient : signal.values;
  if (!tensor) return h("p", { class: "soft" }, t("inside.nothing"));
  const title = `${layer.name} ${signal.name}${isGradient ? `, ${t("inside.gradient")}` : ""}`;
  const note = t("inside.spread", { mean: number(tensor.mean), std: number(tensor.std) });
  return h(
    "div",
    { class: "layer-signal" },
    h("h4", {}, saidOf(signal.name)),
    tensorView(tensor, { what, title, note, inputShape: layer.input_shape, ...(onPick ? { onPick } : {}) }),
  );
}

/** @param {string} kind of a layer or of what follows it, in the words of the server */
function inWords(kind) {
  const key = `kind.${kind.replaceAll(" ", "_")}`;
  return has(key) ? t(key) : kind;
}

/** @param {string} name of a signal, in the words of the server */
function saidOf(name) {
  if (name === "out") return t("inside.out");
  if (!name.startsWith("after ")) return ltr(name);
  const steps = name.slice("after ".length).split(" and ");
  return t("inside.after", { steps: steps.map(inWords).join(", ") });
}

/** @param {Layer} layer */
function shapeOf(layer) {
  const last = layer.said.at(-1);
  return last ? last.values.shape.slice(1).join(" × ") : "";
}
