// The loss around the weights: down its gradient, which comes out of the graph, and on a plane through the weights.
// As insight/slices.py has it.

import { numberOr } from "./encoding.js";
import { generator } from "./randomness.js";
import { lossOf, told } from "./story.js";
import { float32 } from "./tensors.js";
import { feedsOf } from "./weights.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./trainer.js").Trainer} Trainer */
/** @typedef {import("./weights.js").Moment} Moment */
/** @typedef {Record<string, Tensor>} Tensors by name */
/** @typedef {[share: number, direction: Tensors]} Way */

const FURTHER = 1.6; // the way down is shown so much longer than until the loss is that of the start again
const MOST_CHANGES = 80;
const [HIGHEST, MOST_HALVINGS] = [10, 10]; // a plane ends before its axes reach so many times the loss in the middle
// Of a network that takes long to ask, fewer losses.
const [QUICK_MS, FINE, COARSE] = [25, { along: 25, plane: 13 }, { along: 13, plane: 9 }];

/**
 * GET /runs/{run}/surroundings.
 * @param {Trainer} trainer
 * @param {Moment} moment
 * @param {string} plane "random" or "gradient"
 */
export async function surroundingsAnswer(trainer, { step, parameters, weights }, plane) {
  const num = trainer.manifest.story.batch_size;
  const names = Object.keys(parameters);
  const buffers = Object.fromEntries(Object.entries(weights).filter(([name]) => !names.includes(name)));
  const center = /** @type {Tensors} */ (Object.fromEntries(names.map((name) => [name, weights[name]])));
  const where = { parameters: center, buffers, feeds: await feedsOf(trainer, 0, num) };
  const lossAt = (/** @type {Way[]} */ ...ways) => lossOf(trainer, where, moved(center, ways));
  const outputs = await told(trainer, where);
  const gradient = /** @type {Tensors} */ (Object.fromEntries(names.map((name) => [name, outputs[`gradient/${name}`]])));
  const random = (/** @type {number} */ number) => randomDirection(center, trainer.settings.seed, number);
  await lossAt();
  const began = performance.now();
  const loss = await lossAt();
  const fineness = performance.now() - began < QUICK_MS ? FINE : COARSE;
  const across = byFilter(plane === "gradient" ? gradient : random(1), center);
  return {
    step,
    num_examples: num,
    loss_along_gradient: await alongGradient(lossAt, loss, gradient, random(0), fineness.along),
    loss_slice: {
      directions:
        plane === "gradient"
          ? ["the gradient, uphill to the right", "a random direction"]
          : ["a random direction", "another one"],
      ...(await slice(lossAt, loss, across, byFilter(random(2), center), fineness.plane)),
    },
  };
}

/**
 * From a third of the way uphill to as far down as there is something to see.
 * @param {(...ways: Way[]) => Promise<number>} lossAt
 * @param {number} loss
 * @param {Tensors} gradient
 * @param {Tensors} random
 * @param {number} num
 */
async function alongGradient(lossAt, loss, gradient, random, num) {
  const slope = squaredLength(gradient);
  const ratio = Math.sqrt(slope / squaredLength(random));
  const far = await reachDown((size) => lossAt([-size, gradient]), loss, slope);
  const sizes = linear(-far / 3, far, num);
  const [down, aside] = [[], []].map(() => /** @type {(number | null)[]} */ ([]));
  for (const size of sizes) {
    down?.push(numberOr(await lossAt([-size, gradient])));
    aside?.push(numberOr(await lossAt([-size * ratio, random])));
  }
  return { step_sizes: sizes, down, random: aside, loss: numberOr(loss), slope: numberOr(slope) };
}

/**
 * A step size at which the way down has long turned into one up.
 * @param {(size: number) => Promise<number>} lossAt
 * @param {number} start
 * @param {number} slope
 */
async function reachDown(lossAt, start, slope) {
  if (slope === 0) return 1; // there is no way down
  let size = Math.abs(start) / slope || 1; // where the loss would be 0 if the slope stayed
  const isAbove = !((await lossAt(size)) < start);
  for (let i = 0; i < MOST_CHANGES; i += 1) {
    const next = isAbove ? size / 1.25 : size * 1.25;
    if (!((await lossAt(next)) < start) !== isAbove) return FURTHER * Math.min(size, next);
    size = next;
  }
  return size;
}

/**
 * The loss on a plane through the weights, which are in its middle.
 * @param {(...ways: Way[]) => Promise<number>} lossAt
 * @param {number} loss
 * @param {Tensors} across
 * @param {Tensors} up
 * @param {number} num
 */
async function slice(lossAt, loss, across, up, num) {
  const columns = linear(-1, 1, num).map(await scaled(lossAt, loss, across));
  const rows = linear(-1, 1, num).map(await scaled(lossAt, loss, up));
  const losses = [];
  for (const y of rows) {
    const row = [];
    for (const x of columns) row.push(numberOr(await lossAt([x, across], [y, up])));
    losses.push(row);
  }
  return { across: columns, up: rows, losses };
}

/**
 * How far a direction goes: 1, or half of it so often that both ends are not too high.
 * @param {(...ways: Way[]) => Promise<number>} lossAt
 * @param {number} loss
 * @param {Tensors} direction
 * @returns {Promise<(share: number) => number>}
 */
async function scaled(lossAt, loss, direction) {
  let reach = 1;
  for (let i = 0; i < MOST_HALVINGS; i += 1) {
    const ends = [await lossAt([-reach, direction]), await lossAt([reach, direction])];
    if (ends.every((end) => end <= HIGHEST * loss)) break;
    reach /= 2;
  }
  return (share) => share * reach;
}

/**
 * Random numbers, normally distributed, in the shapes of the weights.
 * @param {Tensors} weights
 * @param {number} seed
 * @param {number} number
 */
function randomDirection(weights, seed, number) {
  const source = generator(seed, "initialization", number + 1);
  return mapped(weights, ({ shape, data }) => float32(shape, source.normal(data.length)));
}

/**
 * The direction with each filter, along the first axis, as long as that of the weights. What has one axis stays.
 * @param {Tensors} direction
 * @param {Tensors} weights
 */
function byFilter(direction, weights) {
  return mapped(weights, ({ shape, data }, name) => {
    const scaledTo = new Float32Array(data.length);
    if (shape.length < 2) return float32(shape, scaledTo);
    const given = /** @type {Float32Array} */ (direction[name]?.data);
    const size = data.length / (shape[0] ?? 1);
    for (let start = 0; start < data.length; start += size) {
      const [own, wanted] = [given, /** @type {Float32Array} */ (data)].map((list) =>
        Math.sqrt(list.subarray(start, start + size).reduce((sum, x) => sum + x * x, 0)),
      );
      for (let i = start; i < start + size; i += 1) scaledTo[i] = ((given[i] ?? 0) * (wanted ?? 0)) / (own || 1);
    }
    return float32(shape, scaledTo);
  });
}

/**
 * @param {Tensors} weights
 * @param {Way[]} ways
 */
function moved(weights, ways) {
  return mapped(weights, ({ shape, data }, name) => {
    const there = Float32Array.from(/** @type {Float32Array} */ (data));
    for (const [share, direction] of ways) {
      direction[name]?.data.forEach((x, i) => (there[i] = (there[i] ?? 0) + share * Number(x)));
    }
    return float32(shape, there);
  });
}

/** @param {Tensors} direction */
function squaredLength(direction) {
  return Object.values(direction).reduce(
    (sum, { data }) => /** @type {Float32Array} */ (data).reduce((part, x) => part + x * x, sum),
    0,
  );
}

/**
 * @param {Tensors} tensors
 * @param {(tensor: Tensor, name: string) => Tensor} change
 * @returns {Tensors}
 */
function mapped(tensors, change) {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, change(tensor, name)]));
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} num
 */
const linear = (from, to, num) => Array.from({ length: num }, (_, i) => from + ((to - from) * i) / (num - 1));
