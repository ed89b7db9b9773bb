// Philox4x64-10, a counter-based stream of random bits (Salmon et al. 2011, doi:10.1145/2063384.2063405).

const MULTIPLIERS = [0xd2e7470ee14c6c93n, 0xca5a826395121157n];
const WEYL = [0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn];
const NUM_ROUNDS = 10;
const WORDS = 8; // of 32 bits, in a block

/** @param {bigint} value */
const lowOf = (value) => Number(value & 0xffffffffn);

/** @param {bigint} value */
const highOf = (value) => Number((value >> 32n) & 0xffffffffn);

const [A_LOW, A_HIGH, B_LOW, B_HIGH] = /** @type {[number, number, number, number]} */ (
  MULTIPLIERS.flatMap((value) => [lowOf(value), highOf(value)])
);

/**
 * The upper half of a product of two 32-bit numbers; `Math.imul` is the lower one.
 * @param {number} a
 * @param {number} b
 */
export function mulHigh(a, b) {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0;
  const other = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16)) >>> 0;
}

/** Writes the blocks at `counter + 1`, `counter + 2`, ... as NumPy counts: 32-bit words, the lower half of 64 first. */
export class Philox {
  #place;
  #keys;
  #counter;

  /**
   * @param {readonly [bigint, bigint]} key
   * @param {bigint} counter the highest of the counter's four words
   * @param {number} [place] so many blocks are left out
   */
  constructor(key, counter, place = 0) {
    this.#place = place;
    const rounds = Array.from({ length: NUM_ROUNDS }, (_, round) => BigInt(round));
    this.#keys = Uint32Array.from(
      rounds.flatMap((round) =>
        key.flatMap((word, i) => {
          const bumped = word + round * /** @type {bigint} */ (WEYL[i]);
          return [lowOf(bumped), highOf(bumped)];
        }),
      ),
    );
    this.#counter = /** @type {const} */ ([lowOf(counter), highOf(counter)]);
  }

  /** Fills `words`, a whole number of blocks, with the next ones. @param {Uint32Array} words */
  fill(words) {
    for (let start = 0; start < words.length; start += WORDS) this.#block(words, start);
  }

  /** @param {Uint32Array} words @param {number} start */
  #block(words, start) {
    const keys = this.#keys;
    this.#place += 1;
    let x0 = this.#place >>> 0;
    let x1 = Math.floor(this.#place / 2 ** 32);
    let [x2, x3, x4, x5] = [0, 0, 0, 0];
    let [x6, x7] = this.#counter;
    for (let round = 0; round < 4 * NUM_ROUNDS; round += 4) {
      // Each of a = M0 (x1 x0) and b = M1 (x5 x4) is four words; the schoolbook way, with sums below 2^53.
      let low = Math.imul(A_LOW, x1) >>> 0;
      let cross = Math.imul(A_HIGH, x0) >>> 0;
      let sum = mulHigh(A_LOW, x0) + low + cross;
      const a0 = Math.imul(A_LOW, x0);
      const a1 = sum >>> 0;
      sum = mulHigh(A_LOW, x1) + mulHigh(A_HIGH, x0) + (Math.imul(A_HIGH, x1) >>> 0) + (sum - a1) / 2 ** 32;
      const a2 = sum >>> 0;
      const a3 = mulHigh(A_HIGH, x1) + (sum - a2) / 2 ** 32;
      low = Math.imul(B_LOW, x5) >>> 0;
      cross = Math.imul(B_HIGH, x4) >>> 0;
      sum = mulHigh(B_LOW, x4) + low + cross;
      const b0 = Math.imul(B_LOW, x4);
      const b1 = sum >>> 0;
      sum = mulHigh(B_LOW, x5) + mulHigh(B_HIGH, x4) + (Math.imul(B_HIGH, x5) >>> 0) + (sum - b1) / 2 ** 32;
      const b2 = sum >>> 0;
      const b3 = mulHigh(B_HIGH, x5) + (sum - b2) / 2 ** 32;
      x0 = b2 ^ x2 ^ /** @type {number} */ (keys[round]);
      x1 = b3 ^ x3 ^ /** @type {number} */ (keys[round + 1]);
      x4 = a2 ^ x6 ^ /** @type {number} */ (keys[round + 2]);
      x5 = a3 ^ x7 ^ /** @type {number} */ (keys[round + 3]);
      x2 = b0;
      x3 = b1;
      x6 = a0;
      x7 = a1;
    }
    words[start] = x0;
    words[start + 1] = x1;
    words[start + 2] = x2;
    words[start + 3] = x3;
    words[start + 4] = x4;
    words[start + 5] = x5;
    words[start + 6] = x6;
    words[start + 7] = x7;
  }
}
