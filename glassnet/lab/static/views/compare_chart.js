// The chart of several runs, with classical algorithms as level lines.

import { aligned, lineChart } from "../chart.js";
import { h, ltr } from "../dom.js";
import { count, number, percent, t } from "../i18n.js";

/** @typedef {Record<string, (number | null)[]>} Columns */

/**
 * @typedef {object} Compared as GET /api/compare has it
 * @property {string} run
 * @property {string} task
 * @property {string} model
 * @property {number | null} num_weights
 * @property {number} step
 * @property {number} elapsed_s
 * @property {Columns} steps
 * @property {Columns} evaluations
 */

/** @typedef {{name: string, accuracy: number, num_kept: number | null}} Row one algorithm */
/** @typedef {{set: string, num_training: number, rows: Row[]}} Group */
/** @typedef {{source: string, num_test: number | null, n: number, groups: Group[]}} Classical */

/**
 * @typedef {object} Answer
 * @property {Compared[]} runs
 * @property {{name: string, values: any[]}[]} differing
 * @property {Record<string, Classical>} classical
 */

export const XS = /** @type {const} */ ({ step: "step", seconds: "elapsed_s" });
export const YS = /** @type {const} */ ({ loss: "loss", test_loss: "validation_loss", accuracy: "accuracy" });
/**
 * @param {Record<string, string>} state
 * @returns {{x: keyof typeof XS, y: keyof typeof YS}}
 */
export function axes(state) {
  const x = state["x"] === "seconds" ? "seconds" : "step";
  const y = state["y"] === "accuracy" || state["y"] === "test_loss" ? state["y"] : "loss";
  return { x, y };
}

/**
 * @param {Answer} answer
 * @returns {{task: string, group: Group}[]}
 */
export function groupsOf(answer) {
  return Object.entries(answer.classical).flatMap(([task, one]) => one.groups.map((group) => ({ task, group })));
}

/**
 * The one that is shown: that of the most photos to learn from, where nothing else is said.
 * @param {Record<string, string>} state
 * @param {{group: Group}[]} groups
 */
export function groupIn(state, groups) {
  const named = state["classical"];
  if (named === "none") return "none";
  const number = Number(named ?? NaN);
  if (number >= 0 && number < groups.length) return Math.floor(number);
  const most = Math.max(...groups.map(({ group }) => group.num_training));
  return groups.findIndex(({ group }) => group.num_training === most);
}

/**
 * @param {string} task
 * @param {Group} group
 */
export function groupName(task, group) {
  return count(task === "faces" ? `compare.set.${group.set}` : "compare.set.photos", group.num_training);
}

/**
 * @param {Answer} answer
 * @param {Record<string, string>} state
 */
function lines(answer, state) {
  const groups = groupsOf(answer);
  const at = axes(state).y === "accuracy" && groups.length ? groupIn(state, groups) : "none";
  return at === "none" ? [] : (groups[/** @type {number} */ (at)]?.group.rows ?? []);
}

/**
 * @param {Answer} answer
 * @param {Record<string, string>} state
 */
export function chartOf(answer, state) {
  const { x, y } = axes(state);
  const [column, part] = [YS[y], y === "loss" ? "steps" : "evaluations"];
  const curves = answer.runs.map((one) => {
    const columns = one[/** @type {"steps"} */ (part)];
    const xs = columns[XS[x]] ?? [];
    return { xs: /** @type {number[]} */ (xs), ys: [columns[column] ?? []] };
  });
  const values = curves.flatMap((curve) => curve.ys.flat()).filter((value) => value !== null);
  if (!values.length) return null;
  const ends = [0, Math.max(1, ...curves.flatMap((curve) => curve.xs))];
  const levels = lines(answer, state);
  const format = y === "accuracy" ? (/** @type {number} */ value) => percent(value, 1) : number;
  const colors = ["--series-2", "--series-4", "--series-5", "--series-3", "--series-6", "--series-1"];
  const dashes = [undefined, [10, 4], [2, 3]];
  const series = [
    ...answer.runs.map((one, i) => ({
      label: one.run,
      format,
      color: /** @type {string} */ (colors[i % colors.length]),
      ...(dashes[Math.floor(i / colors.length) % 3]
        ? { dash: /** @type {number[]} */ (dashes[Math.floor(i / colors.length) % 3]) }
        : {}),
    })),
    ...levels.map((one, i) => ({
      label: algorithm(one.name),
      format,
      color: "--ink-soft",
      width: 1.5,
      dash: [4 + 5 * i, 4],
    })),
  ];
  const chart = lineChart({
    title: t(`compare.y.${y}`),
    xLabel: t(`compare.x.${x}`),
    yLabel: t(`compare.y.${y}`),
    series,
    canLog: y !== "accuracy",
    heightRem: 24,
    ...(y === "accuracy" ? { yRange: /** @type {[number, number]} */ ([0, 1]) } : {}),
    description: described(answer, y, curves, levels),
  });
  const level = levels.map((one) => ({ xs: ends, ys: [[one.accuracy, one.accuracy]] }));
  const { xs, ys } = aligned([...curves, ...level]);
  chart.update(xs, ys);
  return chart;
}

/** @param {string} name */
function algorithm(name) {
  return t(`compare.algorithm.${name.replaceAll(/[^a-zA-Z]+/g, "_")}`);
}

/**
 * @param {Answer} answer
 * @param {keyof typeof YS} y
 * @param {{ys: (number | null)[][]}[]} curves
 * @param {{name: string, accuracy: number}[]} levels
 */
function described(answer, y, curves, levels) {
  const told = (/** @type {number | null | undefined} */ value) =>
    y === "accuracy" ? percent(value, 1) : number(value);
  const runs = answer.runs.map(
    (one, i) => `${one.run}: ${told(curves[i]?.ys[0]?.findLast((value) => value !== null))}`,
  );
  return [
    t(`compare.y.${y}`),
    ...runs,
    ...levels.map((one) => `${algorithm(one.name)}: ${percent(one.accuracy, 1)}`),
  ].join("; ");
}

/**
 * Where the level lines come from.
 * @param {Answer} answer
 * @param {Record<string, string>} state
 */
export function sourceText(answer, state) {
  if (!lines(answer, state).length) return null;
  const groups = groupsOf(answer);
  const task = groups[/** @type {number} */ (groupIn(state, groups))]?.task ?? "";
  const one = answer.classical[task];
  if (!one) return null;
  const tested = one.num_test ? count("compare.tested", one.num_test) : "";
  return h(
    "p",
    { class: "hint" },
    t("compare.source"),
    " ",
    ltr(one.source),
    ". ",
    tested,
    " ",
    count("compare.trainings", one.n),
  );
}
