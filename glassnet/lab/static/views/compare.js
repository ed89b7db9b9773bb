// Several runs on one chart, and classical algorithms as level lines beside them.

import { fill, h, ltr } from "../dom.js";
import { count, duration, number, percent, t } from "../i18n.js";
import { link } from "../router.js";
import { button, errorBox, field, newest, notice, select, spinner } from "../widgets.js";
import { axes, chartOf, groupIn, groupName, groupsOf, sourceText, XS, YS } from "./compare_chart.js";

/** @typedef {import("./compare_chart.js").Answer} Answer */
/** @typedef {import("./compare_chart.js").Compared} Compared */

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
  /** @type {ReturnType<typeof chartOf>} */
  let chart = null;
  const take = newest();
  const list = h("div", { class: "compare-runs" }, spinner());
  const shown = h("div", { class: "compare-shown" });

  const show = () => {
    chart?.close();
    chart = null;
    if (!answer) return;
    chart = chartOf(answer, state);
    fill(
      shown,
      controls(answer, state, set),
      chart?.element ?? notice("info", h("p", {}, t("compare.nothing"))),
      sourceText(answer, state),
      h(
        "div",
        { class: "table-scroll", tabindex: 0, role: "region", "aria-label": t("compare.differing") },
        tableOf(answer),
      ),
    );
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
    take(
      source.get(`/compare?${query}`),
      (found) => {
        answer = found;
        show();
      },
      (error) => void fill(shown, errorBox(error, ask)),
    );
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
      h(
        "div",
        { class: "compare-columns" },
        h("section", { class: "panel", "aria-label": t("compare.runs") }, list),
        shown,
      ),
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
 * @param {Answer} answer
 * @param {Record<string, string>} state
 * @param {(change: Record<string, any>) => void} set
 */
function controls(answer, state, set) {
  const { x, y } = axes(state);
  const group = (
    /** @type {string} */ label,
    /** @type {string} */ key,
    /** @type {string[]} */ values,
    /** @type {string} */ now,
    /** @type {string} */ first,
  ) =>
    h(
      "div",
      { class: "buttons", role: "group", "aria-label": label },
      h("span", { class: "soft", "aria-hidden": "true" }, label),
      values.map((value) =>
        button(t(`compare.${key}.${value}`), () => set({ [key]: value === first ? null : value }), {
          "aria-pressed": String(value === now),
        }),
      ),
    );
  const groups = y === "accuracy" ? groupsOf(answer) : [];
  const classical = groups.length
    ? field(
        t("compare.classical"),
        select({
          value: String(groupIn(state, groups)),
          options: [
            ...groups.map(
              ({ task, group }, i) => /** @type {[string, string]} */ ([String(i), groupName(task, group)]),
            ),
            ["none", t("compare.no_classical")],
          ],
          onChange: (value) => set({ classical: value }),
        }),
      )
    : null;
  return h(
    "div",
    { class: "compare-controls" },
    group(t("compare.show"), "y", Object.keys(YS), y, "loss"),
    group(t("compare.against"), "x", Object.keys(XS), x, "step"),
    classical,
  );
}

/** @param {Answer} answer */
function tableOf({ runs, differing }) {
  const row = (/** @type {string} */ name, /** @type {import("../dom.js").Children[]} */ cells, isDifferent = false) =>
    h(
      "tr",
      { class: isDifferent ? "is-different" : null },
      h("th", { scope: "row" }, isDifferent ? ltr(name) : name),
      cells.map((cell) => h("td", {}, cell)),
    );
  const last = (/** @type {Compared} */ one, /** @type {string} */ column) =>
    one.evaluations[column]?.findLast((value) => value !== null);
  return h(
    "table",
    { class: "compare-table" },
    h("caption", {}, t("compare.differing")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        runs.map((one) => h("th", { scope: "col" }, link({ view: "run", run: one.run }, ltr(one.run)))),
      ),
    ),
    h(
      "tbody",
      {},
      row(
        t("compare.weights"),
        runs.map((one) => ltr(number(one.num_weights))),
      ),
      row(
        t("compare.y.accuracy"),
        runs.map((one) => ltr(percent(last(one, "accuracy"), 1))),
      ),
      row(
        t("compare.y.test_loss"),
        runs.map((one) => ltr(number(last(one, "validation_loss")))),
      ),
      row(
        t("compare.x.step"),
        runs.map((one) => ltr(number(one.step))),
      ),
      row(
        t("compare.time"),
        runs.map((one) => duration(one.elapsed_s)),
      ),
      differing.map(({ name, values }) =>
        row(
          name,
          values.map((value) => ltr(value === null ? "–" : String(value))),
          true,
        ),
      ),
    ),
  );
}
