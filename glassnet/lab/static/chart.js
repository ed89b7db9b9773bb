// Lines over a training: uPlot with a legend that shows numbers, a logarithmic option and a table of what is drawn.

import { fill, h } from "./dom.js";
import { number, t } from "./i18n.js";
import { color, onTheme, rem } from "./theme.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";

/** @typedef {(number | null | undefined)[]} Column */
/** @typedef {(value: number) => string} Format */
/** @typedef {{label: string, dash?: number[], color?: string, width?: number, format?: Format}} Series */

const ROWS_IN_TABLE = 25;
const COLORS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];

/**
 * @param {object} how
 * @param {string} how.title
 * @param {string} how.xLabel
 * @param {string} [how.yLabel]
 * @param {Series[]} how.series `color` names a variable of style.css; "--series-1" and on where none is given
 * @param {string} how.description a sentence that says what is seen, for those who do not see it
 * @param {boolean} [how.canLog] with a switch for a logarithmic axis
 * @param {boolean} [how.isLog] logarithmic at first
 * @param {boolean} [how.isLogX] the other axis is logarithmic; all x must then be above 0
 * @param {number} [how.heightRem]
 * @param {[number | null, number | null]} [how.yRange] limits of the upright axis; null follows the numbers
 * @returns {{element: HTMLElement, update: (xs: Column, ys: Column[]) => void, setCursor: (x: number | null) => void,
 *   describe: (text: string) => void, close: () => void}}
 */
export function lineChart(how) {
  const state = { data: /** @type {Column[]} */ ([[], ...how.series.map(() => [])]), isLog: how.isLog ?? false };
  const place = h("div", { class: "chart-plot", dir: "ltr", role: "img", "aria-label": how.description });
  const legend = legendOf(how.series);
  const table = numbersTable(how, () => state.data);
  /** @type {{plot: uPlot | null, x: number | null, isVisible: boolean, isStale: boolean}} */
  const drawn = { plot: null, x: null, isVisible: false, isStale: true };

  const make = () => {
    drawn.plot?.destroy();
    const options = optionsOf(how, state.isLog, place.clientWidth, legend, () => drawn.x);
    drawn.plot = new uPlot(options, plotted(state.data), place);
    drawn.isStale = false;
  };
  const draw = () => {
    if (!drawn.isVisible || place.clientWidth === 0) return;
    if (!drawn.plot) make();
    else if (drawn.isStale) drawn.plot.setData(plotted(state.data));
    drawn.isStale = false;
  };
  const again = () => {
    drawn.plot?.destroy();
    drawn.plot = null;
    draw();
  };

  const log = h("input", { type: "checkbox", checked: state.isLog });
  log.addEventListener("change", () => {
    state.isLog = log.checked;
    again();
  });
  const resizing = new ResizeObserver(() => {
    drawn.plot?.setSize({ width: place.clientWidth, height: heightOf(how) });
    draw();
  });
  const seeing = new IntersectionObserver((entries) => {
    drawn.isVisible = entries.at(-1)?.isIntersecting ?? false;
    draw();
  });
  resizing.observe(place);
  seeing.observe(place);
  const offTheme = onTheme(again);
  place.style.minHeight = `${heightOf(how)}px`;

  const element = h(
    "figure",
    { class: "chart" },
    h(
      "figcaption",
      {},
      h("span", { class: "chart-title" }, how.title),
      legend.element,
      how.canLog ? h("label", { class: "check" }, log, t("chart.log")) : null,
    ),
    place,
    table,
  );
  return {
    element,
    update(xs, ys) {
      state.data = [xs, ...ys];
      drawn.isStale = true;
      legend.showLast(state.data);
      draw();
    },
    setCursor(x) {
      if (drawn.x === x) return;
      drawn.x = x;
      drawn.plot?.redraw(false);
    },
    describe: (text) => place.setAttribute("aria-label", text),
    close() {
      resizing.disconnect();
      seeing.disconnect();
      offTheme();
      drawn.plot?.destroy();
    },
  };
}

/**
 * Curves over different steps as the columns of one chart, with gaps where a curve has nothing.
 * @param {{xs: number[], ys: Column[]}[]} curves
 * @returns {{xs: Column, ys: Column[]}}
 */
export function aligned(curves) {
  const joined = uPlot.join(curves.map((curve) => plotted([curve.xs, ...curve.ys])));
  const [xs = [], ...ys] = /** @type {Column[]} */ (joined);
  return { xs, ys };
}

/** @param {Column[]} columns */
function plotted(columns) {
  return /** @type {import("./vendor/uplot/uPlot.esm.js").AlignedData} */ (columns);
}

/** @param {{heightRem?: number}} how */
function heightOf({ heightRem = 18 }) {
  return Math.round(heightRem * rem());
}

/**
 * @param {Parameters<typeof lineChart>[0]} how
 * @param {boolean} isLog
 * @param {number} width
 * @param {ReturnType<typeof legendOf>} legend
 * @param {() => number | null} cursor
 * @returns {import("./vendor/uplot/uPlot.esm.js").Options}
 */
function optionsOf(how, isLog, width, legend, cursor) {
  const size = rem();
  const font = `${Math.round(size * 0.8)}px system-ui, sans-serif`;
  const axis = {
    stroke: () => color("--ink-soft"),
    font,
    labelFont: font,
    labelSize: size * 1.3,
    grid: { stroke: () => color("--line-soft"), width: 1 },
    ticks: { stroke: () => color("--line"), width: 1, size: 4 },
    values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) =>
      splits.map((x) => (x === null ? null : brief(x))),
  };
  /** @type {import("./vendor/uplot/uPlot.esm.js").Scale} */
  const y = how.yRange && !isLog ? { range: limited(how.yRange) } : { distr: isLog ? 3 : 1, log: 10 };
  return {
    width,
    height: heightOf(how),
    scales: { x: { time: false, distr: how.isLogX ? 3 : 1 }, y },
    series: [{}, ...how.series.map(lineOf)],
    axes: [
      { ...axis, label: how.xLabel, size: size * 1.7, space: size * 4 },
      { ...axis, label: how.yLabel ?? "", labelSize: how.yLabel ? size * 1.3 : 0, size: size * 3.2, space: size * 2 },
    ],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    padding: [size * 0.5, size * 0.8, 0, 0],
    hooks: {
      draw: [(plot) => drawCursor(plot, cursor())],
      setCursor: [(plot) => legend.showAt(/** @type {Column[]} */ (plot.data), plot.cursor.idx ?? null)],
    },
  };
}

/**
 * @param {[number | null, number | null]} limits
 * @returns {import("./vendor/uplot/uPlot.esm.js").Range.Function}
 */
function limited([low, high]) {
  return (_, min, max) => [low ?? min, high ?? max];
}

/**
 * @param {Series} series
 * @param {number} i
 */
function lineOf(series, i) {
  const stroke = () => color(colorName(series, i));
  return {
    label: series.label,
    stroke,
    width: (series.width ?? 2) * (rem() / 16),
    spanGaps: true,
    points: { show: false },
    ...(series.dash ? { dash: series.dash } : {}),
  };
}

/**
 * @param {Series} series
 * @param {number} i
 */
function colorName(series, i) {
  return series.color ?? /** @type {string} */ (COLORS[i % COLORS.length]);
}

/**
 * The moment that the page shows, as an upright line.
 * @param {uPlot} plot
 * @param {number | null} x
 */
function drawCursor(plot, x) {
  if (x === null) return;
  const { ctx, bbox } = plot;
  const at = plot.valToPos(x, "x", true);
  if (at < bbox.left || at > bbox.left + bbox.width) return;
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = color("--accent");
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** @param {Series[]} series */
function legendOf(series) {
  const values = series.map(() => h("bdi", { class: "legend-value", dir: "ltr" }));
  /** @type {Column[]} */
  let data = [];
  const show = (/** @type {Column[]} */ columns, /** @type {number | null} */ at) => {
    series.forEach((one, i) => {
      const column = columns[i + 1] ?? [];
      const value = at === null ? column.findLast((y) => y !== null && y !== undefined) : column[at];
      const text = value === null || value === undefined ? "" : (one.format ?? number)(value);
      const place = /** @type {HTMLElement} */ (values[i]);
      if (place.textContent !== text) place.textContent = text;
    });
  };
  const element = h(
    "ul",
    { class: "legend" },
    series.map((one, i) => h("li", {}, sample(one, i), h("span", {}, one.label), values[i])),
  );
  const showLast = (/** @type {Column[]} */ columns) => {
    data = columns;
    show(columns, null);
  };
  return {
    element,
    showLast,
    showAt: (/** @type {Column[]} */ columns, /** @type {number | null} */ at) =>
      show(at === null ? data : columns, at),
  };
}

/**
 * @param {Series} series
 * @param {number} i
 */
function sample(series, i) {
  const line = h("span", { class: `legend-line${series.dash ? " dashed" : ""}`, "aria-hidden": "true" });
  line.style.borderColor = `var(${colorName(series, i)})`;
  return line;
}

/**
 * @param {Parameters<typeof lineChart>[0]} how
 * @param {() => Column[]} data
 */
function numbersTable(how, data) {
  const place = h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": how.title });
  const element = h("details", { class: "chart-numbers" }, h("summary", {}, t("chart.numbers")), place);
  element.addEventListener("toggle", () => {
    if (!element.open) return;
    const [xs = [], ...ys] = data();
    const every = Math.max(1, Math.ceil(xs.length / ROWS_IN_TABLE));
    const rows = xs.map((_, i) => i).filter((i) => i % every === 0 || i === xs.length - 1);
    const head = h(
      "tr",
      {},
      [how.xLabel, ...how.series.map((one) => one.label)].map((text) => h("th", { scope: "col" }, text)),
    );
    const cells = (/** @type {number} */ i) => ys.map((column, j) => h("td", {}, text(how.series[j], column[i])));
    const body = rows.map((i) => h("tr", {}, h("th", { scope: "row" }, number(xs[i])), cells(i)));
    fill(place, h("table", { class: "numbers" }, h("thead", {}, head), h("tbody", {}, body)));
  });
  return element;
}

/**
 * @param {Series | undefined} series
 * @param {number | null | undefined} value
 */
function text(series, value) {
  if (value === null || value === undefined) return "";
  return (series?.format ?? number)(value);
}

/** @param {number} x */
function brief(x) {
  const size = Math.abs(x);
  if (size >= 1e6) return `${Number((x / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((x / 1e3).toPrecision(3))}k`;
  return size !== 0 && size < 1e-4 ? x.toExponential(0) : String(Number(x.toPrecision(4)));
}
