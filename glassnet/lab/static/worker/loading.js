// A file to go on from: the whole state of a training, or the weights of a network alone.

import { below, under } from "./inputs.js";
import { RequestError } from "./photo.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */

/**
 * @param {{tensors: Record<string, Tensor>, metadata: Record<string, string>}} file as `read` gives it
 * @param {Record<string, Tensor>} first what a training here starts from, by the names of a checkpoint
 * @returns {import("./trainer.js").Saved}
 */
export function savedIn({ tensors, metadata }, first) {
  const told = factsIn(metadata);
  const isState = Object.keys(tensors).some((name) => name.startsWith("parameters/"));
  if (isState) {
    fit(tensors, first);
    const step = whole(told.step);
    return { step, elapsedS: Number(told.elapsed_s) || 0, numSeen: told.num_seen ?? null, tensors };
  }
  // Given weights are their averages too, and the optimizer knows nothing yet.
  const weights = { ...below("parameters", first), ...below("buffers", first) };
  fit(tensors, weights);
  const given = { ...under("parameters", tensors), ...under("averages", tensors), ...under("buffers", tensors) };
  const state = Object.fromEntries(Object.entries(first).map(([name, tensor]) => [name, given[name] ?? tensor]));
  return { step: 0, elapsedS: 0, numSeen: null, tensors: state };
}

/**
 * @param {Record<string, Tensor>} tensors
 * @param {Record<string, Tensor>} wanted
 */
function fit(tensors, wanted) {
  for (const [name, { shape, dtype }] of Object.entries(wanted)) {
    const got = tensors[name];
    if (got && got.dtype === dtype && got.shape.join() === shape.join()) continue;
    const told = got ? `${got.dtype} (${got.shape.join(", ")})` : "none";
    throw new RequestError(
      "bad_data",
      `expected '${name}', ${dtype} (${shape.join(", ")}), in the file; got ${told}. To fix: choose a file of this network.`,
      422,
    );
  }
}

/** @param {Record<string, string>} metadata */
function factsIn(metadata) {
  try {
    return JSON.parse(metadata["glassnet"] ?? "{}");
  } catch {
    return {};
  }
}

/** @param {unknown} step */
function whole(step) {
  return Number.isInteger(step) && Number(step) >= 0 ? Number(step) : 0;
}
