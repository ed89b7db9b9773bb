// What the averaged weights are worth on examples that they never learned from.

import { breath } from "./breath.js";
import { drawnInputs, sizesOf, under } from "./inputs.js";
import { generator } from "./randomness.js";
import { valueOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */

/**
 * Loss and accuracy on the held-out examples that have come, all of them as soon as they are here.
 * @param {{engine: import("./engine.js").Engine, manifest: any, heldOut: import("./chunks.js").Examples}} site
 * @param {Record<string, Tensor>} weights
 */
export async function measured({ engine, manifest, heldOut }, weights) {
  const fixed = under("weights", weights);
  const sizes = sizesOf(manifest.graphs, "measure");
  let [start, loss, accuracy, hasAccuracy] = [0, 0, 0, false];
  for (let i = 0; ; i += 1) {
    const left = heldOut.available - start;
    const size = sizes.findLast((one) => one <= left);
    if (size === undefined) break;
    const graph = await engine.graph(`measure/${size}`);
    const feeds = { ...fixed, ...drawnInputs(graph, generator(manifest.settings.seed, "validation", i)) };
    const places = Int32Array.from({ length: size }, (_, k) => start + k);
    for (const name of Object.keys(manifest.held_out.arrays)) feeds[`batch/${name}`] = heldOut.take(name, places);
    const outputs = await graph.run(feeds);
    loss += valueOf(outputs["loss"]) * size;
    hasAccuracy = "accuracy" in outputs;
    if (hasAccuracy) accuracy += valueOf(outputs["accuracy"]) * size;
    start += size;
    await breath();
  }
  return start === 0 ? null : { loss: loss / start, accuracy: hasAccuracy ? accuracy / start : null, num: start };
}
