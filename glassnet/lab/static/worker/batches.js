// Which examples a step sees: an endless row of shuffled epochs, cut into batches, addressed by step.

import { generator } from "./randomness.js";

const ORDERS_KEPT = 2;

export class Batches {
  #seed;
  #offset = 0; // where step 0 would have begun, had it had this size
  /** @type {Map<number, Int32Array>} */
  #orders = new Map();
  /** @type {Int32Array | null} */
  #positions = null;

  /** @param {number} numExamples @param {number} batchSize @param {number | bigint} seed */
  constructor(numExamples, batchSize, seed) {
    this.numExamples = numExamples;
    this.#seed = seed;
    this.batchSize = this.#checked(batchSize);
  }

  /**
   * The examples of step 0, 1, 2... by number, and how many times each has been seen before.
   * @param {number} step
   * @returns {{indices: Int32Array, epoch: Float32Array<ArrayBuffer>}}
   */
  places(step) {
    const numSeen = this.numSeen(step);
    const epoch = Math.floor(numSeen / this.numExamples);
    const offset = numSeen - epoch * this.numExamples;
    const chosen = this.#order(epoch).subarray(offset, offset + this.batchSize);
    const indices = new Int32Array(this.batchSize);
    const epochs = new Float32Array(this.batchSize).fill(epoch);
    indices.set(chosen);
    if (chosen.length < this.batchSize) {
      // A batch may end in the next epoch.
      indices.set(this.#order(epoch + 1).subarray(0, this.batchSize - chosen.length), chosen.length);
      epochs.fill(epoch + 1, chosen.length);
    }
    return { indices, epoch: epochs };
  }

  /** How many examples there were in all batches before that of `step`. @param {number} step */
  numSeen(step) {
    return this.#offset + step * this.batchSize;
  }

  /**
   * From `step` on, batches of this size, after `numSeen` examples.
   * @param {number} batchSize
   * @param {number} step
   * @param {number} numSeen
   */
  resize(batchSize, step, numSeen) {
    this.batchSize = this.#checked(batchSize);
    this.#offset = numSeen - step * batchSize;
  }

  /** Where among the stored examples, which lie in the order of the first epoch, that one is. @param {number} index */
  position(index) {
    if (this.#positions === null) {
      const positions = new Int32Array(this.numExamples);
      this.#order(0).forEach((example, i) => (positions[example] = i));
      this.#positions = positions;
    }
    return /** @type {number} */ (this.#positions[index]);
  }

  /** @param {number} epoch */
  #order(epoch) {
    const known = this.#orders.get(epoch) ?? generator(this.#seed, "order", epoch).permutation(this.numExamples);
    this.#orders.delete(epoch);
    this.#orders.set(epoch, known);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > ORDERS_KEPT && oldest !== undefined) this.#orders.delete(oldest);
    return known;
  }

  /** @param {number} batchSize */
  #checked(batchSize) {
    if (Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= this.numExamples) return batchSize;
    throw new Error(
      `expected a batch size from 1 to ${this.numExamples}, the number of training examples; got ${batchSize}. ` +
        "To fix: choose a smaller batch.",
    );
  }
}
