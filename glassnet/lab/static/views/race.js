// The race of nudges against backpropagation: live curves, and a meter of what each of the two has spent.

import { aligned, lineChart } from "../chart.js";
import { fill, h, ltr } from "../dom.js";
import { count, number, t } from "../i18n.js";
import { button, errorBox, field, notice, select, slider, spinner } from "../widgets.js";
import { agreement, larger, results, span } from "./race_told.js";

/** @typedef {import("./race_told.js").Contest} Contest */
/** @typedef {import("./race_told.js").Curve} Curve */

const TASKS = ["houses", "cifar10", "faces"];
const OWN = /** @type {Record<string, string[]>} */ ({ cifar10: ["convnetjs", "resnet"], houses: ["unet"], faces: ["facenet"] });
const RULES = ["a", "b", "c"];
const COLORS = ["--series-3", "--series-4", "--series-2"];
const AXES = /** @type {const} */ (["step", "forward_passes", "seconds"]);
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
  const table = h("div", { class: "table-scroll" });
  const big = h("div", { class: "table-scroll" });
  const start = button(t("race.start"), () => begin(), { class: "primary" });
  const stop = button(t("race.stop"), () => end(t("race.stopped")), { disabled: true });

  const draw = () => {
    if (!started) return;
    const all = [...contests.values()];
    showMeter(meter, all);
    fill(table, results(all));
    if (!chart || !all.length) return;
    const { xs, ys } = aligned(all.flatMap((one) => [one.nudge, one.backpropagation].map((curve) => lineOf(curve, choice.axis))));
    chart.update(xs, ys);
  };
  const remake = () => {
    chart?.close();
    if (!started) return;
    chart = chartOf(started.rules.map((/** @type {any} */ one) => one.rule), choice.axis);
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
      task: choice.task, model: choice.model, rules: choice.rules, epsilon: choice.epsilon,
      learning_rate: choice.rate, minutes: choice.minutes, steps: MOST_STEPS,
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
        h("section", { class: "panel race", "aria-label": t("race.settings") }, settings, h("div", { class: "buttons" }, start, stop)),
        h("div", { class: "race-shown" }, told, meter, h("section", { class: "race", "aria-label": t("race.curves") }, place, axis), agree),
      ),
      h("div", { class: "race-tables" }, table, big),
    ),
    close() {
      running?.close();
      chart?.close();
    },
  };
}

/** @typedef {{task: string, model: string, rules: string[], epsilon: number, rate: number, minutes: number,
 *   axis: typeof AXES[number]}} Choice */

/**
 * @param {Record<string, string>} state
 * @returns {Choice}
 */
function choiceOf(state) {
  const task = TASKS.find((one) => one === state["task"]) ?? "houses";
  const within = (/** @type {string} */ key, /** @type {number} */ low, /** @type {number} */ high, /** @type {number} */ other) => {
    const value = Number(state[key]);
    return value >= low && value <= high ? value : other;
  };
  return {
    task,
    model: OWN[task]?.find((one) => one === state["model"]) ?? "smooth",
    rules: RULES.filter((rule) => (state["rules"] ?? "abc").includes(rule)),
    epsilon: within("epsilon", 1e-8, 0.1, 1e-4),
    rate: within("rate", 1e-3, 3, 0.1),
    minutes: within("minutes", 0.1, 30, 1),
    axis: AXES.find((one) => one === state["axis"]) ?? "step",
  };
}

/**
 * @param {Choice} choice
 * @param {(change: Record<string, string | number | null>) => void} onChange
 */
function settingsOf(choice, onChange) {
  const networks = h("div");
  const showNetworks = () =>
    fill(networks, field(t("race.network"), select({
      value: choice.model,
      options: ["smooth", ...(OWN[choice.task] ?? [])].map((one) => [one, t(`race.model.${one}`)]),
      onChange: (model) => {
        choice.model = model;
        onChange({ model: model === "smooth" ? null : model });
      },
    }), t("race.network_hint")));
  const task = select({
    value: choice.task,
    options: TASKS.map((one) => [one, t(`race.task.${one}`)]),
    onChange: (value) => {
      choice.task = value;
      choice.model = "smooth";
      onChange({ task: value, model: null });
      showNetworks();
    },
  });
  const rules = RULES.map((rule) => {
    const box = h("input", { type: "checkbox", checked: choice.rules.includes(rule) });
    box.addEventListener("change", () => {
      choice.rules = RULES.filter((one) => (one === rule ? box.checked : choice.rules.includes(one)));
      onChange({ rules: choice.rules.join("") });
    });
    return h("label", { class: "check" }, box, h("span", {}, t(`race.rule.${rule}`)));
  });
  showNetworks();
  return h(
    "div",
    { class: "race-settings" },
    field(t("race.task"), task),
    networks,
    h("fieldset", { class: "race-rules" }, h("legend", {}, t("race.rules")), rules),
    slider({
      label: t("race.epsilon"), min: 1e-8, max: 0.1, value: choice.epsilon, isLog: true, format: rounded,
      hint: t("race.epsilon_hint"),
      onInput: (value) => void (choice.epsilon = Number(value.toPrecision(1))),
      onChange: () => onChange({ epsilon: choice.epsilon }),
    }).element,
    slider({
      label: t("race.rate"), min: 1e-3, max: 3, value: choice.rate, isLog: true, format: rounded,
      hint: t("race.rate_hint"),
      onInput: (value) => void (choice.rate = Number(value.toPrecision(1))),
      onChange: () => onChange({ rate: choice.rate }),
    }).element,
    field(t("race.minutes"), select({
      value: String(choice.minutes),
      options: [...new Set([0.5, 1, 3, 10, choice.minutes])].sort((a, b) => a - b).map((one) => [String(one), span(60 * one)]),
      onChange: (value) => {
        choice.minutes = Number(value);
        onChange({ minutes: choice.minutes });
      },
    })),
  );
}

/**
 * To one digit, as the choice is.
 * @param {number} value
 */
function rounded(value) {
  const one = Number(value.toPrecision(1));
  return one < 1e-4 ? one.toExponential() : String(one);
}

/**
 * @param {typeof AXES[number]} value
 * @param {(value: typeof AXES[number]) => void} onChoose
 */
function axisOf(value, onChoose) {
  const buttons = AXES.map((axis) =>
    button(t(`race.axis.${axis}`), () => {
      buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(AXES[i] === axis)));
      onChoose(axis);
    }, { "aria-pressed": String(axis === value) }));
  return h("div", { class: "buttons", role: "group", "aria-label": t("race.axis") }, h("span", { class: "soft" }, t("race.axis")), buttons);
}

/**
 * @param {string[]} rules
 * @param {typeof AXES[number]} axis
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
    title: t("race.curves"), xLabel: t(`race.axis.${axis}`), yLabel: t("race.loss"), series, canLog: true,
    isLogX: axis !== "step", heightRem: 22, description: t(`race.description.${axis}`),
  });
}

/**
 * @param {Curve} curve
 * @param {typeof AXES[number]} axis
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
  const box = (/** @type {string} */ names, /** @type {Node} */ value, /** @type {string} */ text, /** @type {string} */ more) =>
    h("div", { class: `panel race-count ${names}` }, h("span", {}, text), h("strong", {}, value), h("span", {}, more));
  fill(
    meter,
    box("is-nudge", ltr(number(Math.round(nudging))), t("race.spent_nudging"), t("race.passes_in", { time: span(spent("nudge", "seconds")) })),
    box("is-backpropagation", ltr(number(Math.round(back))), t("race.spent_back"), t("race.passes_in", { time: span(spent("backpropagation", "seconds")) })),
    back ? box("", h("bdi", {}, t("race.times", { n: number(Math.round(nudging / back)) })), t("race.cheaper"), t("race.cheaper_more")) : null,
  );
}

/** @param {any} data */
function startedText(data) {
  const values = { examples: number(data.batch_size), passes: number(2 * data.weights), time: span(data.sweep_s) };
  return [
    h("p", {}, count("race.started", data.weights, values)),
    h("p", { class: "hint" }, ltr(data.data)),
    data.notices.map((/** @type {string} */ text) => notice("info", h("p", { dir: "auto" }, text))),
  ].flat();
}
