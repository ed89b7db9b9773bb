// How far two numbers agree.

/**
 * How many leading digits of two numbers are the same.
 * @param {number} x
 * @param {number} y
 */
export function digitsAgreeing(x, y) {
  if (x === y) return 15;
  const size = Math.max(Math.abs(x), Math.abs(y));
  return Math.max(0, Math.min(15, Math.floor(-Math.log10(Math.abs(x - y) / size))));
}
