// What the server answers of the inside of a network, out of its graph: its layers for a picture, and the values of all
// weights at several moments.

import { MOST_NUMBERS, encoded, numberOr, pixels } from "./encoding.js";
import { drawnInputs, under } from "./inputs.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./engine.js").RunnableGraph} RunnableGraph */
/** @typedef {{graph: (name: string) => Promise<RunnableGraph>}} Graphs as an Engine has them */
/** @typedef {{engine: Graphs, manifest: any}} Site */
/** @typedef {{image: Tensor, label: number | null, source: string}} Example image: uint8, of one picture */
/** @typedef {Parameters<typeof drawnInputs>[1]} Random */
/** @typedef {{name: string, values: string, gradient: string | null}} Signal where in the graph it is */

const MOST_LEVELS = 1_000_000; // of all tensors of an answer, a byte each
const LEAST_SHOWN = 4_096; // numbers of a tensor, however many there are
const NUM_SAID = 3;
const SHOWN = 0.995; // share of the weights that the axis is wide enough for, at the moment when they are widest

/** What a network tells apart; none of one that does something else. @param {any} manifest @returns {string[]} */
export const namesOf = ({ facts }) => facts.classes ?? facts.people ?? [];

/**
 * GET /runs/{run}/layers.
 * @param {Site} site
 * @param {Record<string, Tensor>} weights averages and buffers by name
 * @param {number} step
 * @param {Example} example without a label it is judged by what the network says
 * @param {Random} random
 */
export async function layersAnswer({ engine, manifest }, weights, step, example, random) {
  const graph = await engine.graph("layers");
  const names = namesOf(manifest);
  /** @type {Record<string, Tensor>} */
  const feeds = { ...under("weights", weights), ...drawnInputs(graph, random) };
  const shape = graph.inputs["batch/images"]?.shape ?? [];
  feeds["batch/images"] = { ...example.image, shape };
  const look = (/** @type {number | null} */ label) =>
    graph.run({ ...feeds, "batch/labels": { dtype: "int64", shape: [1], data: BigInt64Array.of(BigInt(label ?? 0)) } });
  let outputs = await look(example.label);
  const shares = Array.from(/** @type {Float32Array} */ (outputs["probabilities"]?.data ?? []));
  const best = ranked(shares);
  if (example.label === null && (best[0] ?? 0) !== 0) outputs = await look(best[0] ?? 0);
  const tensors = { ...feeds, ...outputs };
  const layers = /** @type {any[]} */ (manifest.layers);
  const num = layers.reduce((sum, layer) => sum + 2 * (layer.held.length + layer.said.length), 0);
  const most = Math.max(LEAST_SHOWN, Math.min(MOST_NUMBERS, Math.floor(MOST_LEVELS / Math.max(1, num))));
  const told = (/** @type {Signal} */ signal) => signalOf(signal, tensors, most);
  return {
    step,
    loss: numberOr(outputs["loss"] && Number(outputs["loss"].data[0])),
    shown: {
      pictures: pixels({ ...example.image, shape: shape.length === 3 ? shape : [1, ...shape.slice(1)] }, !names.length),
      label: example.label === null ? null : (names[example.label] ?? null),
      source: example.source,
    },
    answers: best.slice(0, NUM_SAID).map((i) => ({ name: names[i] ?? "", probability: numberOr(shares[i]) })),
    layers: layers.map((layer) => ({ ...layer, held: layer.held.map(told), said: layer.said.map(told) })),
  };
}

/**
 * GET /runs/{run}/weights.
 * @param {{step: number, parameters: Record<string, Tensor>}[]} kept moments of the training, in any order
 * @param {number} numBins
 */
export function histogramsAnswer(kept, numBins) {
  const moments = kept
    .toSorted((a, b) => a.step - b.step)
    .map(({ step, parameters }) => ({ step, values: together(Object.values(parameters)) }));
  const far = moments.reduce((most, { values }) => Math.max(most, reach(values)), 0) || 1;
  const edges = Array.from({ length: numBins + 1 }, (_, i) => (i === numBins ? far : i * ((2 * far) / numBins) - far));
  return { edges, moments: moments.map(({ step, values }) => ({ step, shares: sharesOf(values, edges) })) };
}

/**
 * @param {Signal} signal
 * @param {Record<string, Tensor>} tensors
 * @param {number} most
 */
function signalOf({ name, values, gradient }, tensors, most) {
  const told = (/** @type {string} */ place) => encoded(name, /** @type {Tensor} */ (tensors[place]), most);
  return { name, values: told(values), gradient: gradient === null ? null : told(gradient) };
}

/** The places of numbers, that of the largest first. @param {number[]} numbers */
function ranked(numbers) {
  return numbers.map((_, i) => i).sort((a, b) => (numbers[b] ?? 0) - (numbers[a] ?? 0));
}

/** @param {Tensor[]} tensors */
function together(tensors) {
  const all = new Float32Array(tensors.reduce((size, { data }) => size + data.length, 0));
  let start = 0;
  for (const { data } of tensors) {
    all.set(/** @type {Float32Array} */ (data), start);
    start += data.length;
  }
  return all;
}

/**
 * How far from 0 nearly all of the values are.
 * @param {Float32Array} values
 */
function reach(values) {
  const sizes = values.filter(Number.isFinite).map(Math.abs).sort();
  const place = SHOWN * (sizes.length - 1);
  const [below, above] = [sizes[Math.floor(place)] ?? 0, sizes[Math.ceil(place)] ?? 0];
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * What share of the values lies between each edge and the next, the last edge among them.
 * @param {Float32Array} values
 * @param {number[]} edges
 */
function sharesOf(values, edges) {
  const [low = 0, high = 0] = [edges[0], edges.at(-1)];
  const num = edges.length - 1;
  /** @type {number[]} */
  const counts = new Array(num).fill(0);
  for (const value of values) {
    if (!(value >= low && value <= high)) continue;
    let bin = Math.min(num - 1, Math.floor(((value - low) / (high - low)) * num));
    if (value < (edges[bin] ?? 0)) bin -= 1;
    else if (bin < num - 1 && value >= (edges[bin + 1] ?? 0)) bin += 1;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts.map((count) => count / values.length);
}
