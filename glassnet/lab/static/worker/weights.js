// Requests about one weight of a training in this tab: which one is meant, and the scene that its story is told of.

import { below, drawnInputs, exampleInputs, placesAt } from "./inputs.js";
import { namesOf } from "./inside.js";
import { RequestError } from "./photo.js";
import { generator } from "./randomness.js";
import { learningRate } from "./schedule.js";
import { lossWith, nameOf, tell } from "./story.js";
import { raveled } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./trainer.js").Trainer} Trainer */
/** @typedef {import("./story.js").Scene} Scene */
/** @typedef {import("./story.js").Place} Place */
/** @typedef {Record<string, Tensor>} Tensors by name */
/** @typedef {{step: number, weights: Tensors, parameters: Tensors}} Moment weights: what draws and predicts */

const NUM_NAMES = 3;
// Shares of the highest learning rate. A step of a schedule that has run out shows nothing; one with the highest is too
// large for weights that have settled.
const [LEAST_FACTOR, SHOWN_FACTOR] = [0.01, 0.1];
const NOT_KEPT =
  "What the optimizer makes of the slope is known of now only: of other moments the weights were kept, not what it " +
  "remembered of earlier steps.";

/** @type {WeakMap<Trainer, Scene>} where the newest story was told, so that the weight can be nudged there */
const told = new WeakMap();

/**
 * @param {Trainer} trainer
 * @param {Moment} moment
 * @param {string} name such as conv1.weight[3,0,2,2]
 */
export async function storyAnswer(trainer, moment, name) {
  const place = placeOf(name, moment);
  // Before anything is waited for: the training goes on meanwhile.
  const now = trainer.step === moment.step ? rememberedBy(trainer) : null;
  const scene = await openScene(trainer, moment, place, now);
  told.set(trainer, scene);
  return tell(trainer, scene, place);
}

/**
 * The loss with another value of that weight; of no moment in particular, where its story was told.
 * @param {Trainer} trainer
 * @param {Moment | null} moment
 * @param {string} name
 * @param {number} value
 */
export async function lossAnswer(trainer, moment, name, value) {
  if (!Number.isFinite(value)) {
    throw new RequestError("bad_request", `expected value as a number; got ${value}. To fix: give one.`, 400);
  }
  const before = told.get(trainer);
  const isSame = before && (moment === null || moment.step === before.step);
  const there = moment ?? before;
  if (!there) throw new RequestError("not_found", "expected a story of a weight; got none. To fix: ask for it.", 404);
  const place = placeOf(name, { weights: {}, ...there });
  const scene = isSame ? before : await openScene(trainer, /** @type {Moment} */ (moment), place, null);
  return lossWith(trainer, scene, place, value);
}

/**
 * The weight that `name[i,j,...]` means.
 * @param {string} text
 * @param {{weights: Tensors, parameters: Tensors}} moment
 * @returns {Place}
 */
export function placeOf(text, { parameters, weights }) {
  const [, name = text, inside = ""] = /^\s*([^[\]]*?)\s*(?:\[([^[\]]*)\])?\s*$/.exec(text) ?? [];
  const choices = Object.keys(parameters);
  const some = `${choices.slice(0, NUM_NAMES).join(", ")}${choices.length > NUM_NAMES ? " ..." : ""}`;
  const tensor = parameters[name];
  if (!tensor) {
    const got = name in weights ? `${name}, which is kept as it is` : `'${text}'`;
    throw refused(`expected a weight that is learned; got ${got}. To fix: choose one of ${some}.`);
  }
  const numbers = inside.trim() === "" ? [] : inside.split(",").map((number) => number.trim());
  const { shape } = tensor;
  const isIn = (/** @type {number} */ size, /** @type {number} */ axis) =>
    /^\d+$/.test(numbers[axis] ?? "") && Number(numbers[axis]) < size;
  if (numbers.length !== shape.length || !shape.every(isIn)) {
    const ranges = shape.map((size) => `0 to ${size - 1}`).join(", ") || "none";
    const example = nameOf({ name, index: shape.map((size) => Math.floor(size / 2)) });
    const counted = shape.length === 1 ? "1 number" : `${shape.length} numbers`;
    throw refused(
      `expected ${counted} in brackets for ${name}: ${ranges}; got '${text}'. To fix: '${example}' is one.`,
    );
  }
  return { name, index: numbers.map(Number) };
}

/** @param {string} message */
function refused(message) {
  return new RequestError("not_found", message, 404);
}

/**
 * What is known of now alone.
 * @param {Trainer} trainer
 */
function rememberedBy(trainer) {
  const named = trainer.named();
  return { averages: below("averages", named), remembered: below("optimizer", named) };
}

/**
 * At the first examples of the next step of the training, varied as they will be.
 * @param {Trainer} trainer
 * @param {Moment} moment
 * @param {Place} place
 * @param {{averages: Tensors, remembered: Tensors} | null} now
 * @returns {Promise<Scene>}
 */
async function openScene(trainer, { step, parameters, weights }, place, now) {
  const { manifest, settings } = trainer;
  const num = manifest.story.batch_size;
  const { rate, notices } = rateOf(trainer);
  const kept = Object.entries(weights).filter(([name]) => !(name in parameters));
  const feeds = await feedsOf(trainer, step, num);
  const labels = /** @type {BigInt64Array | undefined} */ (feeds["batch/labels"]?.data);
  const names = namesOf(manifest);
  const ofAll = num < trainer.batchSize;
  return {
    step,
    parameters,
    buffers: Object.fromEntries(kept),
    feeds,
    averages: now?.averages ?? null,
    remembered: now?.remembered ?? null,
    hyper: trainer.hyper(rate),
    history: await historyOf(trainer, place, step),
    examples: `the first ${num} of the ${settings.batch_size} examples of step ${step + 1}`,
    labels: labels && names.length ? Array.from(labels, (label) => names[Number(label)] ?? "") : [],
    notices: [
      ...(ofAll ? [`The training itself learns from ${trainer.batchSize} examples at once, not from ${num}.`] : []),
      ...(now ? notices : [NOT_KEPT]),
    ],
  };
}

/**
 * The first examples of a step, and the random numbers for them.
 * @param {Trainer} trainer
 * @param {number} step
 * @param {number} num
 * @returns {Promise<Tensors>}
 */
export async function feedsOf(trainer, step, num) {
  const at = placesAt(trainer, step, num);
  await trainer.examples.whenAvailable(Math.max(...at.places) + 1);
  const random = generator(trainer.settings.seed, "step", step);
  return { ...drawnInputs(await trainer.engine.graph("loss"), random), ...exampleInputs(trainer, at) };
}

/**
 * The learning rate of the step that is shown, and what there is to say of it.
 * @param {Trainer} trainer
 */
function rateOf(trainer) {
  const { settings, control } = trainer;
  if (control.learning_rate !== null) return { rate: control.learning_rate, notices: [] };
  const [rate, highest] = [learningRate(settings, Math.min(trainer.progress, 1)), settings.learning_rate];
  if (rate >= LEAST_FACTOR * highest) return { rate, notices: [] };
  const shown = SHOWN_FACTOR * highest;
  const now = `By the schedule the learning rate is ${rate.toPrecision(2)} now.`;
  return { rate: shown, notices: [`${now} The step shown has a tenth of the highest, ${Number(shown.toPrecision(6))}.`] };
}

/**
 * What the weight was at earlier moments that were kept.
 * @param {Trainer} trainer
 * @param {Place} place
 * @param {number} before
 */
async function historyOf(trainer, { name, index }, before) {
  const history = [];
  for (const step of trainer.moments.filter((one) => one < before)) {
    const tensor = (await trainer.shelf.get(`moment/${step}`))?.[`parameters/${name}`];
    if (!tensor) continue;
    history.push({ step, value: Number(tensor.data[raveled(index, tensor.shape)]) });
  }
  return history;
}
