// My runs: what each is, how far it is, and what can be done with it.

import { fill, h, ltr } from "../dom.js";
import { ago, count, number, percent, t } from "../i18n.js";
import { link } from "../router.js";
import { resume } from "../run/resume.js";
import { runPath } from "../source/source.js";
import { forgetRun } from "../store.js";
import { drawPixels } from "../tiles.js";
import { busy, button, confirmed, errorText, say } from "../widgets.js";
import { stateBadge } from "./badge.js";

/** @typedef {import("../source/source.js").Source} Source */
/** @typedef {import("../source/source.js").Summary} Summary */

const ALIVE = ["starting", "running", "paused"];

/**
 * @param {Source} source
 * @param {() => void} onChange after something was done to a run
 */
export function runList(source, onChange) {
  const element = h("ul", { class: "runs" });
  const empty = h("p", { class: "soft" }, t("home.no_runs"));
  /** @type {Map<string, {element: HTMLElement, key: string}>} */
  const rows = new Map();
  const update = (/** @type {Summary[]} */ runs) => {
    for (const name of rows.keys()) if (!runs.some((run) => run.run === name)) rows.delete(name);
    for (const run of runs) {
      const key = JSON.stringify([run, ago(run.changed_at)]);
      const row = rows.get(run.run) ?? { element: h("li", { class: "run-row" }), key: "" };
      rows.set(run.run, row);
      if (row.key === key) continue;
      row.key = key;
      refill(row.element, () => rowOf(source, run, onChange));
    }
    const inOrder = runs.map((run) => /** @type {{element: HTMLElement}} */ (rows.get(run.run)).element);
    const isSame = inOrder.length === element.children.length && inOrder.every((row, i) => element.children[i] === row);
    if (!isSame) fill(element, inOrder);
    empty.hidden = runs.length > 0;
  };
  return { element: h("div", {}, empty, element), update };
}

/**
 * Draw a row anew, and leave the keyboard where it was.
 * @param {HTMLElement} row
 * @param {() => import("../dom.js").Children[]} make
 */
function refill(row, make) {
  const action = row.contains(document.activeElement) ? document.activeElement?.getAttribute("data-action") : null;
  fill(row, ...make());
  if (action) /** @type {HTMLElement | null} */ (row.querySelector(`[data-action="${action}"]`))?.focus();
}

/**
 * @param {Source} source
 * @param {Summary} run
 * @param {() => void} onChange
 * @returns {import("../dom.js").Children[]}
 */
function rowOf(source, run, onChange) {
  const name = link({ view: "run", run: run.run, class: "run-title" }, ltr(run.run));
  name.dataset["action"] = "name";
  const what = [
    t(`task.${run.task}`),
    run.model,
    run.num_weights === null ? "" : count("home.weights", run.num_weights),
  ];
  return [
    h("div", { class: "run-picture", "aria-hidden": "true" }, thumbnails(run)),
    h(
      "div",
      { class: "run-what" },
      h("h3", {}, name, " ", stateBadge(run.state)),
      h("p", { class: "soft" }, what.filter(Boolean).join(" · ")),
      run.reason === "nothing improves any more" ? h("p", { class: "soft" }, t("reason.patience")) : null,
    ),
    figuresOf(run),
    actionsOf(source, run, onChange),
  ];
}

/** @param {Summary} run */
function thumbnails({ thumbnail, task }) {
  if (!thumbnail) return null;
  return Array.from({ length: thumbnail.shape[0] }, (_, i) => drawPixels(thumbnail, i, { isInk: task === "houses" }));
}

/** @param {Summary} run */
function figuresOf(run) {
  const figures = [
    [t("home.step"), number(run.step)],
    [t("home.loss"), number(run.loss)],
    run.accuracy === null
      ? [t("home.test_loss"), number(run.validation_loss)]
      : [t("home.accuracy"), percent(run.accuracy, 1)],
    [t("home.changed"), ago(run.changed_at)],
  ];
  return h(
    "dl",
    { class: "run-figures" },
    figures.map(([label, value]) =>
      h("div", {}, h("dt", {}, label), h("dd", { class: "figure" }, h("bdi", {}, value))),
    ),
  );
}

/**
 * @param {Source} source
 * @param {Summary} run
 * @param {() => void} onChange
 */
function actionsOf(source, run, onChange) {
  const isAlive = ALIVE.includes(run.state);
  const open = link({ view: "run", run: run.run, class: "button" }, t("home.open"));
  open.dataset["action"] = "open";
  const more = button(
    t("home.resume"),
    async () => {
      const reached = { step: run.step, elapsedS: run.elapsed_s ?? 0 };
      if (await resume(source, run.run, reached)) onChange();
    },
    { data: { action: "resume" } },
  );
  const away = button(t("home.delete"), () => remove(), { class: "quiet", data: { action: "delete" } });
  const remove = async () => {
    if (await deleted(source, run.run, away)) onChange();
  };
  for (const action of [open, more, away]) {
    action.setAttribute("aria-label", `${action.textContent}: ${run.run}`);
  }
  return h("div", { class: "buttons" }, open, isAlive ? null : more, isAlive ? null : away);
}

/**
 * Delete a run, if a person is sure.
 * @param {Source} source
 * @param {string} run
 * @param {Element} pressed
 */
export async function deleted(source, run, pressed) {
  if (!(await confirmed(t("delete.title"), t("delete.text", { run }), t("delete.verb")))) return false;
  try {
    await busy(source.del(runPath(run)), pressed);
  } catch (error) {
    say(errorText(error), "bad");
    return false;
  }
  forgetRun(run);
  say(t("delete.done", { run }), "good");
  return true;
}
