// The form that starts a training: what it does not say is left to the task's own settings.

import { fill, h, ltr } from "../dom.js";
import { has, t } from "../i18n.js";
import { go, set, state } from "../router.js";
import { busy, button, dialog, errorBox, field, select } from "../widgets.js";
import { BUDGETS, chosenIn, noneChosen, propertiesOf, requestOf } from "./properties.js";
import { openTab, preparing } from "./tab.js";

/** @typedef {import("./properties.js").TaskInfo} TaskInfo */
/** @typedef {import("./properties.js").Property} Property */
/** @typedef {import("../source/source.js").Source} Source */
/** @typedef {import("../source/source.js").Summary} Summary */

const FOLDER = "folder";
const OTHER = "\u0000other";

/**
 * Open the form of the task that the key `new` of the address names; what is chosen is in the address as well.
 * @param {Source} source
 * @param {TaskInfo[]} tasks
 * @param {Summary[]} runs
 */
export function openForm(source, tasks, runs) {
  const name = state()["new"] ?? "houses";
  const folder = h("input", {
    type: "text",
    dir: "ltr",
    value: state()["folder"] ?? "",
    placeholder: "~/Pictures/animals",
  });
  folder.addEventListener("input", () => set({ folder: folder.value || null }));
  const rest = h("div", { class: "form-fields" });
  const errors = h("div", {});
  const names = [...tasks.map((task) => task["name"]), FOLDER];
  const chooser = select({
    value: name,
    options: names.map((task) => [task, t(`task.${task}`)]),
    onChange: (task) => {
      set({ ...noneChosen(), new: task });
      show();
    },
  });
  const show = () => {
    const task = infoOf(tasks, chooser.value);
    const isFolder = task["name"] === FOLDER;
    fill(
      rest,
      isFolder ? field(t("form.folder"), folder, t("form.folder_hint")) : null,
      task["needs"] ? h("p", { class: "form-needs" }, h("span", { dir: "auto" }, task["needs"])) : null,
      fieldsOf(task),
      startField(source, task, runs, errors),
    );
  };
  const wanted = () => {
    const values = state();
    const task = chooser.value === FOLDER ? folder.value.trim() : chooser.value;
    return requestOf(task, chosenIn(values), values["start"]);
  };
  const start = button(t("home.start"), () => send(), { class: "primary" });
  const send = async () => {
    fill(errors);
    try {
      const { run } = await busy(source.post("/runs", wanted()), start);
      opened.close();
      go({ view: "run", run });
    } catch (error) {
      fill(errors, errorBox(error));
    }
  };
  show();
  const inTab = button(t("tab.train"), () => prepare());
  const prepare = async () => {
    fill(errors, preparing());
    try {
      await openTab(source, "/tabs", wanted(), inTab);
    } catch (error) {
      fill(errors, errorBox(error));
    }
  };
  const form = h(
    "form",
    { class: "start-form" },
    field(t("form.task"), chooser),
    rest,
    errors,
    h("p", { class: "buttons" }, start, source.can.tab ? inTab : null),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  const opened = dialog(t("form.title"), form);
  opened.closed.then(() => {
    if (state()["new"]) set(noneChosen());
  });
  return opened;
}

/**
 * @param {TaskInfo[]} tasks
 * @param {string} name
 * @returns {TaskInfo}
 */
function infoOf(tasks, name) {
  const found = tasks.find((task) => task["name"] === name);
  if (found) return found;
  const similar = tasks.find((task) => task["name"] === "cifar10");
  return { name: FOLDER, models: similar?.["models"] ?? [], defaults: {}, data: [], needs: null };
}

/** @param {TaskInfo} task */
function fieldsOf(task) {
  const properties = propertiesOf(task["name"]);
  const parts = properties.map((property) => {
    if (BUDGETS.includes(property.name)) return property.name === BUDGETS[0] ? budgetField(task) : null;
    return propertyField(task, property);
  });
  const refresh = () => {
    properties.forEach((property, i) => {
      const values = { ...task["defaults"], ...chosenIn(state()) };
      if (property.isUsed && parts[i]) parts[i].hidden = !property.isUsed(values);
    });
  };
  refresh();
  for (const part of parts) part?.addEventListener("change", refresh);
  return parts;
}

/**
 * @param {TaskInfo} task
 * @param {Property} property
 */
function propertyField(task, property) {
  const hint = has(`form.${property.name}_hint`) ? t(`form.${property.name}_hint`) : undefined;
  return field(t(`form.${property.name}`), controlOf(task, property), hint);
}

/**
 * @param {TaskInfo} task
 * @param {Property} property
 * @returns {HTMLElement}
 */
function controlOf(task, property) {
  const value = state()[property.name] ?? "";
  const usual = task["defaults"]?.[property.name];
  const change = (/** @type {string} */ text) => set({ [property.name]: text === "" ? null : text });
  if (property.control === "number") return numberInput(property, value, usual, change);
  const options = property.options?.(task) ?? [];
  const isOther = value !== "" && !options.includes(value);
  /** @type {[string, string][]} */
  const entries = [["", usual ? t("form.usual_is", { value: usual }) : t("form.usual")]];
  for (const option of options) if (option !== usual) entries.push([option, wordFor(property.name, option)]);
  if (property.control === "choice") return select({ value, options: entries, onChange: change });
  return openChoice([...entries, [OTHER, t("form.other")]], isOther, value, change);
}

/**
 * @param {Property} property
 * @param {string} value
 * @param {unknown} usual
 * @param {(text: string) => void} change
 */
function numberInput({ min, max, isWhole }, value, usual, change) {
  const placeholder = usual === undefined || usual === null ? "" : String(usual);
  const input = h("input", { type: "number", dir: "ltr", min, max, step: isWhole ? 1 : "any", value, placeholder });
  input.addEventListener("input", () => change(input.value));
  return input;
}

/**
 * @param {[string, string][]} options
 * @param {boolean} isOther
 * @param {string} value
 * @param {(text: string) => void} change
 */
function openChoice(options, isOther, value, change) {
  const own = h("input", {
    type: "text",
    dir: "ltr",
    value: isOther ? value : "",
    hidden: !isOther,
    "aria-label": t("form.other"),
  });
  own.addEventListener("input", () => change(own.value));
  const choice = select({
    value: isOther ? OTHER : value,
    options,
    onChange: (key) => {
      own.hidden = key !== OTHER;
      change(key === OTHER ? own.value : key);
      if (key === OTHER) own.focus();
    },
  });
  return h("div", { class: "open-choice" }, choice, own);
}

/**
 * How long: a number and its unit, of which one is sent.
 * @param {TaskInfo} task
 */
function budgetField(task) {
  const given = BUDGETS.find((unit) => state()[unit]) ?? BUDGETS.find((unit) => task["defaults"]?.[unit]) ?? "minutes";
  const usual = (/** @type {string} */ unit) => String(task["defaults"]?.[unit] ?? "");
  const amount = h("input", {
    type: "number",
    dir: "ltr",
    min: 0,
    step: "any",
    value: state()[given] ?? "",
    placeholder: usual(given),
  });
  const unit = select({ value: given, options: BUDGETS.map((name) => [name, t(`form.${name}`)]) });
  unit.setAttribute("aria-label", t("form.budget_unit"));
  const change = () => {
    amount.placeholder = usual(unit.value);
    set({ ...Object.fromEntries(BUDGETS.map((name) => [name, null])), [unit.value]: amount.value || null });
  };
  amount.addEventListener("input", change);
  unit.addEventListener("change", change);
  return field(t("form.budget"), h("div", { class: "amount" }, amount, unit));
}

/**
 * What the weights are at first: random, those of another run at a moment, or those of a file.
 * @param {Source} source
 * @param {TaskInfo} task
 * @param {Summary[]} runs
 * @param {HTMLElement} errors
 */
function startField(source, task, runs, errors) {
  const FILE = "\u0000file";
  const fitting = runs.filter((run) => run.task === task["name"]).map((run) => run.run);
  const start = state()["start"];
  const named = start && !fitting.includes(start) ? [start, ...fitting] : fitting;
  const file = h("input", { type: "file", accept: ".safetensors", hidden: true, "aria-label": t("form.start_file") });
  const name = h("span", { class: "hint" });
  /** @type {[string, string][]} */
  const options = [["", t("form.start_random")], ...named.map((run) => /** @type {[string, string]} */ ([run, run]))];
  const choice = select({
    value: start ?? "",
    options: source.can.upload ? [...options, [FILE, t("form.start_file")]] : options,
    onChange: (key) => {
      file.hidden = key !== FILE;
      set({ start: key === FILE || key === "" ? null : key });
    },
  });
  file.addEventListener("change", async () => {
    const [chosen] = file.files ?? [];
    if (!chosen) return;
    try {
      const { start: id } = await busy(source.post("/networks", chosen), file);
      set({ start: id });
      fill(name, ltr(chosen.name));
    } catch (error) {
      fill(errors, errorBox(error));
    }
  });
  return field(t("form.start"), h("div", { class: "open-choice" }, choice, file, name), t("form.start_hint"));
}

/**
 * @param {string} property
 * @param {string} option
 */
function wordFor(property, option) {
  const key = `form.${property}.${option}`;
  return has(key) ? t(key) : option;
}
