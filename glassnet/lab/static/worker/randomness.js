// Random numbers that depend on nothing but the seed, the purpose and the step: bit for bit those of the Python side.

import { Philox, mulHigh } from "./philox.js";
import { TAIL_START, ziggurat } from "./ziggurat.js";

/** @typedef {"initialization" | "order" | "step" | "validation" | "pictures" | "flips"} Purpose */

const PURPOSES = ["initialization", "order", "step", "validation", "pictures", "flips"];
const BLOCK = 1024; // words that are made at a time at most
const BLOCK_64 = 4; // words of 64 bits that Philox makes at a time
const UNIT = 2 ** -24;
const UNIT_64 = 2 ** -53;
const { limits, widths, heights } = ziggurat();
const TAIL_START_F = Math.fround(TAIL_START);
const INVERSE_F = Math.fround(1 / TAIL_START);

/**
 * A counter-based generator: `seed` and `purpose` make the key, `counter` (a step, an epoch, a picture) the place.
 * @param {number | bigint} seed
 * @param {Purpose} purpose
 * @param {number} [counter]
 * @param {number} [place] so many words of 64 bits are left out
 */
export function generator(seed, purpose, counter = 0, place = 0) {
  const index = PURPOSES.indexOf(purpose);
  if (index < 0 || !(typeof seed === "bigint" || Number.isSafeInteger(seed))) {
    throw new Error(
      `expected a purpose among ${PURPOSES.join(", ")} and a whole seed below 2^53; got ${purpose} and ${seed}. ` +
        "To fix: choose another seed.",
    );
  }
  const blocks = Math.floor(place / BLOCK_64);
  const found = new Generator(new Philox([BigInt(seed), BigInt(index)], BigInt(counter), blocks));
  found.spread(place - blocks * BLOCK_64, 0, 1);
  return found;
}

/** Numbers from a stream, as NumPy's Generator makes them of the same bits. */
export class Generator {
  #stream;
  #words = new Uint32Array(8);
  #next = this.#words.length;

  /** @param {Philox} stream */
  constructor(stream) {
    this.#stream = stream;
  }

  /** Spread evenly over [0, 1). @param {number} n */
  uniform(n) {
    const numbers = new Float32Array(n);
    for (let i = 0; i < n; i += 1) numbers[i] = this.#unit();
    return numbers;
  }

  /**
   * Spread evenly over [low, high): made with 64 bits, then rounded.
   * @param {number} n
   * @param {number} low
   * @param {number} high
   */
  spread(n, low, high) {
    const numbers = new Float32Array(n);
    const range = high - low;
    for (let i = 0; i < n; i += 1) {
      const lower = this.#word();
      numbers[i] = low + range * ((this.#word() * 2 ** 21 + (lower >>> 11)) * UNIT_64);
    }
    return numbers;
  }

  /** Over [0, 1), one in each n-th part of it, in order. @param {number} n */
  stratified(n) {
    const share = Math.fround(1 / n);
    return this.uniform(n).map((unit, i) => Math.fround(unit + i) * share);
  }

  /** From the standard normal distribution. @param {number} n */
  normal(n) {
    const numbers = new Float32Array(n);
    for (let i = 0; i < n; i += 1) numbers[i] = this.#normal();
    return numbers;
  }

  /** The numbers 0 to n - 1 in some order. @param {number} n */
  permutation(n) {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i -= 1) {
      const j = this.#upTo(i);
      const last = /** @type {number} */ (order[i]);
      order[i] = /** @type {number} */ (order[j]);
      order[j] = last;
    }
    return order;
  }

  #word() {
    if (this.#next === this.#words.length) {
      // The more has been asked for, the more is made ahead: a stream may be short.
      if (this.#words.length < BLOCK) this.#words = new Uint32Array(this.#words.length * 2);
      this.#stream.fill(this.#words);
      this.#next = 0;
    }
    const word = /** @type {number} */ (this.#words[this.#next]);
    this.#next += 1;
    return word;
  }

  #unit() {
    return (this.#word() >>> 8) * UNIT;
  }

  /** Evenly from 0 to `most`: the smallest mask, until it fits. @param {number} most */
  #upTo(most) {
    const shift = Math.clz32(most);
    for (;;) {
      const word = (this.#word() << shift) >>> shift;
      if (word <= most) return word;
    }
  }

  #normal() {
    for (;;) {
      const word = this.#word();
      const layer = word & 0xff;
      const step = word >>> 9;
      const size = Math.fround(step * /** @type {number} */ (widths[layer]));
      const x = word & 0x100 ? -size : size;
      if (step < /** @type {number} */ (limits[layer])) return x;
      if (layer === 0) return this.#tail(step);
      const [above, below] = [/** @type {number} */ (heights[layer - 1]), /** @type {number} */ (heights[layer])];
      const height = Math.fround(Math.fround(Math.fround(above - below) * this.#unit()) + below);
      if (height < Math.exp(-0.5 * x * x)) return x;
    }
  }

  /** Beyond the last layer. @param {number} step */
  #tail(step) {
    for (;;) {
      const beyond = Math.fround(-INVERSE_F * Math.fround(Math.log1p(-this.#unit())));
      const y = -Math.fround(Math.log1p(-this.#unit()));
      if (Math.fround(y + y) > Math.fround(beyond * beyond)) {
        const size = Math.fround(TAIL_START_F + beyond);
        return step & 0x100 ? -size : size;
      }
    }
  }
}
