// What a person chooses before a race: the task, the network, the rules, the sizes of nudges and steps.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { field, select, slider } from "../widgets.js";
import { span } from "./race_told.js";

/** @typedef {"step" | "forward_passes" | "seconds"} Axis */

const TASKS = ["houses", "cifar10", "faces"];
const OWN = /** @type {Record<string, string[]>} */ ({
  cifar10: ["convnetjs", "resnet"],
  houses: ["unet"],
  faces: ["facenet"],
});
export const RULES = ["a", "b", "c"];
export const AXES = /** @type {const} */ (["step", "forward_passes", "seconds"]);

/** @typedef {{task: string, model: string, rules: string[], epsilon: number, rate: number, minutes: number,
 *   axis: Axis}} Choice */

/**
 * @param {Record<string, string>} state
 * @returns {Choice}
 */
export function choiceOf(state) {
  const task = TASKS.find((one) => one === state["task"]) ?? "houses";
  const within = (
    /** @type {string} */ key,
    /** @type {number} */ low,
    /** @type {number} */ high,
    /** @type {number} */ other,
  ) => {
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
export function settingsOf(choice, onChange) {
  const networks = h("div");
  const showNetworks = () =>
    fill(
      networks,
      field(
        t("race.network"),
        select({
          value: choice.model,
          options: ["smooth", ...(OWN[choice.task] ?? [])].map((one) => [one, t(`race.model.${one}`)]),
          onChange: (model) => {
            choice.model = model;
            onChange({ model: model === "smooth" ? null : model });
          },
        }),
        t("race.network_hint"),
      ),
    );
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
      label: t("race.epsilon"),
      min: 1e-8,
      max: 0.1,
      value: choice.epsilon,
      isLog: true,
      format: rounded,
      hint: t("race.epsilon_hint"),
      onInput: (value) => void (choice.epsilon = Number(value.toPrecision(1))),
      onChange: () => onChange({ epsilon: choice.epsilon }),
    }).element,
    slider({
      label: t("race.rate"),
      min: 1e-3,
      max: 3,
      value: choice.rate,
      isLog: true,
      format: rounded,
      hint: t("race.rate_hint"),
      onInput: (value) => void (choice.rate = Number(value.toPrecision(1))),
      onChange: () => onChange({ rate: choice.rate }),
    }).element,
    field(
      t("race.minutes"),
      select({
        value: String(choice.minutes),
        options: [...new Set([0.5, 1, 3, 10, choice.minutes])]
          .sort((a, b) => a - b)
          .map((one) => [String(one), span(60 * one)]),
        onChange: (value) => {
          choice.minutes = Number(value);
          onChange({ minutes: choice.minutes });
        },
      }),
    ),
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
