// The loss around the weights: down the gradient, and as a map of a plane. It takes seconds, so it is asked for.

import { lineChart } from "../chart.js";
import { fill, h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { busy, button, errorBox, select, spinner } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

/**
 * @typedef {object} Around
 * @property {number} step
 * @property {number} num_examples
 * @property {{step_sizes: number[], down: (number | null)[], random: (number | null)[], loss: number,
 *   slope: number}} loss_along_gradient
 * @property {{directions: string[], across: number[], up: number[], losses: (number | null)[][]}} loss_slice
 */

const NUM_LEVELS = 8;
const CELL_PX = 56; // of the canvas, which is shown at half its size or less: sharp on any screen
const TEXT_PX = 34; // half the width of a loss
const WRITTEN_EVERY = 3; // so many cells: there is room for no more

/**
 * @param {RunStore} store
 * @returns {{element: HTMLElement, show: (step: number | null) => void, close: () => void}}
 */
export function surroundings(store) {
  let plane = "random";
  /** @type {number | null} */
  let step = null;
  /** @type {ReturnType<typeof lineChart> | null} */
  let chart = null;
  const place = h("div", { class: "around", "aria-live": "polite" });
  const choice = select({
    value: plane,
    options: [["random", t("inside.plane_random")], ["gradient", t("inside.plane_gradient")]],
    onChange: (value) => (plane = value),
  });
  choice.setAttribute("aria-label", t("inside.plane"));
  const ask = async () => {
    fill(place, spinner(), h("span", { class: "soft" }, " ", t("inside.takes_seconds")));
    try {
      draw(await store.source.get(runPath(store.run, "surroundings"), { step, plane }));
    } catch (error) {
      fill(place, errorBox(error));
    }
  };
  const measure = button(t("inside.measure"), () => void busy(ask(), measure), { class: "primary" });
  const draw = (/** @type {Around} */ around) => {
    const along = around.loss_along_gradient;
    chart?.close();
    chart = lineChart({
      title: t("inside.along"),
      xLabel: t("inside.step_size"),
      series: [
        { label: t("inside.down"), color: "--accent" },
        { label: t("inside.promised"), color: "--series-4", dash: [2, 4] },
        { label: t("inside.aside"), color: "--series-5", dash: [8, 4] },
      ],
      description: t("inside.along_label"),
    });
    // What the slope alone promises, as far down as the loss itself goes.
    const lowest = Math.min(...along.down.filter((loss) => loss !== null));
    const straight = along.step_sizes.map((size) => along.loss - along.slope * size);
    const promised = straight.map((loss) => (loss < lowest ? null : loss));
    chart.update(along.step_sizes, [along.down, promised, along.random]);
    const told = t("inside.around_told", { step: number(around.step), num: number(around.num_examples) });
    const both = h("div", { class: "around-both" }, chart.element, map(around.loss_slice));
    fill(place, h("p", { class: "soft" }, told), both);
  };
  const element = h(
    "section",
    { class: "panel", "aria-labelledby": "around-title" },
    h("h2", { id: "around-title" }, t("inside.around")),
    h("p", { class: "soft" }, t("inside.around_lead")),
    h("p", { class: "buttons" }, choice, measure),
    place,
  );
  return {
    element,
    show: (now) => {
      step = now;
    },
    close: () => chart?.close(),
  };
}

/**
 * The plane as a map in a few steps of gray, with the loss written into it.
 * @param {Around["loss_slice"]} slice
 */
function map({ directions, across, up, losses }) {
  const known = losses.flat().filter((loss) => loss !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const levelOf = (/** @type {number} */ loss) => {
    const share = Math.log1p(loss - least) / (Math.log1p(most - least) || 1);
    return Math.min(NUM_LEVELS - 1, Math.floor(share * NUM_LEVELS));
  };
  const [columns, rows] = [across.length, up.length];
  const [width, height] = [columns * CELL_PX, rows * CELL_PX];
  const canvas = h("canvas", { width, height, role: "img", class: "around-map" });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const [centerRow, centerColumn] = [(rows - 1) / 2, (columns - 1) / 2];
  losses.forEach((line, row) =>
    line.forEach((loss, column) => {
      const gray = loss === null ? 255 : 30 + (225 * levelOf(loss)) / NUM_LEVELS;
      const [left, top] = [column * CELL_PX, height - (row + 1) * CELL_PX];
      context.fillStyle = `rgb(${gray * 0.75} ${gray * 0.95} ${gray})`;
      context.fillRect(left, top, CELL_PX, CELL_PX);
      const isWritten = (row - centerRow) % WRITTEN_EVERY === 0 && (column - centerColumn) % WRITTEN_EVERY === 0;
      const x = Math.min(Math.max(left + CELL_PX / 2, TEXT_PX), width - TEXT_PX);
      if (isWritten) write(context, loss, x, top + CELL_PX / 2);
    }),
  );
  context.lineWidth = 4;
  context.strokeStyle = "#fff";
  context.strokeRect(centerColumn * CELL_PX - 10, centerRow * CELL_PX - 2, CELL_PX + 20, CELL_PX + 4);
  const middle = losses[centerRow]?.[centerColumn] ?? null;
  const range = { middle: number(middle), least: number(least), most: number(most) };
  canvas.setAttribute("aria-label", t("inside.map_label", range));
  return h(
    "figure",
    { class: "around-figure" },
    h("figcaption", {}, h("strong", {}, t("inside.map"))),
    canvas,
    h("p", { class: "hint" }, t("inside.map_axes", { across: axisOf(directions[0]), up: axisOf(directions[1]) })),
    h("p", { class: "hint" }, t("inside.map_range"), " ", ltr(`${number(least)} – ${number(most)}`)),
  );
}

/** @param {string | undefined} direction in the words of the server */
function axisOf(direction) {
  return t(direction?.includes("gradient") ? "inside.axis_gradient" : "inside.axis_random");
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number | null} loss
 * @param {number} x
 * @param {number} y
 */
function write(context, loss, x, y) {
  const text = number(loss);
  context.font = "600 24px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 6;
  context.lineJoin = "round";
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
