// A line of losses without axes: which way it goes.

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { color, onTheme, rem } from "../theme.js";

const WIDTH_REM = 6;
const HEIGHT_REM = 3.4;

/** @returns {{element: HTMLCanvasElement, update: (losses: number[]) => void, close: () => void}} */
export function sparkline() {
  const element = h("canvas", { class: "sparkline", role: "img" });
  /** @type {number[]} */
  let shown = [];
  const draw = () => {
    element.hidden = shown.length < 2;
    if (!element.hidden) drawLine(element, shown);
  };
  const off = onTheme(draw);
  const update = (/** @type {number[]} */ losses) => {
    shown = losses;
    const [first, last] = [losses[0], losses.at(-1)];
    element.setAttribute("aria-label", t("home.sparkline", { first: number(first), last: number(last) }));
    draw();
  };
  draw();
  return { element, update, close: off };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} losses
 */
function drawLine(canvas, losses) {
  const [width, height] = [WIDTH_REM * rem(), HEIGHT_REM * rem()];
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.inlineSize = `${width}px`;
  canvas.style.blockSize = `${height}px`;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(devicePixelRatio, devicePixelRatio);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const inset = 3;
  const xOf = (/** @type {number} */ i) => inset + (i / (losses.length - 1)) * (width - 2 * inset);
  const yOf = (/** @type {number} */ loss) => inset + ((high - loss) / (high - low || 1)) * (height - 2 * inset);
  context.strokeStyle = color("--series-2");
  context.lineWidth = rem() / 9;
  context.lineJoin = "round";
  context.beginPath();
  losses.forEach((loss, i) => context.lineTo(xOf(i), yOf(loss)));
  context.stroke();
}
