// A house drawn by hand, and what the network makes of it: some of the drawing is lost in noise, and found again.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { state } from "../router.js";
import { momentOf } from "../scrubber.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";
import { busy, button, errorBox, slider } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {import("../source/source.js").Pixels} Pixels */

const [SIDE_PX, PEN_PX] = [280, 14];
const [LEAST_KEPT, MOST_KEPT, KEPT] = [0.1, 0.9, 0.5];
// A wall, a roof and a door, for whoever draws with the keyboard.
const SIMPLE = [
  [60, 250, 60, 140, 220, 140, 220, 250, 60, 250],
  [45, 145, 140, 50, 235, 145],
  [120, 250, 120, 190, 160, 190, 160, 250],
];

/**
 * @param {RunStore} store
 * @returns {HTMLElement}
 */
export function sketch(store) {
  const paper = h("canvas", { class: "try-paper", width: SIDE_PX, height: SIDE_PX, role: "img", "aria-label": t("sketch.paper") });
  const pen = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d"));
  const made = h("div", { class: "try-wall", "aria-live": "polite" });
  let kept = KEPT;
  const clear = () => {
    pen.fillStyle = "white";
    pen.fillRect(0, 0, SIDE_PX, SIDE_PX);
    pen.lineWidth = PEN_PX;
    pen.lineCap = pen.lineJoin = "round";
    pen.strokeStyle = "black";
    fill(made);
  };
  const simple = () => {
    clear();
    for (const line of SIMPLE) stroke(pen, line);
  };
  const ask = async () => {
    const blob = await new Promise((resolve) => paper.toBlob(resolve));
    const params = { step: momentOf(state()), kept };
    try {
      const answer = await busy(store.source.post(runPath(store.run, "sketch"), blob, params), go);
      const num = /** @type {Pixels} */ (answer.made).shape[0];
      fill(made, Array.from({ length: num }, (_, i) => drawPixels(answer.made, i)));
    } catch (error) {
      fill(made, errorBox(error));
    }
  };
  const go = button(t("sketch.go"), () => void ask(), { class: "primary" });
  const amount = slider({
    label: t("sketch.kept"),
    min: LEAST_KEPT,
    max: MOST_KEPT,
    step: 0.05,
    value: KEPT,
    format: (value) => `${Math.round(100 * value)} %`,
    onInput: (value) => (kept = value),
  });
  listen(paper, pen);
  clear();
  const buttons = [go, button(t("sketch.simple"), simple), button(t("sketch.clear"), clear, { class: "quiet" })];
  return h(
    "section",
    { class: "try-sketch panel", "aria-labelledby": "sketch-title" },
    h("h2", { id: "sketch-title" }, t("sketch.title")),
    h("p", { class: "hint" }, t("sketch.hint")),
    h("div", { class: "try-sketch-row" }, paper, h("div", {}, amount.element, h("p", { class: "buttons" }, buttons), made)),
  );
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number[]} line x and y by turns
 */
function stroke(pen, line) {
  pen.beginPath();
  for (let i = 0; i < line.length; i += 2) pen.lineTo(line[i] ?? 0, line[i + 1] ?? 0);
  pen.stroke();
}

/**
 * Lines where a finger, a pen or the mouse goes.
 * @param {HTMLCanvasElement} paper
 * @param {CanvasRenderingContext2D} pen
 */
function listen(paper, pen) {
  /** @type {[number, number] | null} */
  let last = null;
  const place = (/** @type {PointerEvent} */ event) => {
    const box = paper.getBoundingClientRect();
    const scale = SIDE_PX / box.width;
    return /** @type {[number, number]} */ ([(event.clientX - box.left) * scale, (event.clientY - box.top) * scale]);
  };
  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(pen, [...last, last[0] + 0.1, last[1]]);
  });
  paper.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    stroke(pen, [...last, ...next]);
    last = next;
  });
  for (const end of ["pointerup", "pointercancel"]) paper.addEventListener(end, () => (last = null));
}
