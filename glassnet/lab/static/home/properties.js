// What can be chosen about a training: one list, from which the form, its defaults and its keys in the address come.

/** @typedef {Record<string, any>} TaskInfo of GET /api/home: name, models, defaults, data, is_available, needs */

/**
 * @typedef {object} Property
 * @property {string} name as the lab's interface has it
 * @property {"number" | "choice" | "open"} control a number; one of several; one of several or something else
 * @property {(task: TaskInfo) => string[]} [options]
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [isWhole]
 * @property {string[]} [tasks] the tasks that have it; all where none are named
 * @property {(values: Record<string, string>) => boolean} [isUsed] with what else was chosen
 */

export const BUDGETS = ["minutes", "epochs", "steps"];

/** @type {Property[]} */
export const PROPERTIES = [
  { name: "data", control: "open", options: (task) => task["data"] ?? [], tasks: ["houses", "cifar10", "faces"] },
  { name: "model", control: "open", options: (task) => task["models"] ?? [] },
  { name: "minutes", control: "number", min: 0.05, max: 10_000 },
  { name: "epochs", control: "number", min: 0.01, max: 100_000 },
  { name: "steps", control: "number", min: 1, max: 1e9, isWhole: true },
  { name: "batch_size", control: "number", min: 1, max: 4096, isWhole: true },
  { name: "learning_rate", control: "number", min: 1e-9, max: 100 },
  { name: "schedule", control: "choice", options: () => ["constant", "linear", "cosine", "one_cycle"] },
  { name: "optimizer", control: "choice", options: () => ["adamw", "sgd", "muon"] },
  { name: "momentum", control: "number", min: 0, max: 0.9999, isUsed: (values) => values["optimizer"] !== "adamw" },
  { name: "weight_decay", control: "number", min: 0, max: 10 },
  { name: "seed", control: "number", min: 0, max: 2 ** 31 - 1, isWhole: true },
];

const BY_NAME = new Map(PROPERTIES.map((property) => [property.name, property]));

/**
 * The properties of a task, in the order of the form.
 * @param {string} task
 */
export function propertiesOf(task) {
  return PROPERTIES.filter((property) => !property.tasks || property.tasks.includes(task));
}

/**
 * What the lab is asked for: the values that were chosen, numbers as numbers.
 * @param {string} task name, or path of a folder
 * @param {Record<string, string | undefined>} chosen
 * @param {string | undefined} start
 * @returns {Record<string, string | number>}
 */
export function requestOf(task, chosen, start) {
  /** @type {Record<string, string | number>} */
  const request = { task };
  for (const [name, text] of Object.entries(chosen)) {
    const property = BY_NAME.get(name);
    if (!property || text === undefined || text === "") continue;
    request[name] = property.control === "number" ? Number(text) : text;
  }
  return start ? { ...request, start } : request;
}

/**
 * The values among the keys of the address that belong to the form.
 * @param {Record<string, string>} state
 */
export function chosenIn(state) {
  return Object.fromEntries(Object.entries(state).filter(([name]) => BY_NAME.has(name)));
}

/** All keys of the address that the form uses, as a change that takes them away. */
export function noneChosen() {
  const names = [...BY_NAME.keys(), "new", "folder", "start"];
  return Object.fromEntries(names.map((name) => [name, null]));
}
