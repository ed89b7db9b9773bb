// Arrays as prepare.py writes them: one file of bytes, and a list of what lies in it.

const KINDS = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array };

/**
 * @param {string} address without its ending
 * @returns {Promise<Record<string, {dtype: string, shape: number[], data: any}>>}
 */
export async function readArrays(address) {
  const [list, bytes] = await Promise.all([
    fetch(`${address}.json`).then((response) => response.json()),
    fetch(`${address}.bin`).then((response) => response.arrayBuffer()),
  ]);
  return Object.fromEntries(
    Object.entries(list).map(([name, { dtype, shape, start }]) => {
      const count = shape.reduce((product, side) => product * side, 1);
      return [name, { dtype, shape, data: new KINDS[dtype](bytes, start, count) }];
    }),
  );
}

/**
 * The batches, one after another, for ever.
 * @template T
 * @param {T[]} batches
 * @returns {() => T}
 */
export function inTurn(batches) {
  let count = 0;
  return () => batches[count++ % batches.length];
}
