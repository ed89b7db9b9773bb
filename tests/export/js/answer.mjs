// Asks a module of the worker and prints what it says: `node answer.mjs FOLDER`, where FOLDER/asked.json says what, and
// graphs lie beside it. Runs them as a browser does, on onnxruntime-web.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { Batches } from "../../../glassnet/lab/static/worker/batches.js";
import { Engine } from "../../../glassnet/lab/static/worker/engine.js";
import { fromBytes } from "../../../glassnet/lab/static/worker/tensors.js";

const STATIC = new URL("../../../glassnet/lab/static/", import.meta.url);
const folder = process.argv[2];
let engine;
const { module, name, args } = JSON.parse(readFileSync(`${folder}/asked.json`, "utf8"), revived);

const { [name]: answer } = await import(new URL(`worker/${module}`, STATIC));
const said = JSON.stringify(await answer(...(await Promise.all(args))));
process.stdout.write(said, () => process.exit(0));

/** Tensors and what else JSON has not. */
function revived(_key, value) {
  if (value?.tensor) {
    const { dtype, shape, bytes } = value.tensor;
    return { dtype, shape, data: fromBytes(dtype, new Uint8Array(Buffer.from(bytes, "base64"))) };
  }
  if (value?.graphs) engine ??= new Lazy(value.graphs);
  if (value?.engine === "here") return { ...value, engine };
  if (value?.trainer) return trainerOf(value.trainer);
  if (value?.generator) {
    return import(new URL("worker/randomness.js", STATIC)).then(({ generator }) => generator(...value.generator));
  }
  return value;
}

/** What answers ask of a training: one that stands still. */
function trainerOf({ arrays, tensors, hyper, ...told }) {
  const { batch_size: batchSize, seed } = told.settings;
  const take = (name, places) => {
    const { dtype, shape, data } = arrays[name];
    const size = data.length / shape[0];
    const rows = Array.from(places, (place) => [...data.subarray(place * size, (place + 1) * size)]);
    return { dtype, shape: [places.length, ...shape.slice(1)], data: data.constructor.from(rows.flat()) };
  };
  return {
    ...told,
    batches: new Batches(arrays.images.shape[0], batchSize, seed),
    examples: { take, whenAvailable: async () => {} },
    batchSize,
    control: { learning_rate: null },
    named: () => tensors,
    hyper: (rate) => ({ ...hyper, learning_rate: rate }),
  };
}

/** An engine that is opened when it is first needed. */
function Lazy(files) {
  let opened;
  this.graph = async (wanted) => (await (opened ??= open(files))).graph(wanted);
}

async function open(files) {
  const vendor = new URL("vendor/ort/", STATIC);
  const ort = await import(new URL("ort.wasm.min.mjs", vendor));
  ort.env.wasm.wasmBinary = gunzipSync(readFileSync(new URL("ort-wasm.bin", vendor))).buffer;
  ort.env.wasm.wasmPaths = vendor.href;
  ort.env.wasm.numThreads = 1;
  const fetchFile = async (file) => readFileSync(`${folder}/${file}`);
  return new Engine(ort, { backend: "wasm", numThreads: 1 }, files, fetchFile);
}
