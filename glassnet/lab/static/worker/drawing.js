// How drawings come out of noise, step by step along what the graph of the walk says.

import { breath } from "./breath.js";
import { under } from "./inputs.js";
import { generator } from "./randomness.js";
import { scalar, sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {{times: number[], noise_scale: number, haze: number}} Walk as the manifest has it */

/**
 * Walk from noise to drawings, where the network points.
 * @param {import("./engine.js").Engine} engine
 * @param {Walk} walk
 * @param {Record<string, Tensor>} weights
 * @param {number} seed
 * @param {number} num drawings
 * @param {{drawing: Float32Array, kept: number}} [from] a drawing of which a share is kept, and the rest is noise
 * @returns {Promise<Uint8Array[]>} the moments of the walk, each (num, 28, 28)
 */
export async function drawn(engine, walk, weights, seed, num, from) {
  const graph = await engine.graph("walk");
  const most = graph.inputs["x"]?.shape[0] ?? 1;
  /** @type {Uint8Array[][]} */
  const groups = [];
  for (let first = 0; first < num; first += most) {
    groups.push(await walked(graph, walk, weights, seed, { first, num: Math.min(most, num - first) }, from));
  }
  return (groups[0] ?? []).map((_, k) => joined(groups.map((frames) => frames[k] ?? new Uint8Array())));
}

/**
 * @param {import("./engine.js").RunnableGraph} graph
 * @param {Walk} walk
 * @param {Record<string, Tensor>} weights
 * @param {number} seed
 * @param {{first: number, num: number}} which drawings of that seed
 * @param {{drawing: Float32Array, kept: number}} [from]
 */
async function walked(graph, walk, weights, seed, which, from) {
  const { times, noise_scale: scale, haze } = walk;
  const shape = graph.inputs["x"]?.shape ?? [];
  const [most = 1, size] = [shape[0], sizeOf(shape.slice(1))];
  const start = from ? Math.max(0, times.findLastIndex((/** @type {number} */ t) => t <= from.kept)) : 0;
  let x = new Float32Array(most * size);
  for (let i = 0; i < most; i += 1) {
    x.set(generator(seed, "pictures", which.first + i).normal(size).map((one) => one * Math.fround(scale)), i * size);
  }
  const share = times[start] ?? 0;
  if (from) x = x.map((noise, i) => noise * (1 - share) + (from.drawing[i % size] ?? -1) * share);
  const fixed = under("weights", weights);
  const frames = [inked(x.subarray(0, which.num * size), haze)];
  for (let k = start; k + 1 < times.length; k += 1) {
    await breath();
    const [t = 0, next = 1] = [times[k], times[k + 1]];
    const outputs = await graph.run({
      ...fixed,
      x: { dtype: "float32", shape, data: x },
      t: { dtype: "float32", shape: [most], data: new Float32Array(most).fill(t) },
      share: scalar((next - t) / (1 - t)),
    });
    x = /** @type {Float32Array<ArrayBuffer>} */ (outputs["x_next"]?.data);
    frames.push(inked(x.subarray(0, which.num * size), haze));
  }
  return frames;
}

/**
 * What a network draws, -1 (paper) to 1 (ink), as bytes; what is no number is paper.
 * @param {Float32Array} x
 * @param {number} haze
 */
function inked(x, haze) {
  return Uint8Array.from(x, (one) => {
    const ink = ((one + 1) / 2 - haze) / (1 - haze);
    return ink > 0 ? Math.round(Math.min(ink, 1) * 255) : 0;
  });
}

/** @param {Uint8Array[]} parts */
function joined(parts) {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
}
