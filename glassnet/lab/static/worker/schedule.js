// How long a training lasts, how large its steps are meanwhile, and when it is looked at; plain numbers.

import { rounded } from "./tensors.js";

/**
 * @typedef {object} Settings those that matter here, under their names in Python
 * @property {number} learning_rate
 * @property {string} schedule
 * @property {number} warmup share of the budget
 * @property {number} batch_size
 * @property {number | null} minutes
 * @property {number | null} epochs
 * @property {number | null} steps
 */

/** @typedef {(progress: number) => number} Schedule from progress (0 to 1) to a factor on the learning rate */

/** @type {Record<string, Schedule>} */
const SHAPES = { constant: () => 1, linear: (progress) => 1 - progress, cosine: (progress) => wave(1, 0, progress) };
const RISE_SHARE = 0.3;
const [INITIAL_FACTOR, FINAL_FACTOR] = [1 / 25, 1 / 250_000];

/** @param {Settings} settings @param {number} progress */
export function learningRate(settings, progress) {
  return settings.learning_rate * scheduleOf(settings)(progress);
}

/**
 * min(decay, (1 + step) / (10 + step)): an average of few steps forgets its beginning sooner.
 * @param {number} decay
 * @param {number} step
 */
export const warmedUpDecay = (decay, step) => Math.min(decay, (1 + step) / (10 + step));

/**
 * A number of steps or of seconds; the other one is infinite.
 * @param {Pick<Settings, "minutes" | "epochs" | "steps" | "batch_size">} settings
 * @param {number} numExamples
 */
export function budget(settings, numExamples) {
  const { minutes, epochs, steps: given, batch_size: batchSize } = settings;
  const isTimed = minutes !== null;
  const seconds = isTimed ? minutes * 60 : Infinity;
  const asked = epochs !== null ? Math.max(1, rounded((epochs * numExamples) / batchSize)) : (given ?? Infinity);
  const steps = isTimed ? Infinity : asked;
  return {
    steps,
    seconds,
    /** The share that is used up, from 0 to 1. @param {number} done @param {number} elapsedS */
    progress: (done, elapsedS) => Math.min(1, Math.max(done / steps, elapsedS / seconds)),
  };
}

/** 1, 2, 3, 4, 6, 8, 12, 16, 24...: much happens early, so the steps that are kept thin out. @param {number} step */
export function nextPictureStep(step) {
  if (step < 3) return step + 1;
  const power = 2 ** (31 - Math.clz32(step));
  return step < (power * 3) / 2 ? (power * 3) / 2 : power * 2;
}

/** @param {Settings} settings @returns {Schedule} */
function scheduleOf({ schedule, warmup }) {
  if (schedule === "one_cycle") return oneCycle;
  const shape = SHAPES[schedule];
  if (!shape) {
    const names = [...Object.keys(SHAPES), "one_cycle"].join(", ");
    throw new Error(`expected a schedule among ${names}; got '${schedule}'. To fix: export the page anew.`);
  }
  return warmup ? (progress) => warmedUp(shape, warmup, progress) : shape;
}

/**
 * In a straight line up, and in the share that is left all of `then`.
 * @param {Schedule} then
 * @param {number} warmup
 * @param {number} progress
 */
function warmedUp(then, warmup, progress) {
  return progress < warmup ? (then(0) * progress) / warmup : then((progress - warmup) / (1 - warmup));
}

/** Half a wave up, then half a wave down (arXiv:1708.07120). @param {number} progress */
function oneCycle(progress) {
  if (progress < RISE_SHARE) return wave(INITIAL_FACTOR, 1, progress / RISE_SHARE);
  return wave(1, FINAL_FACTOR, (progress - RISE_SHARE) / (1 - RISE_SHARE));
}

/**
 * From start to end along half a cosine wave; it stays at the end.
 * @param {number} start
 * @param {number} end
 * @param {number} share
 */
const wave = (start, end, share) => end + ((start - end) * (1 + Math.cos(Math.PI * Math.min(share, 1)))) / 2;
