// What the page asks of a training in this tab, answered as the server of the lab answers it.

import { drawn } from "./drawing.js";
import { pixels } from "./encoding.js";
import { histogramsAnswer, layersAnswer, namesOf } from "./inside.js";
import { below, under } from "./inputs.js";
import { decodePhoto, RequestError } from "./photo.js";
import { generator } from "./randomness.js";
import { write } from "./safetensors.js";
import { weightsOf } from "./state.js";
import { surroundingsAnswer } from "./surroundings.js";
import { sizeOf } from "./tensors.js";
import { lossAnswer, storyAnswer } from "./weights.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./trainer.js").Trainer} Trainer */

/**
 * @typedef {object} Request
 * @property {string} method
 * @property {string} path
 * @property {Record<string, any>} params
 * @property {any} body
 */

const NUM_SAID = 5;
const MOST_SHOWN = 48;
const NUM_WALKED = 16;

/**
 * @param {Trainer} trainer
 * @param {Request} request
 * @returns {Promise<any>}
 */
export async function answer(trainer, { method, path, params, body }) {
  const [, , , ...rest] = path.split("/").map(decodeURIComponent);
  const what = `${method} ${rest[0] ?? ""}`;
  const step = params["step"] === undefined || params["step"] === null ? null : Number(params["step"]);
  if (path === "/runs") return { runs: [] };
  if (what === "GET ") return details(trainer);
  if (what === "GET pictures") return picturesAt(trainer, Number(rest[1]));
  if (what === "GET answers") return answers(trainer, step, Number(params["num"] ?? 24));
  if (what === "GET confusion" && rest.length === 1) return confusion(trainer, step);
  if (what === "GET confusion") return confused(trainer, step, Number(rest[1]), Number(rest[2]));
  if (what === "GET layers") return layers(trainer, step, Number(params["picture"] ?? 0));
  if (what === "POST layers") return layersFor(trainer, step, body);
  if (what === "GET weights") return weightsInTime(trainer, Number(params["bins"] ?? 81));
  if (what === "GET surroundings") return around(trainer, step, String(params["plane"] ?? "random"));
  if (what === "GET weight" && rest[1] === "loss") return weightLoss(trainer, step, params);
  if (what === "GET weight") return weightStory(trainer, step, params);
  if (what === "POST predict") return predict(trainer, step, body);
  if (what === "GET drawings") return drawings(trainer, step, params);
  if (what === "POST sketch") return sketched(trainer, step, params, body);
  if (what === "GET people") return { people: peopleOf(trainer) };
  if (what === "GET network") return networkFile(trainer, step);
  if (what === "GET state") return stateFile(trainer);
  throw new RequestError("not_found", "a page without a lab behind it has no answer to this.", 404);
}

/** @param {Trainer} trainer */
export function statusOf(trainer) {
  return {
    state: trainer.state,
    is_alive: trainer.isAlive,
    step: trainer.step,
    control: { ...trainer.control },
    error: trainer.error,
  };
}

/** @param {Trainer} trainer */
function details(trainer) {
  const { manifest } = trainer;
  return {
    run: manifest.run,
    settings: trainer.settings,
    facts: manifest.facts,
    started: { event: "started", ...manifest.started },
    status: statusOf(trainer),
    moments: trainer.moments,
    pictured: trainer.pictured,
    checkpoint: trainer.savedStep < 0 ? null : trainer.savedStep,
  };
}

/**
 * The weights of a kept moment, or those of now; what draws and predicts.
 * @param {Trainer} trainer
 * @param {number | null} step
 * @returns {Promise<{step: number, weights: Record<string, Tensor>, parameters: Record<string, Tensor>}>}
 */
async function momentOf(trainer, step) {
  if (step === null) {
    const named = trainer.named();
    return { step: trainer.step, weights: weightsOf(named), parameters: below("parameters", named) };
  }
  const at = trainer.moments.findLast((one) => one <= step) ?? trainer.moments[0];
  const kept = at === undefined ? undefined : await trainer.shelf.get(`moment/${at}`);
  if (at === undefined || !kept) {
    throw new RequestError("not_found", `expected a kept moment at step ${step} or before; got none.`, 404);
  }
  const parameters = below("parameters", kept);
  return { step: at, parameters, weights: { ...parameters, ...below("buffers", kept) } };
}

/**
 * @param {Trainer} trainer
 * @param {number} step
 */
async function picturesAt(trainer, step) {
  const at = trainer.pictured.findLast((one) => one <= step) ?? trainer.pictured[0];
  const kept = at === undefined ? undefined : await trainer.shelf.get(`pictures/${at}`);
  if (!kept) throw new RequestError("not_found", `expected pictures at step ${step}; got none.`, 404);
  return { step: at, ...pixels(drawingsTensor(kept), true) };
}

/** @param {Uint8Array} bytes of drawings of 28 by 28 @returns {Tensor} */
function drawingsTensor(bytes) {
  return { dtype: "uint8", shape: [bytes.length / 784, 28, 28], data: bytes };
}

/** @param {Trainer} trainer */
function peopleOf(trainer) {
  return namesOf(trainer.manifest).map((name, number) => ({ number, name, source: "trained", photos: 0, is_outdated: false }));
}

/**
 * How sure the network is of each class, for any number of pictures.
 * @param {Trainer} trainer
 * @param {"answer" | "predict"} name of the graph: each picture seen once, or averaged over views
 * @param {Record<string, Tensor>} weights
 * @param {Tensor} images
 * @returns {Promise<Float32Array[]>} one row for each
 */
async function probabilities(trainer, name, weights, images) {
  const graph = await trainer.engine.graph(name);
  const shape = /** @type {{shape: number[]}} */ (graph.inputs["images"]).shape;
  const [most = 1, size] = [shape[0], sizeOf(shape.slice(1))];
  const num = images.shape[0] ?? 0;
  const fixed = under("weights", weights);
  /** @type {Float32Array[]} */
  const rows = [];
  for (let start = 0; start < num; start += most) {
    const data = new Uint8Array(most * size);
    data.set(/** @type {Uint8Array} */ (images.data).subarray(start * size, (start + most) * size));
    const outputs = await graph.run({ ...fixed, images: { dtype: "uint8", shape, data } });
    const said = /** @type {Tensor} */ (outputs["probabilities"]);
    const numClasses = said.shape[1] ?? 1;
    for (let i = 0; i < Math.min(most, num - start); i += 1) {
      rows.push(/** @type {Float32Array} */ (said.data).slice(i * numClasses, (i + 1) * numClasses));
    }
  }
  return rows;
}

/**
 * The first held-out examples that have come.
 * @param {Trainer} trainer
 * @param {number} num
 */
async function heldOut(trainer, num) {
  await trainer.heldOut.whenAvailable(1);
  const places = Int32Array.from({ length: Math.min(num, trainer.heldOut.available) }, (_, i) => i);
  return { images: trainer.heldOut.take("images", places), labels: [...labelsOf(trainer, places)].map(Number) };
}

/**
 * @param {Trainer} trainer
 * @param {Int32Array} places
 */
function labelsOf(trainer, places) {
  const { arrays } = trainer.manifest.held_out;
  return arrays.labels ? trainer.heldOut.take("labels", places).data : [];
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {number} num
 */
async function answers(trainer, step, num) {
  const moment = await momentOf(trainer, step);
  const { images, labels } = await heldOut(trainer, num);
  const said = await probabilities(trainer, "predict", moment.weights, images);
  return {
    step: moment.step,
    classes: namesOf(trainer.manifest),
    pictures: pixels(images),
    labels,
    probabilities: said.map((row) => [...row]),
    accuracy: labels.filter((label, i) => label === likeliest(said[i])).length / Math.max(1, labels.length),
    num: labels.length,
  };
}

/** @type {{key: string, rows: Float32Array[], labels: number[]}} */
let judged = { key: "", rows: [], labels: [] };

/**
 * What the network says of all held-out pictures, each seen once.
 * @param {Trainer} trainer
 * @param {number | null} step
 */
async function judge(trainer, step) {
  const moment = await momentOf(trainer, step);
  const key = `${moment.step} ${trainer.heldOut.available}`;
  if (judged.key !== key) {
    const { images, labels } = await heldOut(trainer, Infinity);
    judged = { key, rows: await probabilities(trainer, "answer", moment.weights, images), labels };
  }
  return { ...judged, step: moment.step };
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 */
async function confusion(trainer, step) {
  const { rows, labels, step: at } = await judge(trainer, step);
  const classes = namesOf(trainer.manifest);
  const counts = classes.map(() => classes.map(() => 0));
  let right = 0;
  rows.forEach((row, i) => {
    const [truth, said] = [labels[i] ?? 0, likeliest(row)];
    /** @type {number[]} */ (counts[truth])[said] = (counts[truth]?.[said] ?? 0) + 1;
    right += truth === said ? 1 : 0;
  });
  const recall = counts.map((row, i) => {
    const all = row.reduce((a, b) => a + b, 0);
    return all ? (row[i] ?? 0) / all : null;
  });
  return { step: at, classes, counts, accuracy: right / Math.max(1, rows.length), recall, num: rows.length };
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {number} row
 * @param {number} column
 */
async function confused(trainer, step, row, column) {
  const { rows, labels, step: at } = await judge(trainer, step);
  const found = rows.map((_, i) => i).filter((i) => labels[i] === row && likeliest(rows[i]) === column);
  const sure = (/** @type {number} */ i) => rows[i]?.[column] ?? 0;
  const shown = found.sort((a, b) => sure(b) - sure(a)).slice(0, MOST_SHOWN);
  return {
    step: at,
    pictures: pixels(trainer.heldOut.take("images", Int32Array.from(shown))),
    probabilities: shown.map((i) => [...(rows[i] ?? [])]),
    total: found.length,
  };
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Blob} body
 */
async function predict(trainer, step, body) {
  const moment = await momentOf(trainer, step);
  const { shape, data } = await photoFor(trainer, body);
  const image = { dtype: /** @type {const} */ ("uint8"), shape: [1, ...shape], data };
  const [row = new Float32Array()] = await probabilities(trainer, "predict", moment.weights, image);
  const names = namesOf(trainer.manifest);
  const likely = [...row.keys()].sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0)).slice(0, NUM_SAID);
  const said = likely.map((number) => ({ number, name: names[number] ?? "", probability: row[number] ?? 0 }));
  return {
    step: moment.step,
    answers: said,
    is_unknown: false,
    nearest: said[0]?.name ?? null,
    threshold: null,
    seen: pixels(image),
  };
}

/**
 * @param {Trainer} trainer
 * @param {Blob} body
 */
async function photoFor(trainer, body) {
  const shape = /** @type {number[]} */ (trainer.manifest.facts.image_shape ?? [1, 28, 28]);
  return { shape, data: await decodePhoto(body, shape, !("image_shape" in trainer.manifest.facts)) };
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Record<string, any>} params
 */
async function drawings(trainer, step, params) {
  const moment = await momentOf(trainer, step);
  const num = Math.min(NUM_WALKED, Number(params["num"] ?? 8));
  const frames = await drawn(trainer.engine, trainer.manifest.walk, moment.weights, Number(params["seed"] ?? 0), num);
  return {
    step: moment.step,
    times: trainer.manifest.walk.times,
    frames: frames.map((frame) => pixels(drawingsTensor(frame), true)),
  };
}

/**
 * What the network makes of a drawing by hand: some of it is lost in noise, and it walks on from there.
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Record<string, any>} params `kept`, the share of the way to the drawing from which it starts
 * @param {Blob} body
 */
async function sketched(trainer, step, params, body) {
  const moment = await momentOf(trainer, step);
  const ink = await decodePhoto(body, [1, 28, 28], true);
  const frames = await drawn(trainer.engine, trainer.manifest.walk, moment.weights, Number(params["seed"] ?? 0), NUM_WALKED, {
    drawing: Float32Array.from(ink, (one) => (one / 255) * 2 - 1),
    kept: Number(params["kept"] ?? 0.5),
  });
  const made = /** @type {Uint8Array} */ (frames.at(-1));
  return { step: moment.step, made: pixels(drawingsTensor(made), true) };
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {number} picture
 */
async function layers(trainer, step, picture) {
  const moment = await momentOf(trainer, step);
  await trainer.heldOut.whenAvailable(1);
  const place = Int32Array.of(Math.max(0, Math.min(picture, trainer.heldOut.available - 1)));
  const label = labelsOf(trainer, place)[0];
  const source = `held out, number ${place[0]}`;
  const image = trainer.heldOut.take("images", place);
  const example = { image, label: label === undefined ? null : Number(label), source };
  const random = generator(trainer.settings.seed, "pictures");
  return layersAnswer(trainer, moment.weights, moment.step, example, random);
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Blob} body
 */
async function layersFor(trainer, step, body) {
  const moment = await momentOf(trainer, step);
  const { data } = await photoFor(trainer, body);
  const shape = [1, .../** @type {any} */ (trainer.manifest.held_out.arrays.images).shape];
  const image = { dtype: /** @type {const} */ ("uint8"), shape, data };
  const example = { image, label: null, source: "the picture" };
  const random = generator(trainer.settings.seed, "pictures");
  return layersAnswer(trainer, moment.weights, moment.step, example, random);
}

/**
 * @param {Trainer} trainer
 * @param {number} bins
 */
async function weightsInTime(trainer, bins) {
  const kept = [];
  for (const step of trainer.moments) kept.push({ step, parameters: (await momentOf(trainer, step)).parameters });
  const now = await momentOf(trainer, null);
  return histogramsAnswer([...kept.filter(({ step }) => step < now.step), now], bins);
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {string} plane
 */
async function around(trainer, step, plane) {
  return surroundingsAnswer(trainer, await momentOf(trainer, step), plane);
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Record<string, any>} params
 */
async function weightStory(trainer, step, params) {
  return storyAnswer(trainer, await momentOf(trainer, step), String(params["name"] ?? ""));
}

/**
 * @param {Trainer} trainer
 * @param {number | null} step
 * @param {Record<string, any>} params
 */
async function weightLoss(trainer, step, params) {
  // Without a step, where the story was told: the training may have gone on.
  const moment = step === null ? null : await momentOf(trainer, step);
  return lossAnswer(trainer, moment, String(params["name"] ?? ""), Number(params["value"]));
}

/**
 * The weights by their names in the model, as the lab saves them.
 * @param {Trainer} trainer
 * @param {number | null} step
 */
async function networkFile(trainer, step) {
  const moment = await momentOf(trainer, step);
  const { run } = trainer.manifest;
  return { name: `${run}-${moment.step}.safetensors`, bytes: write(moment.weights, metadata(trainer, moment.step)) };
}

/**
 * Everything a training goes on from, here or in Python.
 * @param {Trainer} trainer
 */
async function stateFile(trainer) {
  const named = trainer.named();
  const name = `${trainer.manifest.run}-${trainer.step}-state.safetensors`;
  return { name, bytes: write(named, metadata(trainer, trainer.step)) };
}

/**
 * What Python needs beside the tensors, in one line of JSON.
 * @param {Trainer} trainer
 * @param {number} step
 */
function metadata(trainer, step) {
  const { manifest, settings, elapsedS, batches } = trainer;
  const told = { step, elapsed_s: elapsedS, num_seen: batches.numSeen(step), settings, facts: manifest.facts };
  return { glassnet: JSON.stringify(told) };
}

/** @param {Float32Array | undefined} row */
function likeliest(row = new Float32Array()) {
  return row.reduce((best, one, i) => (one > (row[best] ?? -Infinity) ? i : best), 0);
}
