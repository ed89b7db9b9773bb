// Numbers over a whole training in bounded memory: neighbors are averaged when they become too many.

export const MOST_POINTS = 4000;

/**
 * Rows of numbers in columns. Each point stands for equally many steps, except the last, which is still filling up.
 * The first column is what a point is found by, and rows come in its order.
 */
export class Curve {
  /** Steps that one point stands for. */
  stride = 1;
  #filled = 0;

  /**
   * @param {number} numColumns
   * @param {number} [mostPoints] an even number
   */
  constructor(numColumns, mostPoints = MOST_POINTS) {
    this.mostPoints = mostPoints;
    /** @type {number[][]} */
    this.columns = Array.from({ length: numColumns }, () => []);
  }

  get length() {
    return this.columns[0]?.length ?? 0;
  }

  /**
   * @param {number[]} row
   * @param {number} [weight] how many steps the row is the mean of
   */
  push(row, weight = 1) {
    const isNew = this.length === 0 || this.#filled >= this.stride;
    const before = isNew ? 0 : this.#filled;
    this.columns.forEach((column, i) => {
      const value = /** @type {number} */ (row[i]);
      if (isNew) column.push(value);
      else column[column.length - 1] = mean(/** @type {number} */ (column.at(-1)), before, value, weight);
    });
    this.#filled = before + weight;
    if (this.length > this.mostPoints) this.#merge();
  }

  /**
   * Forget the points from a value of the first column on: what comes repeats them.
   * @param {number} from
   */
  forgetFrom(from) {
    const steps = this.columns[0] ?? [];
    let kept = steps.length;
    while (kept > 0 && /** @type {number} */ (steps[kept - 1]) >= from) kept -= 1;
    if (kept === steps.length) return;
    for (const column of this.columns) column.length = kept;
    this.#filled = this.stride;
  }

  /** There is one too many, which is alone at the end and goes on filling up. */
  #merge() {
    this.columns = this.columns.map((column) => {
      const merged = [];
      for (let i = 0; i < column.length; i += 2) {
        const [first, second] = [/** @type {number} */ (column[i]), column[i + 1]];
        merged.push(second === undefined ? first : mean(first, 1, second, 1));
      }
      return merged;
    });
    this.stride *= 2;
  }
}

/**
 * The mean of two means. One that is no finite number gives way to the other.
 * @param {number} a
 * @param {number} weightOfA
 * @param {number} b
 * @param {number} weightOfB
 */
function mean(a, weightOfA, b, weightOfB) {
  if (!Number.isFinite(a)) return b;
  return Number.isFinite(b) ? (a * weightOfA + b * weightOfB) / (weightOfA + weightOfB) : a;
}

/**
 * Every second of the older elements goes when a list has become too long; the newest stays.
 * @template T
 * @param {T[]} list
 * @param {number} [most]
 * @returns {T[]} the list itself where it is short enough
 */
export function thinned(list, most = MOST_POINTS) {
  if (list.length <= most) return list;
  return list.filter((_, i) => i % 2 === 0 || i === list.length - 1);
}
