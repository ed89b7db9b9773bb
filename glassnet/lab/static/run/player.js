// Play, pause, single steps, stop: what a person does to a training that runs.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, errorText, say } from "../widgets.js";
import { resume } from "./resume.js";

/** @typedef {import("../store.js").RunStore} RunStore */

const MANY_STEPS = 10;

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function player(store) {
  const send = (/** @type {object} */ change, /** @type {HTMLButtonElement} */ pressed) =>
    busy(store.control(change), pressed)
      .catch((error) => say(errorText(error), "bad"))
      .finally(update);
  // A training that takes single steps is paused again by itself.
  const isPaused = () => store.status?.state === "paused" || (store.status?.control.is_paused ?? false);
  const play = button("", () => send({ is_paused: !isPaused() }, play), { class: "primary play" });
  const one = button(t("player.one"), () => send({ num_steps: 1 }, one));
  const many = button(t("player.many", { n: MANY_STEPS }), () => send({ num_steps: MANY_STEPS }, many));
  const stop = button(sign("■", t("player.stop")), () => send({ is_stopping: true }, stop));
  const more = button(t("home.resume"), () => goOn(), { class: "primary" });
  const goOn = async () => {
    const elapsedS = store.last["stepped"]?.["elapsed_s"] ?? 0;
    if (await resume(store.source, store.run, { step: store.step, elapsedS })) await store.refresh();
  };
  const update = () => {
    const isAlive = store.isAlive;
    for (const control of [play, one, many, stop]) control.hidden = !isAlive;
    more.hidden = isAlive || !store.status || store.details?.checkpoint === null;
    const word = isPaused() ? sign("▶", t("player.play")) : sign("❚❚", t("player.pause"));
    if (play.dataset["paused"] !== String(isPaused())) fill(play, word);
    play.dataset["paused"] = String(isPaused());
    one.disabled = many.disabled = !isPaused();
  };
  const element = h(
    "div",
    { class: "player buttons", role: "group", "aria-label": t("player.label") },
    play,
    one,
    many,
    stop,
    more,
  );
  update();
  return { element, update };
}

/**
 * @param {string} symbol
 * @param {string} word
 */
function sign(symbol, word) {
  return [h("span", { "aria-hidden": "true" }, symbol), h("span", {}, word)];
}
