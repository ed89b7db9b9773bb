// How the training learns, changed while it runs: what is set here holds until "as planned" is pressed.

import { h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { busy, button, errorText, field, newest, say, slider } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

const SEND_AFTER_MS = 200;

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function tuning(store) {
  const knobs = [learningRate(store), momentum(store), batchSize(store), weightDecay(store)];
  const element = h(
    "section",
    { class: "tuning panel", "aria-labelledby": "tuning-title" },
    h("h2", { id: "tuning-title" }, t("tuning.title")),
    h("p", { class: "hint" }, t("tuning.hint")),
    h(
      "div",
      { class: "knobs" },
      knobs.map((knob) => knob.element),
    ),
  );
  const update = () => {
    element.hidden = !store.isAlive;
    for (const knob of knobs) knob.update();
  };
  return { element, update };
}

/**
 * Sends the last of several quick changes, and says what is in force.
 * @param {RunStore} store
 * @param {"learning_rate" | "momentum" | "weight_decay" | "batch_size"} name
 * @param {() => number | undefined} planned what the settings say, as far as it is known
 * @param {(value: number) => void} show
 */
function override(store, name, planned, show) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  let isHeld = false;
  const latest = newest();
  const put = (/** @type {number | null} */ value) =>
    latest(
      store.control({ [name]: value }),
      () => void (isHeld = false),
      (error) => {
        isHeld = false;
        say(errorText(error), "bad");
      },
    );
  const send = (/** @type {number} */ value) => {
    isHeld = true;
    clearTimeout(waiting);
    waiting = setTimeout(() => put(value), SEND_AFTER_MS);
  };
  const inForce = h("span", { class: "hint in-force" });
  const follow = button(t("tuning.follow"), () => busy(put(null), follow), { class: "quiet" });
  follow.setAttribute("aria-label", `${t("tuning.follow")}: ${t(`form.${name}`)}`);
  const update = () => {
    const set = store.status?.control[name] ?? null;
    const value = set ?? planned();
    const text = set === null ? t("tuning.planned") : t("tuning.set");
    if (inForce.textContent !== text) inForce.textContent = text;
    follow.disabled = set === null;
    if (value !== undefined && !isHeld) show(value);
  };
  return { send, update, foot: h("div", { class: "knob-foot" }, inForce, follow) };
}

/** @param {RunStore} store */
function learningRate(store) {
  const planned = () => store.last["stepped"]?.["learning_rate"] ?? store.details?.settings["learning_rate"];
  const control = slider({
    label: t("form.learning_rate"),
    min: 1e-6,
    max: 1,
    value: 1e-3,
    isLog: true,
    format: (value) => number(value),
    onInput: (value) => own.send(Number(value.toPrecision(3))),
  });
  const own = override(store, "learning_rate", planned, control.set);
  return knob(control.element, own);
}

/** @param {RunStore} store */
function momentum(store) {
  const control = slider({
    label: t("form.momentum"),
    min: 0,
    max: 0.99,
    step: 0.01,
    value: 0.9,
    format: (value) => number(value, 2),
    onInput: (value) => own.send(value),
  });
  const own = override(store, "momentum", () => store.details?.settings["momentum"], control.set);
  const made = knob(control.element, own);
  const update = () => {
    // What was started without has none that could be changed.
    made.element.hidden = store.details?.settings["momentum"] === 0;
    made.update();
  };
  return { element: made.element, update };
}

/** @param {RunStore} store */
function batchSize(store) {
  return numberKnob(store, "batch_size", { min: 1, max: 4096, step: 1 });
}

/** @param {RunStore} store */
function weightDecay(store) {
  return numberKnob(store, "weight_decay", { min: 0, max: 10, step: "any" });
}

/**
 * @param {RunStore} store
 * @param {"weight_decay" | "batch_size"} name
 * @param {{min: number, max: number, step: number | string}} limits
 */
function numberKnob(store, name, limits) {
  const input = h("input", { type: "number", dir: "ltr", ...limits });
  const own = override(
    store,
    name,
    () => store.details?.settings[name],
    (value) => {
      if (document.activeElement !== input) input.value = String(value);
    },
  );
  input.addEventListener("input", () => {
    if (input.value !== "" && input.checkValidity()) own.send(Number(input.value));
  });
  return knob(field(t(`form.${name}`), input), own);
}

/**
 * @param {HTMLElement} control
 * @param {ReturnType<typeof override>} own
 */
function knob(control, own) {
  return { element: h("div", { class: "knob" }, control, own.foot), update: own.update };
}

/** What the settings of a run are, for those who want to know all of them. */
export function settingsList(/** @type {RunStore} */ store) {
  const place = h("dl", { class: "settings-list" });
  const element = h("details", { class: "all-settings" }, h("summary", {}, t("run.settings")), place);
  element.addEventListener("toggle", () => {
    const entries = Object.entries(store.details?.settings ?? {}).filter(([, value]) => value !== null);
    place.replaceChildren(
      ...entries.map(([name, value]) => h("div", {}, h("dt", {}, ltr(name)), h("dd", {}, ltr(String(value))))),
    );
  });
  return element;
}
