// What a graph is fed with: examples, random numbers, and weights under their names.

import { sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {"uniform" | "normal" | "stratified"} Kind of random numbers */

/**
 * @typedef {object} Source of examples
 * @property {any} manifest
 * @property {import("./chunks.js").Examples} examples
 * @property {import("./batches.js").Batches} batches
 */

/**
 * The random inputs that a graph asks for, in its order.
 * @param {{random: Record<string, Kind>, inputs: Record<string, {shape: number[]}>}} graph
 * @param {Record<Kind, (n: number) => Float32Array>} source
 * @returns {Record<string, Tensor>}
 */
export function drawnInputs(graph, source) {
  /** @type {Record<string, Tensor>} */
  const drawn = {};
  for (const [name, kind] of Object.entries(graph.random)) {
    const shape = graph.inputs[name]?.shape ?? [];
    const size = sizeOf(shape);
    drawn[name] = { dtype: "float32", shape, data: source[kind](size) };
  }
  return drawn;
}

/**
 * Where the first examples of a step lie in the order in which they come.
 * @param {Source} source
 * @param {number} step
 * @param {number} [num] all of the batch, unless fewer
 */
export function placesAt({ batches }, step, num) {
  const { indices, epoch } = batches.places(step);
  const places = Int32Array.from(indices.subarray(0, num), (index) => batches.position(index));
  return { places, epoch: epoch.slice(0, num) };
}

/**
 * Examples that have come, as a graph takes them.
 * @param {Source} source
 * @param {{places: Int32Array, epoch: Float32Array}} at
 * @returns {Record<string, Tensor>}
 */
export function exampleInputs({ manifest, examples }, { places, epoch }) {
  const names = Object.keys(manifest.examples.arrays);
  const taken = Object.fromEntries(names.map((name) => [`batch/${name}`, examples.take(name, places)]));
  return { ...taken, "batch/epoch": { dtype: "float32", shape: [places.length], data: epoch } };
}

/**
 * The batch sizes of which there is a graph of that kind, the smallest first.
 * @param {Record<string, unknown>} graphs by name, as `kind/size`
 * @param {string} kind
 */
export function sizesOf(graphs, kind) {
  const named = Object.keys(graphs).filter((name) => name.startsWith(`${kind}/`));
  return named.map((name) => Number(name.slice(kind.length + 1))).sort((a, b) => a - b);
}

/**
 * Values as `kind/name`.
 * @template T
 * @param {string} kind
 * @param {Record<string, T>} values
 * @returns {Record<string, T>}
 */
export function under(kind, values) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}/${name}`, value]));
}

/**
 * Those named `kind/name`, as `name`.
 * @param {string} kind
 * @param {Record<string, Tensor>} tensors
 * @returns {Record<string, Tensor>}
 */
export function below(kind, tensors) {
  const inside = Object.entries(tensors).filter(([name]) => name.startsWith(`${kind}/`));
  return Object.fromEntries(inside.map(([name, tensor]) => [name.slice(kind.length + 1), tensor]));
}
