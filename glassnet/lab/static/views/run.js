// One run: its controls, its numbers and curves, its pictures, and every moment of its training.

import { fill, h, ltr } from "../dom.js";
import { stateBadge } from "../home/badge.js";
import { count, t } from "../i18n.js";
import { translated } from "../messages.js";
import { answers } from "../run/answers.js";
import { charts } from "../run/charts.js";
import { confusionBox } from "../run/confusion.js";
import { drawings } from "../run/drawings.js";
import { figures } from "../run/figures.js";
import { keeping } from "../run/keeping.js";
import { player } from "../run/player.js";
import { settingsList, tuning } from "../run/tuning.js";
import { momentOf, scrubber } from "../scrubber.js";
import { openRun } from "../store.js";
import { errorBox, notice, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/**
 * @param {import("../shell.js").Context} context
 * @returns {import("../shell.js").View}
 */
export default function run({ source, state }) {
  const name = state["run"];
  if (!name) return { element: h("div", {}, h("h1", {}, t("nav.run")), notice("info", t("run.none"))) };
  const store = openRun(source, name);
  const place = h("div", { class: "run-place" }, spinner());
  const element = h("div", { class: "run" }, place);
  const heading = h("h1", {}, ltr(name));
  fill(place, heading, spinner());
  /** @type {ReturnType<typeof workbench> | null} */
  let bench = null;
  let isClosed = false;
  const build = () => {
    if (isClosed || bench) return;
    if (!store.details)
      return void fill(
        place,
        heading,
        errorBox(store.error, () => void store.refresh().then(build)),
      );
    bench = workbench(store, heading);
    fill(place, bench.element);
  };
  store.ready.then(build);
  return {
    element,
    update: () => bench?.follow(),
    close() {
      isClosed = true;
      bench?.close();
      store.close();
    },
  };
}

/**
 * @param {RunStore} store
 * @param {HTMLElement} heading
 */
function workbench(store, heading) {
  const isDrawing = store.details?.settings["task"] === "houses";
  const canSteer = store.source.can.steer;
  const [top, notices] = [about(store, heading), messages(store)];
  const [numbers, curves, keep, knobs] = [figures(store), charts(store), keeping(store), tuning(store)];
  const controls = canSteer ? player(store) : null;
  const pictures = isDrawing ? drawings(store) : answers(store);
  const confusion = isDrawing ? null : confusionBox(store);
  const steps = () => (isDrawing && store.pictured.length > 0 ? store.pictured : store.moments);
  const show = () => {
    const step = momentOf(Object.fromEntries(new URLSearchParams(location.search)));
    pictures.show(step);
    confusion?.show(step);
    curves.setCursor(step);
  };
  const moments = scrubber(store, { onMoment: show, steps });
  const update = () => {
    for (const part of [top, notices, numbers, curves, keep, knobs, controls]) part?.update();
    show();
  };
  const off = store.subscribe(update);
  update();
  const element = h(
    "div",
    { class: "workbench", data: { task: store.details?.settings["task"] } },
    h("div", { class: "deck" }, top.element, controls?.element),
    notices.element,
    numbers.element,
    h("div", { class: "moments panel" }, moments.element),
    h(
      "div",
      { class: "bench" },
      h("div", { class: "pictures" }, pictures.element, isDrawing && canSteer ? knobs.element : null),
      h("div", { class: "curves" }, curves.element, !isDrawing && canSteer ? knobs.element : null),
    ),
    confusion?.element,
    canSteer ? keep.element : null,
    settingsList(store),
  );
  return {
    element,
    follow: () => moments.update(),
    close() {
      off();
      moments.close();
      curves.close();
    },
  };
}

/**
 * Name, state and size of a run.
 * @param {RunStore} store
 * @param {HTMLElement} heading
 */
function about(store, heading) {
  const badge = h("span", {});
  const told = h("p", { class: "lead" });
  const update = () => {
    const state = store.status?.state ?? "idle";
    if (badge.dataset["state"] !== state) fill(badge, stateBadge(state));
    badge.dataset["state"] = state;
    const settings = store.details?.settings ?? {};
    const started = store.last["started"] ?? store.details?.started;
    const parts = [t(`task.${settings["task"]}`), settings["model"]];
    if (started)
      parts.push(count("home.weights", started["num_weights"]), count("run.examples", started["num_examples"]));
    const known = parts.filter(Boolean);
    // Each by itself, or a name and the number behind it would change places in Hebrew.
    const nodes = known.flatMap((part, i) => [i ? " · " : null, h("bdi", {}, part)]);
    if (told.textContent !== known.join(" · ")) fill(told, nodes);
  };
  return {
    element: h("header", { class: "run-header" }, h("div", { class: "run-heading" }, heading, badge), told),
    update,
  };
}

/**
 * What a person should know: a crash, a lost connection, what the training itself noticed.
 * @param {RunStore} store
 */
function messages(store) {
  const element = h("div", { class: "run-messages" });
  let shown = "";
  const update = () => {
    const error = store.status?.state === "crashed" ? (store.status.error ?? "") : null;
    const reason = store.isAlive ? null : (store.last["finished"]?.["reason"] ?? null);
    const key = JSON.stringify([
      error,
      reason,
      store.isLost,
      store.status?.state,
      store.notices.map((event) => event["message"]),
    ]);
    if (key === shown) return;
    shown = key;
    fill(
      element,
      error === null
        ? null
        : notice(
            "bad",
            h("p", {}, t(store.details?.checkpoint === null ? "run.crashed_early" : "run.crashed")),
            error ? h("pre", { dir: "auto", tabindex: 0 }, translated(error)) : null,
          ),
      store.isLost ? notice("warning", t("connection.lost")) : null,
      store.status?.state === "starting" ? notice("info", t("run.starting")) : null,
      reason === "nothing improves any more" ? notice("info", t("reason.patience")) : null,
      store.notices.map((event) => notice("info", h("p", { dir: "auto" }, translated(event["message"])))),
    );
  };
  return { element, update };
}
