// The story of one weight, out of graphs: the loss with other values in its place, the terms of its slope, and what a
// step of the optimizer makes of it. In float32, as graphs in a browser are; the server tells it in float64.

import { breathAtTimes } from "./breath.js";
import { numberOr, pixels } from "./encoding.js";
import { under } from "./inputs.js";
import { partsOf } from "./parts.js";
import { largest, metBy, patchFeeds, patchOf, pictureOf, summed, termOf, unraveled } from "./terms.js";
import { float32, raveled, scalars, sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./inside.js").Site} Site */
/** @typedef {Record<string, Tensor>} Tensors by name */
/** @typedef {{name: string, index: number[]}} Place of a weight */

/** @typedef {{parameters: Tensors, buffers: Tensors, feeds: Tensors}} Where feeds: examples, and what is random */

/**
 * @typedef {object} Scene where a story is told
 * @property {number} step
 * @property {Tensors} parameters
 * @property {Tensors} buffers
 * @property {Tensors} feeds
 * @property {Tensors | null} averages
 * @property {Tensors | null} remembered by the optimizer, as kind/name; null where it was not kept
 * @property {Record<string, number>} hyper numbers of the optimizer
 * @property {{step: number, value: number}[]} history of the weight, before this moment
 * @property {string} examples in words
 * @property {string[]} labels of the examples
 * @property {string[]} notices
 */

// In float32 the loss has 7 digits: with a smaller nudge most of them are the same, with a larger one it is not straight.
const EPSILON = 3e-3;
const [NUM_POINTS, SPAN] = [13, 3]; // of the curve; its span in weights of usual size, to both sides

/**
 * GET /runs/{run}/weight.
 * @param {Site} site
 * @param {Scene} scene
 * @param {Place} place
 */
export async function tell(site, scene, place) {
  const { manifest } = site;
  const weight = tensorOf(scene, place.name);
  const at = raveled(place.index, weight.shape);
  const value = numberAt(weight, at);
  const outputs = await told(site, scene, { ...place, at });
  const slope = numberAt(outputs[`gradient/${place.name}`], at);
  const nudges = await nudged(site, scene, place);
  const rule = await chainRule(site, scene, place, outputs);
  const outcome = await taken(site, scene, place, at, outputs);
  const losses = [nudges.loss, nudges.loss_up, nudges.loss_down];
  if (!losses.every(Number.isFinite)) {
    throw new Error(`expected a finite loss; got ${losses.find((x) => !Number.isFinite(x))}. To fix: choose another moment.`);
  }
  const sizes = Object.values(scene.parameters).map(({ data }) => data.length);
  const nearer = /** @type {Float32Array} */ (weight.data).reduce((n, x) => n + (Math.abs(x) < Math.abs(value) ? 1 : 0), 0);
  const average = scene.averages?.[place.name];
  return {
    task: manifest.settings.task,
    model: manifest.settings.model,
    step: scene.step,
    weight: nameOf(place),
    tensor: place.name,
    index: place.index,
    shape: weight.shape,
    weights: sizes.reduce((sum, size) => sum + size, 0),
    value,
    averaged: average ? numberAt(average, at) : null,
    share_smaller: nearer / weight.data.length,
    history: [...scene.history, { step: scene.step, value }],
    examples: scene.examples,
    batch_size: manifest.story.batch_size,
    notices: scene.notices,
    epsilon: EPSILON,
    precision: "float32",
    ...nudges,
    slope_by_backpropagation: slope,
    corners: 0,
    doubts: [],
    ...rule,
    optimizer: manifest.settings.optimizer,
    ...outcome,
    neighbors: { previous: beside(place, weight.shape, -1), next: beside(place, weight.shape, 1) },
  };
}

/**
 * GET /runs/{run}/weight/loss.
 * @param {Site} site
 * @param {Scene} scene
 * @param {Place} place
 * @param {number} value
 */
export async function lossWith(site, scene, place, value) {
  const loss = await lossOf(site, scene, changed(scene, place, value));
  return { step: scene.step, value, loss: numberOr(loss), precision: "float32" };
}

/**
 * As the page calls a weight.
 * @param {Place} place
 */
export const nameOf = ({ name, index }) => `${name}[${index.join(",")}]`;

/**
 * What the graph says of all weights, and of one if that is wanted.
 * @param {Site} site
 * @param {Where} scene
 * @param {{name: string, at: number} | null} nudged
 * @returns {Promise<Tensors>} `loss`, `gradient/<name>`, and what weights and examples say to each other
 */
export async function told({ engine }, scene, nudged = null) {
  const graph = await engine.graph("story");
  const nudges = Object.fromEntries(
    Object.entries(scene.parameters).map(([name, { shape, data }]) => [name, float32(shape, new Float32Array(data.length))]),
  );
  if (nudged) /** @type {Tensor} */ (nudges[nudged.name]).data[nudged.at] = 1;
  return graph.run({ ...feedsOf(scene, scene.parameters), ...under("nudge", nudges) });
}

/**
 * The loss around the weight, and its slope by asking for it.
 * @param {Site} site
 * @param {Scene} scene
 * @param {Place} place
 */
async function nudged(site, scene, place) {
  const weight = tensorOf(scene, place.name);
  const value = numberAt(weight, raveled(place.index, weight.shape));
  const numbers = /** @type {Float32Array} */ (weight.data);
  const size = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length);
  const span = Math.max(SPAN * size, 2 * EPSILON);
  const lossAt = async (/** @type {number} */ x) => lossOf(site, scene, changed(scene, place, x));
  const [lower, higher] = [Math.fround(value - EPSILON), Math.fround(value + EPSILON)];
  const [loss, down, up] = [await lossAt(value), await lossAt(lower), await lossAt(higher)];
  /** @type {{value: number[], loss: number[]}} */
  const curve = { value: [], loss: [] };
  for (let i = 0; i < NUM_POINTS; i += 1) {
    const x = Math.fround(value - span + (2 * span * i) / (NUM_POINTS - 1));
    const there = await lossAt(x);
    if (!Number.isFinite(there)) continue; // far away it may be none
    curve.value.push(x);
    curve.loss.push(there);
  }
  return { loss, loss_up: up, loss_down: down, curve, slope_by_nudge: (up - down) / (higher - lower) };
}

/**
 * @param {Site} site
 * @param {Scene} scene
 * @param {Place} place
 * @param {Tensors} outputs
 */
async function chainRule({ engine, manifest }, scene, place, outputs) {
  const { meetings, batch_size: batchSize } = manifest.story;
  const met = metBy(meetings, outputs, place.name);
  const chosen = largest(met, batchSize);
  const terms = chosen.map((one) => termOf(one, outputs, scene.labels));
  const pictures = chosen.map((one) => pictureOf(one, outputs));
  for (const [i, one] of chosen.entries()) {
    const feeds = patchFeeds(one, batchSize);
    if (!feeds) continue;
    const graph = await engine.graph("patch");
    const found = await graph.run({ ...feedsOf(scene, scene.parameters), ...feeds });
    /** @type {import("../weight/story.js").Term} */ (terms[i]).patch = patchOf(one, found);
  }
  return {
    chain_rule: { ...summed(met, batchSize), largest: terms },
    pictures: pictures.map((picture) => picture && pixels(picture)),
  };
}

/**
 * The step of the optimizer for the gradient of these examples.
 * @param {Site} site
 * @param {Scene} scene
 * @param {Place} place
 * @param {number} at
 * @param {Tensors} outputs of the story
 */
async function taken(site, scene, place, at, outputs) {
  const { engine, manifest } = site;
  if (!scene.remembered) {
    const unknown = { change: null, expected_change_of_loss: null, loss_after: null };
    return { parts: [], ...unknown, loss_after_this_weight_alone: null };
  }
  const graph = await engine.graph("update");
  const { max_gradient_norm: maxNorm, optimizer } = manifest.settings;
  const numbers = { step: scene.step + 1, max_gradient_norm: maxNorm, ...under("hyper", scene.hyper) };
  const found = await graph.run({
    ...under("weights", scene.parameters),
    ...outputs,
    ...under("optimizer", scene.remembered),
    ...scalars(numbers),
  });
  const after = Object.fromEntries(Object.keys(scene.parameters).map((name) => [name, found[`next/${name}`]]));
  const [before, moved] = [numberAt(scene.parameters[place.name], at), numberAt(after[place.name], at)];
  const gradient = numberAt(outputs[`gradient/${place.name}`], at);
  const pack = Object.entries(/** @type {Record<string, {name: string}[]>} */ (manifest.packs)).find(([, members]) =>
    members.some(({ name }) => name === place.name),
  )?.[0];
  const kinds = [...new Set(Object.keys(scene.remembered).map((name) => name.slice(0, name.indexOf("/"))))];
  const ofKinds = (/** @type {(kind: string) => Tensor | undefined} */ tensor) =>
    Object.fromEntries(kinds.map((kind) => [kind, numberAt(tensor(kind), at)]));
  return {
    parts: partsOf({
      optimizer,
      step: scene.step + 1,
      decays: pack?.startsWith("decayed") ?? false,
      matrix: pack?.startsWith("matrix") ? tensorOf(scene, place.name) : null,
      before,
      after: moved,
      gradient,
      norm: numberAt(found["gradient_norm"], 0),
      maxNorm,
      hyper: scene.hyper,
      remembered: ofKinds((kind) => scene.remembered?.[`${kind}/${place.name}`]),
      kept: ofKinds((kind) => found[`next/optimizer/${kind}/${place.name}`]),
    }),
    change: moved - before,
    expected_change_of_loss: gradient * (moved - before),
    loss_after: numberOr(await lossOf(site, scene, /** @type {Tensors} */ (after))),
    loss_after_this_weight_alone: numberOr(await lossOf(site, scene, changed(scene, place, moved))),
  };
}

/**
 * @param {Site} site
 * @param {Where} scene
 * @param {Tensors} parameters
 */
export async function lossOf({ engine }, scene, parameters) {
  const graph = await engine.graph("loss");
  await breathAtTimes();
  return numberAt((await graph.run(feedsOf(scene, parameters)))["loss"], 0);
}

/**
 * @param {Where} scene
 * @param {Tensors} parameters
 * @returns {Tensors}
 */
function feedsOf(scene, parameters) {
  return { ...scene.feeds, ...under("weights", parameters), ...under("buffers", scene.buffers) };
}

/**
 * All weights, one of them with another value.
 * @param {Scene} scene
 * @param {Place} place
 * @param {number} value
 * @returns {Tensors}
 */
function changed(scene, place, value) {
  const { shape, data } = tensorOf(scene, place.name);
  const other = Float32Array.from(/** @type {Float32Array} */ (data));
  other[raveled(place.index, shape)] = value;
  return { ...scene.parameters, [place.name]: float32(shape, other) };
}

/**
 * The weight before or behind it in its tensor.
 * @param {Place} place
 * @param {number[]} shape
 * @param {number} by
 */
function beside({ name, index }, shape, by) {
  const there = raveled(index, shape) + by;
  if (there < 0 || there >= sizeOf(shape)) return null;
  return nameOf({ name, index: unraveled(there, shape) });
}

/**
 * @param {Scene} scene
 * @param {string} name
 */
const tensorOf = ({ parameters }, name) => /** @type {Tensor} */ (parameters[name]);

/**
 * @param {Tensor | undefined} tensor
 * @param {number} at
 */
const numberAt = (tensor, at) => Number(tensor?.data[at]);
