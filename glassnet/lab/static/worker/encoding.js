// Pictures and numbers as the server would send them: bytes in base64 with what they mean beside them, as encoding.py.

import { rounded, sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("../tensor.js").Tensor} Encoded */
/** @typedef {import("../source/source.js").Pixels} Pixels */

export const MOST_NUMBERS = 65_536; // of a tensor
const ZERO = 127; // the level of 0, so that -limit, 0 and limit are 0, 127 and 254
const CLIPPED = 0.995; // share of the numbers that get a level of their own
const PART = 0x8000; // bytes that become characters at once

/**
 * uint8 (N, C, H, W), C 1 or 3; (N, H, W) are gray.
 * @param {Tensor} images
 * @param {boolean} isInk 255 is ink, 0 the paper
 * @returns {Pixels}
 */
export function pixels({ shape, data }, isInk = false) {
  const [num = 0, ...rest] = shape;
  const [channels = 1, height = 1, width = 1] = shape.length === 3 ? [1, ...rest] : rest;
  return { shape: [num, channels, height, width], pixels: inBase64(/** @type {Uint8Array} */ (data)), is_ink: isInk };
}

/**
 * Floats of any range as a picture, from its darkest to its brightest number.
 * @param {ArrayLike<number>} values
 */
export function spread(values) {
  const numbers = Array.from(values);
  const [low, high] = extremes(numbers);
  const range = high > low ? high - low : 1;
  return Uint8Array.from(numbers, (value) => rounded((255 * (value - low)) / range));
}

/**
 * Numbers as levels from 0 to 254, where 127 is 0 and 254 is `limit`; at most `most`, cut by the first axes. What is
 * said of them is of all that are numbers.
 * @param {string} name
 * @param {Tensor} values
 * @param {number} most
 */
export function encoded(name, { shape, data }, most = MOST_NUMBERS) {
  const all = /** @type {Float32Array} */ (data);
  const numbers = Float64Array.from(all).filter(Number.isFinite);
  const limit = limitOf(numbers);
  const shown = shownOf(shape, most);
  const levels = Uint8Array.from(all.subarray(0, sizeOf(shown)), (value) => levelOf(value, limit));
  const zeros = all.length ? all.reduce((num, value) => num + (value === 0 ? 1 : 0), 0) / all.length : 0;
  return { name, shape, shown, limit, levels: inBase64(levels), ...told(numbers), zeros };
}

/** Null where it is no number: what the server says has none. @param {number | undefined} value */
export const numberOr = (value) => (value !== undefined && Number.isFinite(value) ? value : null);

/**
 * The largest size but for the few that are much larger.
 * @param {Float64Array} numbers
 */
function limitOf(numbers) {
  if (!numbers.length) return 0;
  const sizes = numbers.map(Math.abs).sort();
  // A few numbers that are not 0, among many that are, have a scale as well.
  return sizes[Math.ceil(CLIPPED * (sizes.length - 1))] || sizes.at(-1) || 0;
}

/**
 * @param {number} value
 * @param {number} limit
 */
function levelOf(value, limit) {
  const share = Number.isFinite(value) ? value / (limit || 1) : 0;
  return rounded(Math.min(1, Math.max(-1, share)) * ZERO) + ZERO;
}

/** @param {Float64Array} numbers */
function told(numbers) {
  if (!numbers.length) return { min: null, max: null, mean: null, std: null };
  const [min, max] = extremes(numbers);
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  return { min, max, mean, std: Math.sqrt(variance) };
}

/**
 * @param {ArrayLike<number>} numbers
 * @returns {[low: number, high: number]}
 */
function extremes(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < numbers.length; i += 1) {
    low = Math.min(low, numbers[i] ?? 0);
    high = Math.max(high, numbers[i] ?? 0);
  }
  return [low, high];
}

/**
 * As much of the first axes as it takes, so that the others can be whole; of axes before one that is cut, 1. What is
 * shown is thus what comes first.
 * @param {number[]} shape
 * @param {number} most
 */
function shownOf(shape, most) {
  const shown = [...shape];
  for (const [axis, size] of shape.entries()) {
    const rest = sizeOf(shown.slice(axis + 1));
    shown[axis] = Math.min(size, Math.max(1, Math.floor(most / Math.max(1, rest))));
    if (sizeOf(shown) <= most) break;
  }
  return shown;
}

/** @param {Uint8Array} bytes */
function inBase64(bytes) {
  const parts = [];
  for (let i = 0; i < bytes.length; i += PART) parts.push(String.fromCharCode(...bytes.subarray(i, i + PART)));
  return btoa(parts.join(""));
}
