// One of the three exhibits: a picture of the newest run, what it has reached, and the button that starts another.

import { fill, h, ltr } from "../dom.js";
import { count, number, percent, t } from "../i18n.js";
import { link } from "../router.js";
import { pictureGrid } from "../tiles.js";
import { button } from "../widgets.js";
import { stateBadge } from "./badge.js";

/** @typedef {import("../source/source.js").Summary} Summary */
/** @typedef {import("./properties.js").TaskInfo} TaskInfo */

/**
 * @param {TaskInfo} task
 * @param {{onStart: (button: HTMLButtonElement) => void, onChoose: () => void}} how
 */
export function exhibit(task, { onStart, onChoose }) {
  const name = task["name"];
  const picture = h("div", { class: "exhibit-picture" });
  const told = h("div", { class: "exhibit-told" });
  const needs = h("div", { class: "exhibit-needs" });
  const start = button(t("home.start"), () => onStart(start), { class: "primary" });
  const choose = button(t("home.choose"), onChoose, { "aria-label": t("home.choose_for", { task: t(`task.${name}`) }) });
  start.setAttribute("aria-label", t("home.start_task", { task: t(`task.${name}`) }));
  const element = h(
    "article",
    { class: "exhibit panel", data: { task: name } },
    picture,
    h("h2", {}, t(`task.${name}`)),
    h("p", { class: "soft" }, t(`home.about_${name}`)),
    told,
    needs,
    h("p", { class: "buttons" }, start, choose),
  );
  let shown = "";
  const update = (/** @type {TaskInfo} */ info, /** @type {Summary | undefined} */ run) => {
    const key = JSON.stringify([info["needs"], info["is_available"], run]);
    if (key === shown) return;
    shown = key;
    start.disabled = !info["is_available"];
    fill(needs, info["is_available"] || !info["needs"] ? null : h("p", { class: "needs", dir: "auto" }, info["needs"]));
    fill(picture, pictureOf(name, run));
    fill(told, run ? toldOf(run) : null);
  };
  return { element, update };
}

/**
 * @param {string} task
 * @param {Summary | undefined} run
 */
function pictureOf(task, run) {
  if (!run?.thumbnail) return h("p", { class: "exhibit-empty" }, t(`home.empty_${task}`));
  return link({ view: "run", run: run.run, class: "exhibit-link" }, pictureGrid(run.thumbnail, {}), h("span", { class: "visually-hidden" }, t("home.open_run", { run: run.run })));
}

/** @param {Summary} run */
function toldOf(run) {
  const reached = run.accuracy === null ? [t("home.loss"), number(run.validation_loss ?? run.loss)] : [t("home.accuracy"), percent(run.accuracy, 1)];
  return [
    h("p", { class: "exhibit-figure" }, h("span", { class: "figure" }, ltr(reached[1])), " ", h("span", { class: "soft" }, reached[0])),
    h("p", { class: "soft" }, stateBadge(run.state), " ", count("home.steps", run.step)),
  ];
}
