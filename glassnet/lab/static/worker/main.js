// The worker of a page that trains by itself: opens what was exported, trains, answers, keeps.

import { Examples } from "./chunks.js";
import { Engine } from "./engine.js";
import { fetching } from "./fetching.js";
import { firstWeights } from "./first_weights.js";
import { generator } from "./randomness.js";
import { drawnInputs } from "./inputs.js";
import { savedIn } from "./loading.js";
import { Log } from "./log.js";
import { RequestError } from "./photo.js";
import { answer, statusOf } from "./requests.js";
import { read } from "./safetensors.js";
import { openShelf } from "./shelf.js";
import { sizeOf, zeros } from "./tensors.js";
import { Trainer } from "./trainer.js";

/** @typedef {import("./engine.js").Choice} Choice */
/** @typedef {import("./trainer.js").Saved} Saved */
/** @typedef {import("./shelf.js").Shelf} Shelf */
/** @typedef {{kind: string, [field: string]: any}} Message */

/** @type {{manifest: any, engine: Engine, fetchFile: import("./engine.js").FetchFile} | null} */
let opened = null;
/** @type {Trainer | null} */
let trainer = null;
/** @type {Shelf} */
let shelf;
let log = new Log();
/** @type {import("../source/source.js").TrainingEvent[]} */
let untold = [];
let toldAt = -Infinity;

const TOLD_EVERY_MS = 100;
const [TIMED_MS, LEAST_TIMED, MOST_TIMED] = [250, 2, 20];

/** @param {Message} message */
const post = (message) => /** @type {any} */ (self).postMessage(message);

/** @type {Record<string, (message: Message) => Promise<any>>} */
const DOES = { open, time, begin, hold, release, ask, control, resume, reset, load, keep };

self.onmessage = async ({ data }) => {
  const { id, kind, ...message } = data;
  try {
    post({ kind: "done", id, answer: await DOES[kind]?.(message) });
  } catch (error) {
    const { code = "failed", message: text, status = 500 } = /** @type {any} */ (error);
    post({ kind: "failed", id, error: { code, message: text ?? String(error), status } });
  }
};

/**
 * @param {Message} message `base`: the address of the exported network; `library`: of onnxruntime-web
 */
async function open({ base, library, choice }) {
  const fetchFile = fetching(base);
  const manifest = JSON.parse(new TextDecoder().decode(await fetchFile("manifest.json")));
  const engine = await Engine.open({ choice, library, files: manifest.graphs, fetchFile });
  opened = { manifest, engine, fetchFile };
}

/** Milliseconds of a step on numbers that mean nothing. */
async function time() {
  const { manifest, engine } = theOpened();
  const graph = await engine.graph(`step/${manifest.settings.batch_size}`);
  /** @type {Record<string, any>} */
  const feeds = drawnInputs(graph, generator(0, "step", 0));
  for (const [name, { dtype, shape }] of Object.entries(graph.inputs)) {
    feeds[name] ??= { dtype, shape, data: zeros(dtype, sizeOf(shape)) };
  }
  await graph.run(feeds);
  const took = [];
  const began = performance.now();
  while (took.length < LEAST_TIMED || (performance.now() - began < TIMED_MS && took.length < MOST_TIMED)) {
    const from = performance.now();
    await graph.run(feeds);
    took.push(performance.now() - from);
  }
  return took.sort((a, b) => a - b)[took.length >> 1];
}

/**
 * Go on from what was kept in this browser, or begin.
 * @param {Message} message
 */
async function begin({ place, mayLast, isPaused }) {
  const { manifest, engine, fetchFile } = theOpened();
  shelf = await openShelf(`${place}/${manifest.initial.of.slice(0, 16)}`, mayLast);
  const examples = new Examples(manifest.examples, fetchFile);
  const heldOut = new Examples(manifest.held_out, fetchFile);
  const kept = await shelf.get("state");
  log = new Log((await shelf.get("log")) ?? []);
  const from = kept ?? (await initial());
  trainer = new Trainer({
    manifest, engine, examples, heldOut, from, shelf, save,
    emit: tell,
    onState: () => post({ kind: "status", status: trainer && statusOf(trainer) }),
    onLost: (message) => post({ kind: "lost", message }),
  }); // prettier-ignore
  trainer.control = { ...trainer.control, ...(kept?.control ?? {}), is_paused: isPaused ?? false };
  if (kept) {
    trainer.restore(kept, await stepsOf("moment/"), await stepsOf("pictures/"));
  }
  // What is learned from comes first, and then what it is tried on.
  examples.load().then(() => heldOut.load()).catch(failed);
  if (kept?.isOver) trainer.rest(kept.isOver);
  else void trainer.run();
  post({ kind: "status", status: statusOf(trainer) });
  return { events: log.events, isLasting: shelf.isLasting, step: from.step };
}

/** @returns {Promise<Saved>} */
async function initial() {
  const { manifest, fetchFile } = theOpened();
  const { file, sha256, step, elapsed_s: elapsedS, num_seen: numSeen } = manifest.initial;
  const tensors = await firstWeights(await fetchFile(file, sha256), manifest.initial, manifest.settings.seed);
  return { step, elapsedS, numSeen, tensors };
}

/** @param {Saved} saved */
async function save(saved) {
  const { state, control, settings } = theTrainer();
  const isOver = state === "finished" || state === "stopped" ? state : null;
  await shelf.put("state", { ...saved, control, settings, isOver });
  await shelf.put("log", log.events);
}

/** @param {Message} message */
async function ask({ method, path, params, body }) {
  return answer(theTrainer(), { method, path, params: params ?? {}, body });
}

/** @param {Message} message */
async function control({ change }) {
  theTrainer().steer(change);
  return statusOf(theTrainer());
}

/** @param {Message} message */
async function resume({ more }) {
  const mine = theTrainer();
  if (mine.isAlive) throw new RequestError("conflict", "expected a training that has ended; got one that runs.", 409);
  mine.extend(more);
  void mine.run();
  return statusOf(mine);
}

/** Leave the cores to others for a moment; whether there is a training that does. */
async function hold() {
  return theTrainer().hold();
}

async function release() {
  theTrainer().release();
}

/** Keep all that there is, before the worker ends. */
async function keep() {
  await theTrainer().keep();
}

/** Forget everything: the next beginning is from random weights. */
async function reset() {
  await shelf.clear();
}

/**
 * Go on from a file: a whole state, or the weights alone.
 * @param {Message} message
 */
async function load({ body }) {
  const saved = savedIn(read(new Uint8Array(await body.arrayBuffer())), (await initial()).tensors);
  await shelf.clear();
  await shelf.put("state", { ...saved, control: {}, settings: null, isOver: null });
  return { step: saved.step };
}

/** @param {string} prefix */
async function stepsOf(prefix) {
  const keys = await shelf.keys(prefix);
  return keys.map((key) => Number(key.slice(prefix.length))).sort((a, b) => a - b);
}

/** @param {import("../source/source.js").TrainingEvent} event */
function tell(event) {
  log.push(event);
  untold.push(event);
  // At once where that can be: while a step is computed no timer runs.
  if (event.event !== "stepped" || performance.now() - toldAt >= TOLD_EVERY_MS) tellAll();
  else if (untold.length === 1) setTimeout(tellAll, TOLD_EVERY_MS);
}

function tellAll() {
  if (untold.length === 0) return;
  toldAt = performance.now();
  post({ kind: "events", events: untold, status: trainer && statusOf(trainer) });
  untold = [];
}

/** @param {unknown} error */
function failed(error) {
  const message = error instanceof Error ? error.message : String(error);
  tell({ event: "noticed", step: trainer?.step ?? 0, message });
}

function theOpened() {
  if (!opened) throw new Error("expected a network that was opened; got none.");
  return opened;
}

function theTrainer() {
  if (!trainer) throw new Error("expected a training that was begun; got none.");
  return trainer;
}
