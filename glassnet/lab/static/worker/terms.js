// The slope of a weight as a sum: (signal coming in) x (blame coming back), both as the graph gives them, number by
// number. No derivative is made here: what is multiplied and added up is what the page shows.

import { spread } from "./encoding.js";
import { sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("../weight/story.js").Term} Term */

/**
 * @typedef {object} Meeting a call in which weights meet the examples, as the manifest has it
 * @property {string} call
 * @property {number[]} shape of what it results in
 * @property {string[]} weights by name
 * @property {number | null} picture the number of what is seen there
 */

/** @typedef {{number: number, meeting: Meeting, signal: Float32Array, terms: Float64Array}} Met */
/** @typedef {{met: Met, place: number, example: number | null}} Chosen */

const NUM_LARGEST = 6;
const EACH = 2; // of an example, among the largest terms of many
const LEAST_INFLUENCE = 0.01; // of the strongest; weaker ones come by way of averages over whole pictures and batches

/**
 * @param {Meeting[]} meetings
 * @param {Record<string, Tensor>} outputs of the graph
 * @param {string} name of the tensor that the weight is of
 * @returns {Met[]}
 */
export function metBy(meetings, outputs, name) {
  return meetings.flatMap((meeting, number) => {
    if (!meeting.weights.includes(name)) return [];
    const [signal, blame] = [numbersOf(outputs, `signal/${number}`), numbersOf(outputs, `blame/${number}`)];
    return [{ number, meeting, signal, terms: Float64Array.from(signal, (value, i) => value * (blame[i] ?? 0)) }];
  });
}

/**
 * @param {Met[]} met
 * @param {number} batchSize
 */
export function summed(met, batchSize) {
  const terms = met.map((one) => one.terms);
  const sumOf = (/** @type {(term: number) => boolean} */ isMeant) =>
    terms.reduce((sum, list) => list.reduce((part, term) => (isMeant(term) ? part + term : part), sum), 0);
  return {
    calls: met.map(({ meeting }) => meeting.call),
    terms: met.reduce((num, { meeting, signal }) => num + numTerms(meeting.shape, signal), 0),
    nonzero: terms.reduce((num, list) => list.reduce((part, term) => part + (term === 0 ? 0 : 1), num), 0),
    positive: sumOf((term) => term > 0),
    negative: sumOf((term) => term < 0),
    sum: sumOf(() => true),
    by_example: byExample(met, batchSize),
  };
}

/**
 * The terms that say most, for or against; of many examples two of each at most, as neighbors say the same.
 * @param {Met[]} met
 * @param {number} batchSize
 */
export function largest(met, batchSize) {
  const all = met.flatMap((one) => [...one.terms.keys()].filter((place) => one.terms[place]).map((place) => [one, place]));
  const entries = /** @type {[Met, number][]} */ (all);
  const size = (/** @type {[Met, number]} */ [{ terms }, place]) => Math.abs(terms[place] ?? 0);
  const most = Math.max(EACH, Math.ceil(NUM_LARGEST / batchSize));
  /** @type {Map<number | null, number>} */
  const taken = new Map();
  /** @type {Chosen[]} */
  const chosen = [];
  for (const [one, place] of entries.sort((a, b) => size(b) - size(a))) {
    const example = exampleOf(one, place, batchSize);
    const num = taken.get(example) ?? 0;
    if (num < most) chosen.push({ met: one, place, example });
    taken.set(example, num + 1);
    if (chosen.length === NUM_LARGEST) break;
  }
  return chosen;
}

/**
 * @param {Chosen} chosen
 * @param {Record<string, Tensor>} outputs
 * @param {string[]} labels of the examples
 * @returns {Term} without the part of the picture that it comes from
 */
export function termOf({ met, place, example }, outputs, labels) {
  return {
    example,
    label: example === null ? null : (labels[example] ?? null),
    place: unraveled(place, met.meeting.shape),
    signal: met.signal[place] ?? 0,
    blame: numbersOf(outputs, `blame/${met.number}`)[place] ?? 0,
    term: met.terms[place] ?? 0,
    patch: null,
  };
}

/**
 * What the network saw where a term arose.
 * @param {Chosen} chosen
 * @param {Record<string, Tensor>} outputs
 * @returns {Tensor | null} uint8 (1, C, H, W)
 */
export function pictureOf({ met, example }, outputs) {
  const seen = met.meeting.picture === null ? undefined : outputs[`picture/${met.meeting.picture}`];
  if (!seen || example === null) return null;
  const size = sizeOf(seen.shape.slice(1));
  const values = /** @type {Float32Array} */ (seen.data).subarray(example * size, (example + 1) * size);
  return { dtype: "uint8", shape: [1, ...seen.shape.slice(1)], data: spread(values) };
}

/**
 * What the graph is asked for the part of the picture that a term comes from: one at a time, since in a batch
 * normalization examples move each other. Null where there is no picture.
 * @param {Chosen} chosen
 * @param {number} batchSize
 * @returns {Record<string, Tensor> | null}
 */
export function patchFeeds({ met, place, example }, batchSize) {
  if (example === null || met.meeting.picture === null) return null;
  const [places, meetings] = [new BigInt64Array(batchSize), new BigInt64Array(batchSize).fill(-1n)];
  places[example] = BigInt(place % (sizeOf(met.meeting.shape) / batchSize));
  meetings[example] = BigInt(met.number);
  const tensor = (/** @type {BigInt64Array} */ data) => ({ dtype: /** @type {const} */ ("int64"), shape: [batchSize], data });
  return { place: tensor(places), meeting: tensor(meetings) };
}

/**
 * The part of the picture that a term comes from: all pixels that it moves with, but for faint ones.
 * @param {Chosen} chosen
 * @param {Record<string, Tensor>} outputs of the graph
 * @returns {Term["patch"]}
 */
export function patchOf({ met, example }, outputs) {
  const influence = outputs[`influence/${met.meeting.picture}`];
  if (!influence || example === null) return null;
  const [, channels = 1, height = 1, width = 1] = influence.shape;
  const area = height * width;
  const strength = new Float32Array(area);
  for (let i = 0; i < channels * area; i += 1) {
    const pixel = i % area;
    const size = Math.abs(Number(influence.data[example * channels * area + i]));
    strength[pixel] = Math.max(strength[pixel] ?? 0, size);
  }
  const most = strength.reduce((a, b) => Math.max(a, b), 0);
  if (most === 0) return null;
  let [top, left, bottom, right] = [height, width, 0, 0];
  strength.forEach((size, pixel) => {
    if (size < LEAST_INFLUENCE * most) return;
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    [top, left] = [Math.min(top, row), Math.min(left, column)];
    [bottom, right] = [Math.max(bottom, row + 1), Math.max(right, column + 1)];
  });
  return [top, left, bottom, right];
}

/**
 * The axes of a place that was counted along them.
 * @param {number} place
 * @param {number[]} shape
 */
export function unraveled(place, shape) {
  return shape.map((size, axis) => Math.floor(place / sizeOf(shape.slice(axis + 1))) % size);
}

/**
 * How many numbers a weight has a part in, also where its signal happens to be 0.
 * @param {number[]} shape
 * @param {Float32Array} signal
 */
function numTerms(shape, signal) {
  const axes = shape.map(() => new Set());
  signal.forEach((value, place) => {
    if (value !== 0) unraveled(place, shape).forEach((at, axis) => axes[axis]?.add(at));
  });
  return axes.reduce((num, places) => num * places.size, 1);
}

/**
 * @param {Met[]} met
 * @param {number} batchSize
 * @returns {number[] | null} none if there are terms of no example alone
 */
function byExample(met, batchSize) {
  /** @type {number[]} */
  const sums = new Array(batchSize).fill(0);
  for (const { meeting, terms } of met) {
    if (!isByExample(meeting.shape, batchSize)) return null;
    const size = terms.length / batchSize;
    terms.forEach((term, place) => {
      const example = Math.floor(place / size);
      sums[example] = (sums[example] ?? 0) + term;
    });
  }
  return sums;
}

/**
 * Rows of a matrix may be several to an example; they follow each other.
 * @param {number[]} shape
 * @param {number} batchSize
 */
function isByExample(shape, batchSize) {
  return shape.length > 0 && (shape[0] ?? 0) % batchSize === 0;
}

/**
 * @param {Met} met
 * @param {number} place
 * @param {number} batchSize
 */
function exampleOf({ meeting }, place, batchSize) {
  if (!isByExample(meeting.shape, batchSize)) return null;
  return Math.floor(place / (sizeOf(meeting.shape) / batchSize));
}

/**
 * @param {Record<string, Tensor>} outputs
 * @param {string} name
 */
function numbersOf(outputs, name) {
  return /** @type {Float32Array} */ (/** @type {Tensor} */ (outputs[name]).data);
}
