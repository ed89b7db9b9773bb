// The race of nudges against backpropagation: live curves, and a meter of what each of the two has spent.

import { aligned, lineChart } from "../chart.js";
import { fill, h, ltr } from "../dom.js";
import { count, number, t } from "../i18n.js";
import { translated } from "../messages.js";
import { button, errorBox, notice, spinner } from "../widgets.js";
import { AXES, choiceOf, RULES, settingsOf } from "./race_settings.js";
import { agreement, larger, results, scroller, span } from "./race_told.js";

/** @typedef {import("./race_told.js").Contest} Contest */
/** @typedef {import("./race_told.js").Curve} Curve */
/** @typedef {import("./race_settings.js").Axis} Axis */

const COLORS = ["--series-3", "--series-4", "--series-2"];
// Where a logarithmic axis begins: one forward pass, a tenth of a millisecond.
const LEAST = { step: 0, forward_passes: 1, seconds: 1e-4 };
const MOST_STEPS = 10_000;

/**
 * @param {{source: import("../source/source.js").Source, state: Record<string, string>,
 *   set: (change: Record<string, any>) => void}} context
 */
export default function view({ source, state, set }) {
  const choice = choiceOf(state);
  /** @type {import("../source/source.js").Closable | null} */
  let running = null;
  /** @type {any} */
  let started = null;
  /** @type {Map<string, Contest>} */
  const contests = new Map();
  /** @type {ReturnType<typeof lineChart> | null} */
  let chart = null;

  const meter = h("div", { class: "race-meter" });
  const place = h("div");
  const told = h("div", { "aria-live": "polite" }, h("p", { class: "soft" }, t("race.before")));
  const agree = h("section");
  const table = scroller(t("race.results"));
  const big = scroller(t("race.larger"));
  const start = button(t("race.start"), () => begin(), { class: "primary" });
  const stop = button(t("race.stop"), () => end(t("race.stopped")), { disabled: true });

  const draw = () => {
    if (!started) return;
    const all = [...contests.values()];
    showMeter(meter, all);
    fill(table, results(all));
    if (!chart || !all.length) return;
    const { xs, ys } = aligned(
      all.flatMap((one) => [one.nudge, one.backpropagation].map((curve) => lineOf(curve, choice.axis))),
    );
    chart.update(xs, ys);
  };
  const remake = () => {
    chart?.close();
    if (!started) return;
    chart = chartOf(
      started.rules.map((/** @type {any} */ one) => one.rule),
      choice.axis,
    );
    fill(place, chart.element);
    draw();
  };
  const begin = () => {
    contests.clear();
    started = null;
    chart?.close();
    chart = null;
    for (const box of [meter, place, agree, table, big]) fill(box);
    fill(told, spinner(), " ", t("race.opening"));
    start.disabled = true;
    stop.disabled = false;
    const wanted = {
      task: choice.task,
      model: choice.model,
      rules: choice.rules,
      epsilon: choice.epsilon,
      learning_rate: choice.rate,
      minutes: choice.minutes,
      steps: MOST_STEPS,
    };
    running = source.stream("/race", wanted, take, (error) => {
      if (error) fill(told, errorBox(error));
      else if (running) fill(told, errorBox(new Error(t("race.lost"))));
      rest();
    });
  };
  const rest = () => {
    running = null;
    start.disabled = choice.rules.length === 0;
    stop.disabled = true;
  };
  /** @param {string} text */
  const end = (text) => {
    running?.close();
    rest();
    fill(told, notice("info", h("p", {}, text)));
  };
  /** @param {{event: string, data: any}} message */
  const take = ({ event, data }) => {
    if (event === "started") {
      started = data;
      fill(told, startedText(data));
      remake();
    }
    if (event === "slopes") fill(agree, agreement(data));
    if (event === "larger") fill(big, larger(data, started));
    if (event === "progress") {
      for (const points of data.contests) join(contests, points);
      draw();
    }
    if (event === "finished") {
      fill(agree, agreement(data));
      end(t("race.finished", { n: number(data.step) }));
    }
    if (event === "failed") {
      running?.close();
      rest();
      fill(told, errorBox(new Error(data.message)));
    }
  };

  const settings = settingsOf(choice, (change) => {
    set(change);
    start.disabled = running !== null || choice.rules.length === 0;
  });
  const axis = axisOf(choice.axis, (value) => {
    choice.axis = value;
    set({ axis: value === "step" ? null : value });
    remake();
  });
  return {
    element: h(
      "div",
      { class: "race" },
      h("h1", {}, t("race.title")),
      h("p", { class: "lead" }, t("race.lead")),
      h(
        "div",
        { class: "race-columns" },
        h(
          "section",
          { class: "panel race", "aria-label": t("race.settings") },
          h("div", { class: "buttons" }, start, stop),
          settings,
        ),
        h(
          "div",
          { class: "race-shown" },
          told,
          meter,
          h("section", { class: "race", "aria-label": t("race.curves") }, place, axis),
          agree,
        ),
      ),
      h("div", { class: "race-tables" }, table, big),
    ),
    close() {
      running?.close();
      chart?.close();
    },
  };
}

/**
 * @param {Axis} value
 * @param {(value: Axis) => void} onChoose
 */
function axisOf(value, onChoose) {
  const buttons = AXES.map((axis) =>
    button(
      t(`race.axis.${axis}`),
      () => {
        buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(AXES[i] === axis)));
        onChoose(axis);
      },
      { "aria-pressed": String(axis === value) },
    ),
  );
  return h(
    "div",
    { class: "buttons", role: "group", "aria-label": t("race.axis") },
    h("span", { class: "soft" }, t("race.axis")),
    buttons,
  );
}

/**
 * @param {string[]} rules
 * @param {Axis} axis
 */
function chartOf(rules, axis) {
  const series = rules.flatMap((rule) => {
    const color = /** @type {string} */ (COLORS[RULES.indexOf(rule)]);
    return [
      { label: t(`race.rule.${rule}`), color, width: 5 },
      { label: t(`race.matching.${rule}`), color, width: 2, dash: [6, 5] },
    ];
  });
  return lineChart({
    title: t("race.curves"),
    xLabel: t(`race.axis.${axis}`),
    yLabel: t("race.loss"),
    series,
    canLog: true,
    isLogX: axis !== "step",
    heightRem: 22,
    description: t(`race.description.${axis}`),
  });
}

/**
 * @param {Curve} curve
 * @param {Axis} axis
 */
function lineOf(curve, axis) {
  const xs = axis === "step" ? curve.loss.map((_, i) => i) : curve[axis].map((x) => Math.max(LEAST[axis], x));
  return { xs, ys: [curve.loss] };
}

/**
 * Add the new points to what is known of a contest.
 * @param {Map<string, Contest>} contests
 * @param {Contest & {since: number}} points
 */
function join(contests, points) {
  const known = contests.get(points.rule);
  if (!known || points.since === 0) return void contests.set(points.rule, points);
  known.is_over = points.is_over;
  for (const runner of /** @type {const} */ (["nudge", "backpropagation"])) {
    for (const name of /** @type {const} */ (["loss", "forward_passes", "seconds"])) {
      known[runner][name].push(...points[runner][name]);
    }
  }
}

/**
 * @param {HTMLElement} meter
 * @param {Contest[]} contests
 */
function showMeter(meter, contests) {
  const spent = (/** @type {"nudge" | "backpropagation"} */ runner, /** @type {"forward_passes" | "seconds"} */ name) =>
    contests.reduce((sum, one) => sum + (one[runner][name].at(-1) ?? 0), 0);
  const [nudging, back] = [spent("nudge", "forward_passes"), spent("backpropagation", "forward_passes")];
  const box = (
    /** @type {string} */ names,
    /** @type {Node} */ value,
    /** @type {string} */ text,
    /** @type {string} */ more,
  ) =>
    h("div", { class: `panel race-count ${names}` }, h("span", {}, text), h("strong", {}, value), h("span", {}, more));
  fill(
    meter,
    box(
      "is-nudge",
      ltr(number(Math.round(nudging))),
      t("race.spent_nudging"),
      t("race.passes_in", { time: span(spent("nudge", "seconds")) }),
    ),
    box(
      "is-backpropagation",
      ltr(number(Math.round(back))),
      t("race.spent_back"),
      t("race.passes_in", { time: span(spent("backpropagation", "seconds")) }),
    ),
    back
      ? box(
          "",
          h("bdi", {}, t("race.times", { n: number(Math.round(nudging / back)) })),
          t("race.cheaper"),
          t("race.cheaper_more"),
        )
      : null,
  );
}

/** @param {any} data */
function startedText(data) {
  const values = { examples: number(data.batch_size), passes: number(2 * data.weights), time: span(data.sweep_s) };
  return [
    h("p", {}, count("race.started", data.weights, values)),
    h("p", { class: "hint" }, ltr(data.data)),
    data.notices.map((/** @type {string} */ text) => notice("info", h("p", { dir: "auto" }, translated(text)))),
  ].flat();
}
