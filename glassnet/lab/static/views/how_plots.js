// What the parts of How it works draw beside the network: the plane with its points, the square of the loss, the
// valley, the losses of the steps.

import { h, svg } from "../dom.js";
import { percent, t } from "../i18n.js";
import { color, onTheme } from "../theme.js";
import { drawing, plain, short, signed } from "./how_tools.js";

const CELLS = 24;

/**
 * The plane from -1 to 1: what the network says of each place as a background, and the points.
 * @param {{points: [number, number][], kinds: number[]}} set
 */
export function plane(set) {
  const canvas = h("canvas", { class: "how-plane-ground", width: CELLS, height: CELLS, "aria-hidden": "true" });
  const marks = svg("svg", { viewBox: "0 0 200 200", class: "how-plane-marks" });
  /** @type {number[]} */
  let shares = [];
  const paint = () => ground(canvas, shares);
  const off = onTheme(paint);
  /** @param {{points: [number, number][], kinds: number[]}} points */
  const place = (points, example = -1) => {
    marks.replaceChildren(...points.points.map((at, i) => mark(at, points.kinds[i] ?? 0, i === example)));
  };
  place(set);
  return {
    element: h("div", { class: "how-plane", dir: "ltr" }, canvas, marks),
    place,
    /**
     * @param {number[]} picture
     * @param {number | null} accuracy
     */
    show(picture, accuracy) {
      shares = picture;
      paint();
      const text = t("how.right", { share: percent(accuracy) });
      marks.setAttribute("role", "img");
      marks.setAttribute("aria-label", t("how.figure.picture", { text }));
    },
    close: off,
  };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} shares
 */
function ground(canvas, shares) {
  const context = canvas.getContext("2d");
  if (!context) return;
  context.clearRect(0, 0, CELLS, CELLS);
  const [first, second] = [color("--negative"), color("--positive")];
  shares.forEach((share, i) => {
    // A border is seen even where the network is hardly sure.
    context.globalAlpha = 0.12 + Math.abs(share - 0.5) * 1.2;
    context.fillStyle = share < 0.5 ? first : second;
    context.fillRect(i % CELLS, Math.floor(i / CELLS), 1, 1);
  });
}

/**
 * @param {[number, number]} place
 * @param {number} kind
 * @param {boolean} isChosen
 */
function mark([x, y], kind, isChosen) {
  const [left, top] = [100 + 100 * x, 100 - 100 * y];
  const names = `how-point ${kind ? "is-second" : "is-first"} ${isChosen ? "is-chosen" : ""}`;
  const size = isChosen ? 7 : 4;
  if (!kind) return svg("circle", { class: names, cx: left, cy: top, r: size });
  const d = `M${left} ${top - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z`;
  return svg("path", { class: names, d });
}

/** The answer and the right answer on a line, and the square over the distance between them: its area is the loss. */
export function lossSquare() {
  let [answer, target, loss] = [0, 0, 0];
  const box = drawing("how-square", ({ width, rem }) => {
    const [low, high] = [Math.min(-1, answer, target) - 0.5, Math.max(7, answer, target) + 0.5];
    const scale = Math.min((width - 2 * rem) / (high - low), 3.2 * rem);
    const x = (/** @type {number} */ value) => rem + (value - low) * scale;
    const side = Math.abs(answer - target) * scale;
    const line = Math.max(side + 2 * rem, 9 * rem);
    const height = line + 3.4 * rem;
    const left = x(Math.min(answer, target));
    const told = { answer: plain(answer), target: short(target), loss: plain(loss) };
    const ticks = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, i) => Math.ceil(low) + i);
    return svg(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("how.figure.square", told) },
      svg("rect", { class: "how-area", x: left, y: line - side, width: side, height: side }),
      side > 2.5 * rem
        ? svg("text", { class: "how-area-text", x: left + side / 2, y: line - side / 2, dy: "0.35em" }, told.loss)
        : svg("text", { class: "how-area-text", x: left + side / 2, y: line - side - 0.5 * rem }, told.loss),
      svg("line", { class: "how-axis", x1: x(low), x2: x(high), y1: line, y2: line }),
      ticks
        .map((tick) => [
          svg("line", { class: "how-axis", x1: x(tick), x2: x(tick), y1: line, y2: line + 0.3 * rem }),
          scale > 1.4 * rem || tick % 2 === 0
            ? svg("text", { class: "how-tick", x: x(tick), y: line + 1.3 * rem }, short(tick))
            : null,
        ])
        .flat(),
      pin(
        x(answer),
        line,
        rem,
        "how-pin-answer",
        t("how.answer"),
        side < 5 * rem && answer < target ? "end" : "middle",
      ),
      pin(
        x(target),
        line,
        rem,
        "how-pin-target",
        t("how.target"),
        side < 5 * rem && answer < target ? "start" : "middle",
      ),
    );
  });
  return {
    element: box.element,
    close: box.close,
    /** @param {{answer: number, target: number, loss: number}} next */
    show(next) {
      ({ answer, target, loss } = next);
      box.redraw();
    },
  };
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} rem
 * @param {string} names
 * @param {string} text
 * @param {string} anchor
 */
function pin(x, y, rem, names, text, anchor) {
  return svg(
    "g",
    { class: `how-pin ${names}` },
    svg("circle", { cx: x, cy: y, r: 0.45 * rem }),
    svg("text", { x, y: y + 2.8 * rem, "text-anchor": anchor }, text),
  );
}

/**
 * @typedef {object} Valley
 * @property {number[]} values of the weight
 * @property {number[]} losses
 * @property {number} at where we stand
 * @property {number} loss
 * @property {number} [slope] draws the tangent
 * @property {number[]} [path] values of the weight after each step
 * @property {number[]} [pathLosses]
 * @property {number} most the highest loss shown
 * @property {string} label
 */

export function valley() {
  /** @type {Valley | null} */
  let shown = null;
  const box = drawing("how-valley", (size) => (shown ? valleyOf(shown, size) : svg("svg")));
  return {
    element: box.element,
    close: box.close,
    /** @param {Valley} next */
    show(next) {
      shown = next;
      box.redraw();
    },
  };
}

/**
 * @param {Valley} shown
 * @param {{width: number, rem: number}} size
 */
function valleyOf(shown, { width, rem }) {
  const most = shown.most;
  const height = Math.max(15 * rem, Math.min(0.6 * width, 22 * rem));
  const [left, bottom] = [2.6 * rem, height - 2.4 * rem];
  const [low, high] = [shown.values[0] ?? 0, shown.values.at(-1) ?? 1];
  const x = (/** @type {number} */ value) => left + ((value - low) / (high - low)) * (width - left - rem);
  const y = (/** @type {number} */ loss) => bottom - (loss / most) * (bottom - rem);
  const curve = shown.values.map((value, i) => `${x(value)},${y(shown.losses[i] ?? 0)}`).join(" ");
  const ticks = Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, i) => Math.ceil(low) + i);
  const every = ticks.length * 2 * rem > width - left ? 2 : 1;
  return svg(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": shown.label },
    svg("line", { class: "how-axis", x1: left, x2: width - rem, y1: bottom, y2: bottom }),
    svg("line", { class: "how-axis", x1: left, x2: left, y1: bottom, y2: rem }),
    ticks
      .filter((tick) => tick % every === 0)
      .map((tick) => svg("text", { class: "how-tick", x: x(tick), y: bottom + 1.1 * rem }, short(tick))),
    [0, most / 2, most].map((loss) =>
      svg("text", { class: "how-tick is-end", x: left - 0.4 * rem, y: y(loss), dy: "0.35em" }, short(loss, 1)),
    ),
    svg("text", { class: "how-axis-name", x: (left + width) / 2, y: height - 0.3 * rem }, t("how.value")),
    svg("text", { class: "how-axis-name is-start", x: left + 0.5 * rem, y: 1.1 * rem }, t("how.loss")),
    svg("polyline", { class: "how-curve", points: curve }),
    shown.slope === undefined ? null : tangent(shown, shown.slope, { x, y, width, rem }),
    shown.path ? steps(shown, { x, y, rem, top: -2 * height }) : null,
    svg("circle", { class: "how-stand", cx: x(shown.at), cy: Math.max(y(shown.loss), -height), r: 0.55 * rem }),
  );
}

/**
 * @param {Valley} shown
 * @param {number} slope
 * @param {{x: (value: number) => number, y: (loss: number) => number, width: number, rem: number}} scale
 */
function tangent({ at, loss }, slope, { x, y, rem }) {
  // Of one length on the screen, however steep.
  const [dx, dy] = [x(1) - x(0), y(slope) - y(0)];
  const reach = (5 * rem) / Math.hypot(dx, dy);
  const text = `${t("how.slope")} ${signed(slope)}`;
  const isSteepDown = slope < 0;
  return svg(
    "g",
    {},
    svg("line", {
      class: "how-tangent",
      x1: x(at) - reach * dx,
      y1: y(loss) - reach * dy,
      x2: x(at) + reach * dx,
      y2: y(loss) + reach * dy,
    }),
    svg(
      "text",
      {
        class: "how-tangent-text",
        x: x(at) + (isSteepDown ? 1 : -1) * rem,
        y: y(loss) - 0.6 * rem,
        "text-anchor": isSteepDown ? "start" : "end",
      },
      text,
    ),
  );
}

/**
 * @param {Valley} shown
 * @param {{x: (value: number) => number, y: (loss: number) => number, rem: number, top: number}} scale
 */
function steps({ path = [], pathLosses = [] }, { x, y, rem, top }) {
  const at = path.map((value, i) => [x(value), Math.max(y(pathLosses[i] ?? 0), top)]);
  return svg(
    "g",
    {},
    svg("polyline", { class: "how-path", points: at.map((place) => place.join(",")).join(" ") }),
    at.map(([cx, cy]) => svg("circle", { class: "how-step", cx, cy, r: 0.28 * rem })),
  );
}

/** The loss after each step as a line. */
export function lossLine() {
  /** @type {number[]} */
  let losses = [];
  const box = drawing("how-losses", ({ width, rem }) => {
    const height = 8 * rem;
    const [left, bottom] = [2.6 * rem, height - 1.5 * rem];
    const most = Math.max(0.1, ...losses);
    const span = Math.max(20, losses.length - 1);
    const x = (/** @type {number} */ step) => left + (step / span) * (width - left - rem);
    const y = (/** @type {number} */ loss) => bottom - (loss / most) * (bottom - 0.8 * rem);
    const told = { first: plain(losses[0], 3), last: plain(losses.at(-1), 3) };
    return svg(
      "svg",
      { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": t("how.figure.losses", told) },
      svg("line", { class: "how-axis", x1: left, x2: width - rem, y1: bottom, y2: bottom }),
      svg("line", { class: "how-axis", x1: left, x2: left, y1: bottom, y2: 0.4 * rem }),
      [0, most].map((loss) =>
        svg("text", { class: "how-tick is-end", x: left - 0.4 * rem, y: y(loss), dy: "0.35em" }, plain(loss)),
      ),
      svg("text", { class: "how-tick", x: x(span), y: height - 0.2 * rem }, String(span)),
      svg("text", { class: "how-axis-name is-start", x: left + 0.5 * rem, y: rem }, t("how.loss")),
      svg("text", { class: "how-axis-name", x: (left + width) / 2, y: height - 0.2 * rem }, t("how.step_number")),
      svg("polyline", { class: "how-curve", points: losses.map((loss, i) => `${x(i)},${y(loss)}`).join(" ") }),
    );
  });
  return {
    element: box.element,
    close: box.close,
    /** @param {number[]} next */
    show(next) {
      losses = next;
      box.redraw();
    },
  };
}
