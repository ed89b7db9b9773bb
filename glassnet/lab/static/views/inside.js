// The inside of a network at any moment: its layers for a picture, its weights over the training, the loss around them.

import { fill, h, ltr } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { histogram } from "../inside/histogram.js";
import { layerPanel, layerRow } from "../inside/layers.js";
import { pictureChooser } from "../inside/picture.js";
import { surroundings } from "../inside/surroundings.js";
import { keyOf } from "../run/answers.js";
import { momentOf, scrubber } from "../scrubber.js";
import { runPath } from "../source/source.js";
import { openRun } from "../store.js";
import { drawPixels } from "../tiles.js";
import { errorBox, newest, notice, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {import("../inside/layers.js").Inside} Inside */

/**
 * @param {import("../shell.js").Context} context
 * @returns {import("../shell.js").View}
 */
export default function inside({ source, state, set, go }) {
  const run = state["run"];
  if (!run) return { element: h("div", {}, h("h1", {}, t("nav.inside")), notice("info", t("run.none"))) };
  const store = openRun(source, run);
  const place = h("div", { class: "inside-layers", "aria-live": "polite" }, spinner());
  const shown = h("div", { class: "inside-shown" });
  const problem = h("div", {});
  const chooser = pictureChooser(store, { onPicture: () => load(true) });
  const moments = scrubber(store, { onMoment: () => load() });
  const [weights, around] = [histogram(store), surroundings(store)];
  const latest = newest();
  /** @type {Inside | null} */
  let told = null;
  let key = "";
  let chosen = state["layer"];

  const pick = (/** @type {string} */ name) => go({ view: "weight", run, weight: name, step: now().step });
  const now = () => Object.fromEntries(new URLSearchParams(location.search));
  const show = () => {
    if (!told) return;
    const layers = told.layers;
    const layer = layers.find((one) => one.name === chosen) ?? layers.find((one) => one.num_weights > 0) ?? layers[0];
    fill(shown, aboutPicture(told));
    fill(place, layerRow(layers, layer, choose), layer ? layerPanel(layer, pick) : null);
    reveal(place.querySelector('[aria-pressed="true"]')?.closest("li"));
  };
  const choose = (/** @type {string} */ name) => {
    chosen = name;
    set({ layer: name });
    show();
    /** @type {HTMLElement | null} */ (place.querySelector('[aria-pressed="true"]'))?.focus();
  };
  const load = (isForced = false) => {
    const step = momentOf(now());
    const wanted = keyOf(store, step);
    if (wanted === null || (wanted === key && !isForced)) return;
    key = wanted;
    place.setAttribute("aria-busy", "true");
    const settled = () => place.removeAttribute("aria-busy");
    const own = chooser.own();
    const path = runPath(run, "layers");
    const asked = own ? source.post(path, own, { step }) : source.get(path, { step, picture: chooser.picture() });
    latest(
      asked,
      (answer) => {
        settled();
        told = answer;
        fill(problem);
        show();
      },
      (error) => {
        settled();
        key = "";
        // What was seen before stays.
        fill(told ? problem : place, errorBox(error, () => load(true)));
      },
    );
    weights.show(step);
    around.show(step);
  };
  const begin = () => {
    if (!store.details) return void fill(place, errorBox(store.error, () => void store.refresh().then(begin)));
    if (store.details.checkpoint === null) fill(place, notice("info", t("inside.none_yet")));
    chooser.begin();
    load();
  };
  store.ready.then(begin);
  store.subscribe(() => {
    if (!document.hidden && momentOf(now()) === null) load();
  });
  const element = h(
    "div",
    { class: "inside" },
    h("h1", {}, t("nav.inside"), " ", ltr(run)),
    h("p", { class: "lead" }, t("inside.lead")),
    h("div", { class: "moments panel" }, moments.element),
    h("section", { class: "panel inside-picture", "aria-label": t("inside.picture") }, shown, problem, chooser.element),
    place,
    weights.element,
    around.element,
  );
  return {
    element,
    update: () => moments.update(),
    close() {
      moments.close();
      chooser.close();
      weights.close();
      around.close();
      store.close();
    },
  };
}

/**
 * Scroll the row of layers, not the page, so that this one is in its middle.
 * @param {HTMLElement | null | undefined} entry
 */
function reveal(entry) {
  const row = entry?.parentElement;
  if (!entry || !row) return;
  const [box, around] = [entry.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += box.left + box.width / 2 - around.left - around.width / 2;
}

/**
 * What went in, and what came out.
 * @param {Inside} told
 */
function aboutPicture(told) {
  const pixels = told.shown.pictures;
  const scale = Math.max(1, Math.round(160 / pixels.shape[2]));
  const canvas = drawPixels(pixels, 0, { scale });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", told.shown.label ?? t("inside.drawing"));
  const named = (/** @type {string} */ name) => h("bdi", {}, name);
  const answers = told.answers.map((one) => h("li", {}, named(one.name), " ", ltr(percent(one.probability, 1))));
  const { label } = told.shown;
  const step = t("scrubber.at_step", { step: number(told.step) });
  return [
    canvas,
    h(
      "div",
      {},
      label === null ? null : h("p", {}, t("inside.it_is"), " ", h("strong", {}, named(label))),
      answers.length ? h("p", {}, t("inside.it_says")) : h("p", {}, t("inside.half_hidden")),
      answers.length ? h("ol", { class: "inside-answers" }, answers) : null,
      h("p", { class: "soft" }, t("inside.loss"), " ", ltr(number(told.loss)), " · ", step),
    ),
  ];
}
