// What can be done with the weights of the moment that is shown: save them, train on from them; or delete the run.

import { deleted } from "../home/runs.js";
import { openTab } from "../home/tab.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { go, state } from "../router.js";
import { momentOf } from "../scrubber.js";
import { runPath } from "../source/source.js";
import { busy, button, errorText, say } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, update: () => void}}
 */
export function keeping(store) {
  const { source, run } = store;
  const save = button(t("keep.save"), () => {
    const saving = source.download(runPath(run, "network"), { step: momentOf(state()) });
    busy(saving, save).catch((error) => say(errorText(error), "bad"));
  });
  const on = button(t("keep.train_on"), () => go(trainOn(store)));
  const inTab = button(t("tab.go_on"), () => {
    say(t("tab.preparing"));
    openTab(source, runPath(run, "tab"), {}, inTab).catch((error) => say(errorText(error), "bad"));
  });
  const away = button(t("home.delete"), () => remove(), { class: "quiet" });
  const remove = async () => {
    if (await deleted(source, run, away)) go({ view: "home" });
  };
  const update = () => {
    inTab.disabled = store.details?.checkpoint === null;
    save.disabled = on.disabled = store.details?.checkpoint === null && store.moments.length === 0;
    away.hidden = store.isAlive;
  };
  const parts = source.can.train ? [save, on, source.can.tab ? inTab : null, away] : [save];
  const element = h(
    "section",
    { class: "keeping panel", "aria-labelledby": "keeping-title" },
    h("h2", { id: "keeping-title" }, t("keep.title")),
    h("p", { class: "hint" }, t("keep.hint")),
    h("p", { class: "buttons" }, parts),
  );
  return { element, update };
}

/** @param {RunStore} store */
function trainOn(store) {
  const settings = store.details?.settings ?? {};
  const step = momentOf(state());
  const start = step === null ? store.run : `${store.run}@${step}`;
  const place = settings["task"] === "folder" ? { folder: settings["data"] } : { data: settings["data"] };
  return { view: "home", new: settings["task"], ...place, model: settings["model"], start };
}
