// Several runs on one chart, and classical algorithms as level lines beside them.

import { aligned, lineChart } from "../chart.js";
import { fill, h, ltr } from "../dom.js";
import { count, duration, number, percent, t } from "../i18n.js";
import { link } from "../router.js";
import { button, errorBox, field, newest, notice, select, spinner } from "../widgets.js";

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

/** @typedef {{set: string, num_training: number, rows: {name: string, accuracy: number, num_kept: number | null}[]}} Group */
/** @typedef {{source: string, num_test: number | null, n: number, groups: Group[]}} Classical */

/**
 * @typedef {object} Answer
 * @property {Compared[]} runs
 * @property {{name: string, values: any[]}[]} differing
 * @property {Record<string, Classical>} classical
 */

const XS = /** @type {const} */ ({ step: "step", seconds: "elapsed_s" });
const YS = /** @type {const} */ ({ loss: "loss", test_loss: "validation_loss", accuracy: "accuracy" });
const MOST_RUNS = 12;
const AGAIN_MS = 5000;
// A slash is in no name of a run.
const BETWEEN = "/";

/**
 * @param {{source: import("../source/source.js").Source, state: Record<string, string>,
 *   set: (change: Record<string, any>) => void}} context
 */
export default function view({ source, state: first, set }) {
  let state = first;
  let asked = "";
  /** @type {any[]} */
  let summaries = [];
  /** @type {Answer | null} */
  let answer = null;
  /** @type {ReturnType<typeof lineChart> | null} */
  let chart = null;
  const take = newest();
  const list = h("div", { class: "compare-runs" }, spinner());
  const shown = h("div", { class: "compare-shown" });

  const show = () => {
    chart?.close();
    chart = null;
    if (!answer) return;
    chart = chartOf(answer, state);
    fill(shown, controls(answer, state, set), chart?.element ?? notice("info", h("p", {}, t("compare.nothing"))), sourceText(answer, state),
      h("div", { class: "table-scroll" }, tableOf(answer)));
  };
  const ask = (isAgain = false) => {
    const names = chosen(state).filter((name) => summaries.some((one) => one.run === name));
    asked = state["runs"] ?? "";
    if (!names.length) {
      answer = null;
      chart?.close();
      chart = null;
      return void fill(shown, notice("info", h("p", {}, t("compare.choose"))));
    }
    if (!isAgain && !answer) fill(shown, spinner());
    const query = names.map((name) => `run=${encodeURIComponent(name)}`).join("&");
    take(source.get(`/compare?${query}`), (found) => {
      answer = found;
      show();
    }, (error) => void fill(shown, errorBox(error, ask)));
  };
  const load = async () => {
    try {
      summaries = (await source.get("/runs")).runs;
      fill(list, listOf(summaries, state, set));
      ask();
    } catch (error) {
      fill(list, errorBox(error, load));
    }
  };
  load();
  const timer = setInterval(() => {
    const isLive = chosen(state).some((name) => summaries.find((one) => one.run === name)?.state === "running");
    if (isLive && !document.hidden) ask(true);
  }, AGAIN_MS);
  return {
    element: h(
      "div",
      { class: "compare" },
      h("h1", {}, t("compare.title")),
      h("p", { class: "lead" }, t("compare.lead")),
      h("div", { class: "compare-columns" }, h("section", { class: "panel", "aria-label": t("compare.runs") }, list), shown),
    ),
    /** @param {Record<string, string>} now */
    update(now) {
      state = now;
      if ((state["runs"] ?? "") !== asked) ask();
      else show();
    },
    close() {
      clearInterval(timer);
      chart?.close();
    },
  };
}

/** @param {Record<string, string>} state */
function chosen(state) {
  return (state["runs"] ?? "").split(BETWEEN).filter(Boolean);
}

/**
 * The runs to choose from, by task.
 * @param {any[]} summaries
 * @param {Record<string, string>} state
 * @param {(change: Record<string, any>) => void} set
 */
function listOf(summaries, state, set) {
  if (!summaries.length) return [h("p", {}, t("compare.none")), link({ view: "home" }, t("compare.start"))];
  const names = new Set(chosen(state));
  const tasks = [...new Set(summaries.map((one) => one.task))];
  const boxes = /** @type {HTMLInputElement[]} */ ([]);
  const limit = () => boxes.forEach((box) => (box.disabled = !box.checked && names.size >= MOST_RUNS));
  const entry = (/** @type {any} */ one) => {
    const box = h("input", { type: "checkbox", checked: names.has(one.run) });
    boxes.push(box);
    box.addEventListener("change", () => {
      if (box.checked) names.add(one.run);
      else names.delete(one.run);
      limit();
      set({ runs: names.size ? [...names].join(BETWEEN) : null });
    });
    return h("label", { class: "compare-run" }, box, h("span", {}, ltr(one.run)), h("small", {}, about(one)));
  };
  const parts = tasks.flatMap((task) => [
    h("h3", {}, taskName(task)),
    ...summaries.filter((one) => one.task === task).map(entry),
  ]);
  limit();
  return [h("h2", {}, t("compare.runs")), ...parts];
}

/** @param {string} task */
function taskName(task) {
  return ["houses", "cifar10", "faces"].includes(task) ? t(`compare.task.${task}`) : h("bdi", {}, task);
}

/** @param {any} summary */
function about({ model, num_weights: numWeights, accuracy }) {
  const weights = numWeights ? count("compare.num_weights", numWeights) : null;
  const right = accuracy === null || accuracy === undefined ? null : percent(accuracy, 1);
  return [ltr(model), weights, right].filter(Boolean).flatMap((part, i) => (i ? [" · ", part] : [part]));
}

/**
 * @param {Record<string, string>} state
 * @returns {{x: keyof typeof XS, y: keyof typeof YS}}
 */
function axes(state) {
  const x = state["x"] === "seconds" ? "seconds" : "step";
  const y = state["y"] === "accuracy" || state["y"] === "test_loss" ? state["y"] : "loss";
  return { x, y };
}

/**
 * @param {Answer} answer
 * @param {Record<string, string>} state
 * @param {(change: Record<string, any>) => void} set
 */
function controls(answer, state, set) {
  const { x, y } = axes(state);
  const group = (/** @type {string} */ label, /** @type {string} */ key, /** @type {string[]} */ values, /** @type {string} */ now, /** @type {string} */ first) =>
    h("div", { class: "buttons", role: "group", "aria-label": label },
      h("span", { class: "soft", "aria-hidden": "true" }, label),
      values.map((value) =>
        button(t(`compare.${key}.${value}`), () => set({ [key]: value === first ? null : value }), { "aria-pressed": String(value === now) })));
  const groups = y === "accuracy" ? groupsOf(answer) : [];
  const classical = groups.length
    ? field(t("compare.classical"), select({
        value: String(groupIn(state, groups)),
        options: [...groups.map(({ task, group }, i) => /** @type {[string, string]} */ ([String(i), groupName(task, group)])), ["none", t("compare.no_classical")]],
        onChange: (value) => set({ classical: value }),
      }))
    : null;
  return h("div", { class: "compare-controls" },
    group(t("compare.show"), "y", Object.keys(YS), y, "loss"),
    group(t("compare.against"), "x", Object.keys(XS), x, "step"),
    classical);
}

/**
 * @param {Answer} answer
 * @returns {{task: string, group: Group}[]}
 */
function groupsOf(answer) {
  return Object.entries(answer.classical).flatMap(([task, one]) => one.groups.map((group) => ({ task, group })));
}

/**
 * The one that is shown: that of the most photos to learn from, where nothing else is said.
 * @param {Record<string, string>} state
 * @param {{group: Group}[]} groups
 */
function groupIn(state, groups) {
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
function groupName(task, group) {
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
function chartOf(answer, state) {
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
      label: one.run, format, color: /** @type {string} */ (colors[i % colors.length]),
      ...(dashes[Math.floor(i / colors.length) % 3] ? { dash: /** @type {number[]} */ (dashes[Math.floor(i / colors.length) % 3]) } : {}),
    })),
    ...levels.map((one, i) => ({ label: algorithm(one.name), format, color: "--ink-soft", width: 1.5, dash: [4 + 5 * i, 4] })),
  ];
  const chart = lineChart({
    title: t(`compare.y.${y}`), xLabel: t(`compare.x.${x}`), yLabel: t(`compare.y.${y}`), series, canLog: y !== "accuracy",
    heightRem: 24, ...(y === "accuracy" ? { yRange: /** @type {[number, number]} */ ([0, 1]) } : {}),
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
  const told = (/** @type {number | null | undefined} */ value) => (y === "accuracy" ? percent(value, 1) : number(value));
  const runs = answer.runs.map((one, i) => `${one.run}: ${told(curves[i]?.ys[0]?.findLast((value) => value !== null))}`);
  return [t(`compare.y.${y}`), ...runs, ...levels.map((one) => `${algorithm(one.name)}: ${percent(one.accuracy, 1)}`)].join("; ");
}

/**
 * Where the level lines come from.
 * @param {Answer} answer
 * @param {Record<string, string>} state
 */
function sourceText(answer, state) {
  if (!lines(answer, state).length) return null;
  const groups = groupsOf(answer);
  const task = groups[/** @type {number} */ (groupIn(state, groups))]?.task ?? "";
  const one = answer.classical[task];
  if (!one) return null;
  const tested = one.num_test ? count("compare.tested", one.num_test) : "";
  return h("p", { class: "hint" }, t("compare.source"), " ", ltr(one.source), ". ", tested, " ", count("compare.trainings", one.n));
}

/** @param {Answer} answer */
function tableOf({ runs, differing }) {
  const row = (/** @type {string} */ name, /** @type {import("../dom.js").Children[]} */ cells, isDifferent = false) =>
    h("tr", { class: isDifferent ? "is-different" : null }, h("th", { scope: "row" }, isDifferent ? ltr(name) : name), cells.map((cell) => h("td", {}, cell)));
  const last = (/** @type {Compared} */ one, /** @type {string} */ column) => one.evaluations[column]?.findLast((value) => value !== null);
  return h(
    "table",
    { class: "compare-table" },
    h("caption", {}, t("compare.differing")),
    h("thead", {}, h("tr", {}, h("td", {}), runs.map((one) => h("th", { scope: "col" }, link({ view: "run", run: one.run }, ltr(one.run)))))),
    h("tbody", {},
      row(t("compare.weights"), runs.map((one) => ltr(number(one.num_weights)))),
      row(t("compare.y.accuracy"), runs.map((one) => ltr(percent(last(one, "accuracy"), 1)))),
      row(t("compare.y.test_loss"), runs.map((one) => ltr(number(last(one, "validation_loss"))))),
      row(t("compare.x.step"), runs.map((one) => ltr(number(one.step)))),
      row(t("compare.time"), runs.map((one) => duration(one.elapsed_s))),
      differing.map(({ name, values }) => row(name, values.map((value) => ltr(value === null ? "–" : String(value))), true))),
  );
}
