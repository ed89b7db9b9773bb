// Where the training in this tab runs, how fast each way was, and the files it goes on from.

import { fill, h, ltr } from "./dom.js";
import { count, number, t } from "./i18n.js";
import { translated } from "./messages.js";
import { state } from "./router.js";
import { choiceOf, keyOf } from "./source/worker.js";
import { busy, button, errorText, notice, say, select, spinner } from "./widgets.js";
import { mostThreads } from "./worker/engine.js";

/** @typedef {import("./source/worker.js").Tab} Tab */
/** @typedef {import("./source/worker.js").Trial} Trial */

const FASTEST = "auto";

/** @param {import("./worker/engine.js").Choice} choice */
function nameOf({ backend, numThreads }) {
  return backend === "webgpu" ? "WebGPU" : count("tab.threads", numThreads);
}

/**
 * @param {Tab} tab
 * @returns {{element: HTMLElement, close: () => void}}
 */
export function enginePanel(tab) {
  const told = h("p", { "aria-live": "polite" });
  const trials = h("ul", { class: "engine-trials" });
  const problems = h("div", {});
  const keys = [FASTEST, ...[1, mostThreads()].map((n) => `wasm-${n}`), "webgpu"];
  const options = [...new Set(keys)].map((key) => /** @type {[string, string]} */ ([key, labelOf(key)]));
  const choice = select({ value: localStorage.getItem("engine") ?? FASTEST, options, onChange: (key) => move(key) });
  choice.setAttribute("aria-label", t("tab.where"));
  const move = (/** @type {string} */ key) => {
    if (key === FASTEST) localStorage.removeItem("engine");
    else localStorage.setItem("engine", key);
    tab.move(key === FASTEST ? null : key).catch((error) => say(errorText(error), "bad"));
  };
  const again = button(t("tab.again"), () => {
    if (confirm(t("tab.again_sure"))) busy(tab.restart(), again).catch((error) => say(errorText(error), "bad"));
  });
  const keep = button(t("tab.save"), () => {
    busy(tab.download("/runs/-/state"), keep).catch((error) => say(errorText(error), "bad"));
  });
  const file = h("input", { type: "file", accept: ".safetensors", class: "visually-hidden", tabindex: -1, "aria-label": t("tab.load") });
  const open = button(t("tab.load"), () => file.click());
  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen) busy(tab.load(chosen), open).catch((error) => say(errorText(error), "bad"));
    file.value = "";
  });
  let shown = "";
  const update = () => {
    const { telling } = tab;
    const key = JSON.stringify(telling);
    if (key === shown) return;
    shown = key;
    const { chosen, isLasting, problem } = telling;
    fill(told, chosen ? [t("tab.runs_on"), " ", h("strong", {}, nameOf(chosen))] : [spinner(), t("tab.measuring")]);
    fill(trials, telling.trials.map((trial) => trialLine(trial, chosen)));
    fill(
      problems,
      problem ? notice("bad", h("p", { dir: "auto" }, translated(problem))) : null,
      isLasting ? null : notice("warning", t("tab.not_kept")),
      globalThis.crossOriginIsolated ? null : notice("info", t("tab.one_thread")),
    );
  };
  const off = tab.watch(update);
  const element = h(
    "section",
    { class: "engine panel", "aria-label": t("tab.label") },
    h("div", { class: "engine-row" }, told, choice, again, keep, open, file),
    trials,
    problems,
    h("p", { class: "hint" }, t(state()["lab"] ? "tab.hint_lab" : "tab.hint")),
  );
  return { element, close: off };
}

/** @param {string} key */
function labelOf(key) {
  const choice = choiceOf(key);
  return choice ? nameOf(choice) : t("tab.fastest");
}

/**
 * @param {Trial} trial
 * @param {import("./worker/engine.js").Choice | null} chosen
 */
function trialLine({ choice, msPerStep, reason }, chosen) {
  const result = msPerStep === null ? t("tab.failed") : t("tab.ms", { ms: number(msPerStep, msPerStep < 10 ? 1 : 0) });
  const isChosen = chosen !== null && keyOf(chosen) === keyOf(choice);
  return h("li", { class: isChosen ? "is-chosen" : "", title: reason ? translated(reason) : "" }, nameOf(choice), ": ", ltr(result));
}
