// What a training starts from: a file, and what follows from the seed and from words (as export/first_weights.py has it).

import { unzipped } from "./fetching.js";
import { below } from "./inputs.js";
import { generator } from "./randomness.js";
import { read } from "./safetensors.js";
import { sizeOf, zeros } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {{place: number, low: number, high: number, shape: number[]}} Draw `place`: in the stream of the seed */

/**
 * @param {Uint8Array} bytes of the file
 * @param {{drawn: Record<string, Draw>, left_out: Record<string, "parameters" | "zeros">}} described
 * @param {number} seed
 * @returns {Promise<Record<string, Tensor>>} by their names in a checkpoint
 */
export async function firstWeights(bytes, { drawn, left_out: leftOut }, seed) {
  const { tensors } = read(await unzipped(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]).stream()));
  return completed({ ...tensors, ...redrawn(drawn, seed) }, leftOut);
}

/**
 * @param {Record<string, Draw>} drawn
 * @param {number} seed
 * @returns {Record<string, Tensor>}
 */
function redrawn(drawn, seed) {
  const tensors = Object.entries(drawn).map(([name, { place, low, high, shape }]) => {
    const data = generator(seed, "initialization", 0, place).spread(sizeOf(shape), low, high);
    return [name, { dtype: "float32", shape, data }];
  });
  return Object.fromEntries(tensors);
}

/**
 * A state with what its file leaves out, by kind: copies of the parameters, or zeros.
 * @param {Record<string, Tensor>} tensors
 * @param {Record<string, "parameters" | "zeros">} leftOut
 * @returns {Record<string, Tensor>}
 */
export function completed(tensors, leftOut) {
  const parameters = Object.entries(below("parameters", tensors));
  const added = Object.entries(leftOut).flatMap(([kind, content]) =>
    parameters.map(([name, { dtype, shape, data }]) => {
      const own = content === "parameters" ? data.slice() : zeros(dtype, data.length);
      return [`${kind}/${name}`, { dtype, shape, data: own }];
    }),
  );
  return { ...tensors, ...Object.fromEntries(added) };
}
