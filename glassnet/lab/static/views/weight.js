// One weight: what it is, its path, what a nudge does, where its slope comes from, and what a step makes of it.

import { fill, h, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { weightName } from "../inside/layers.js";
import { keyOf } from "../run/answers.js";
import { momentOf, scrubber } from "../scrubber.js";
import { runPath } from "../source/source.js";
import { openRun } from "../store.js";
import { whyCard } from "../weight/chain.js";
import { nudgeCard } from "../weight/nudge.js";
import { optimizerCard, slopesCard } from "../weight/step.js";
import { pathCard } from "../weight/path.js";
import { placeCard } from "../weight/place.js";
import { errorBox, field, newest, notice, spinner } from "../widgets.js";

/** @typedef {import("../weight/story.js").Story} Story */

/**
 * @param {import("../shell.js").Context} context
 * @returns {import("../shell.js").View}
 */
export default function weight({ source, state, set }) {
  const run = state["run"];
  if (!run) return { element: h("div", {}, h("h1", {}, t("nav.weight")), notice("info", t("run.none"))) };
  const store = openRun(source, run);
  const place = h("div", { class: "weight-story" }, spinner());
  const latest = newest();
  const now = () => Object.fromEntries(new URLSearchParams(location.search));
  const moments = scrubber(store, { onMoment: () => void load() });
  const input = h("input", {
    type: "text",
    value: state["weight"] ?? "",
    dir: "ltr",
    spellcheck: "false",
    autocomplete: "off",
    placeholder: "conv1.weight[3,0,2,2]",
  });
  const heading = h("h1", {}, t("nav.weight"));
  /** @type {{close: () => void}[]} */
  let cards = [];
  let key = "";

  const go = (/** @type {string} */ name) => {
    input.value = name;
    set({ weight: name });
    void load();
  };
  const form = h(
    "form",
    { class: "weight-form" },
    field(t("weight.name"), input, t("weight.name_hint")),
    h("button", { type: "submit", class: "button" }, t("weight.tell")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go(input.value.trim());
  });
  const clear = () => {
    for (const card of cards) card.close();
    cards = [];
  };
  const show = (/** @type {Story} */ story) => {
    clear();
    fill(heading, t("nav.weight"), " ", ltr(story.weight));
    const step = momentOf(now());
    const told = [
      placeCard(store, story, step, go),
      pathCard(story),
      nudgeCard(store, story, step),
      slopesCard(story),
      whyCard(story),
      optimizerCard(story),
    ];
    cards = told;
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    fill(place, told.map((card) => card.element));
    if (focused) focusAgain(place, focused, heading);
    place.removeAttribute("aria-busy");
  };
  const load = async () => {
    const step = momentOf(now());
    const moment = keyOf(store, step);
    const name = now()["weight"] ?? (await firstWeight(store, step));
    if (moment === null) return void fill(place, notice("info", t("inside.none_yet")));
    if (!name || key === `${moment} ${name}`) return;
    key = `${moment} ${name}`;
    if (!input.value) input.value = name;
    place.setAttribute("aria-busy", "true");
    await latest(source.get(runPath(run, "weight"), { name, step }), show, (error) => {
      key = "";
      clear();
      place.removeAttribute("aria-busy");
      fill(place, errorBox(error, () => void load()));
    });
  };
  const begin = () => {
    if (!store.details) return void fill(place, errorBox(store.error, () => void store.refresh().then(begin)));
    void load();
  };
  store.ready.then(begin);
  const element = h(
    "div",
    { class: "weight" },
    heading,
    h("p", { class: "lead" }, t("weight.lead")),
    h("div", { class: "moments panel" }, moments.element),
    form,
    place,
  );
  return {
    element,
    update: () => {
      moments.update();
      void load();
    },
    close() {
      moments.close();
      clear();
      store.close();
    },
  };
}

/**
 * Whoever went to the next weight by the keyboard can go on.
 * @param {HTMLElement} place
 * @param {Element} before what had the focus, and is gone
 * @param {HTMLElement} otherwise
 */
function focusAgain(place, before, otherwise) {
  const same = [...place.querySelectorAll("button")].find((one) => one.textContent === before.textContent);
  otherwise.tabIndex = -1;
  (same && !same.disabled ? same : otherwise).focus({ preventScroll: true });
}

/**
 * A weight to begin with: the middle of the first layer that learns; null where the layers cannot be had.
 * @param {import("../store.js").RunStore} store
 * @param {number | null} step
 * @returns {Promise<string | null>}
 */
async function firstWeight(store, step) {
  const { layers } = await store.source.get(runPath(store.run, "layers"), { step, picture: 0 });
  for (const layer of /** @type {import("../inside/layers.js").Layer[]} */ (layers)) {
    const signal = layer.held.find((one) => one.gradient);
    if (!signal) continue;
    const index = signal.values.shape.map((size) => Math.floor(size / 2));
    return weightName(layer, signal, index);
  }
  return null;
}
