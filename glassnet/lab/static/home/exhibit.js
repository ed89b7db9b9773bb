// One of the three exhibits: a picture of the newest run, what it has reached, and the button that starts another.

import { fill, h, ltr } from "../dom.js";
import { count, number, percent, t } from "../i18n.js";
import { link } from "../router.js";
import { drawPixels } from "../tiles.js";
import { button } from "../widgets.js";
import { stateBadge } from "./badge.js";
import { sparkline } from "./sparkline.js";

/** @typedef {import("../source/source.js").Summary} Summary */
/** @typedef {import("../source/source.js").Pixels} Pixels */
/** @typedef {import("./properties.js").TaskInfo} TaskInfo */
/** @typedef {{run: Summary | undefined, pictures: Pixels | null, losses: number[]}} Shown */

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
  const choose = button(t("home.choose"), onChoose, {
    "aria-label": t("home.choose_for", { task: t(`task.${name}`) }),
  });
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
  const line = sparkline();
  let shown = "";
  const update = (/** @type {TaskInfo} */ info, /** @type {Shown} */ { run, pictures, losses }) => {
    const key = JSON.stringify([info["needs"], info["is_available"], run, pictures, losses]);
    if (key === shown) return;
    shown = key;
    start.disabled = !info["is_available"];
    fill(needs, info["needs"] ? needsOf(name, info["needs"]) : null);
    fill(picture, pictureOf(name, run, pictures));
    fill(told, run ? [h("div", {}, toldOf(run)), line.element] : null);
    line.update(losses);
  };
  return { element, update, close: line.close };
}

/**
 * @param {string} task
 * @param {Summary | undefined} run
 * @param {Pixels | null} pictures
 */
function pictureOf(task, run, pictures) {
  if (!run) return h("p", { class: "exhibit-empty" }, t(`home.empty_${task}`));
  const name = h("span", { class: "visually-hidden" }, t("home.open_run", { run: run.run }));
  const wall = pictures
    ? Array.from({ length: pictures.shape[0] }, (_, i) => drawPixels(pictures, i, { isInk: task === "houses" }))
    : null;
  return link(
    { view: "run", run: run.run, class: "exhibit-link" },
    h("span", { class: "exhibit-wall", "aria-hidden": "true" }, wall),
    name,
  );
}

/** @param {Summary} run */
function toldOf(run) {
  const isAccurate = run.accuracy !== null;
  const reached = isAccurate ? percent(run.accuracy, 1) : number(run.validation_loss ?? run.loss);
  return [
    h(
      "p",
      { class: "exhibit-figure" },
      h("span", { class: "figure" }, ltr(reached)),
      " ",
      h("span", { class: "soft" }, t(isAccurate ? "home.accuracy" : "home.loss")),
    ),
    h("p", { class: "soft" }, stateBadge(run.state), " ", count("home.steps", run.step)),
  ];
}

/**
 * What is missing, and how one gets it; what else was said is shown as it is.
 * @param {string} task
 * @param {string} said
 */
function needsOf(task, said) {
  const command = `glassnet data get ${task}`;
  const isData = said.includes(command);
  return h(
    "p",
    { class: "needs", dir: "auto" },
    isData ? [t("home.needs_data"), " ", h("code", { dir: "ltr" }, command)] : said,
  );
}
