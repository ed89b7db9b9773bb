// The loop in a browser: feeds batches to the graph of a step, passes the state through, tells the same events as the
// loop in Python. It has no arithmetic of its own: what a step does is in the graph.

import { Batches } from "./batches.js";
import { breath } from "./breath.js";
import { drawn } from "./drawing.js";
import { LostError } from "./engine.js";
import { drawnInputs, exampleInputs, placesAt, sizesOf, under } from "./inputs.js";
import { measured } from "./measuring.js";
import { generator } from "./randomness.js";
import { budget, learningRate, nextPictureStep, warmedUpDecay } from "./schedule.js";
import { named, packed, weightsOf } from "./state.js";
import { scalars, valueOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./chunks.js").Examples} Examples */
/** @typedef {import("./shelf.js").Shelf} Shelf */
/** @typedef {import("../source/source.js").TrainingEvent} TrainingEvent */
/** @typedef {import("../source/source.js").Control} Control */

/**
 * @typedef {object} Saved what a training goes on from
 * @property {number} step
 * @property {number} elapsedS
 * @property {number | null} numSeen
 * @property {Record<string, Tensor>} tensors by their names in a checkpoint
 */

const SAVE_EVERY_MS = 15_000;
const NUM_EVALUATIONS = 40; // in the course of a budget
const EVALUATION_SHARE = 0.1; // of the time, at most
const LOSSES_AVERAGED = 50;
const NUM_SEEDS = 8;
const WORDS = { spent: "budget spent", stopped: "stopped" };

export class Trainer {
  /** @type {"starting" | "running" | "paused" | "stopped" | "finished" | "crashed"} */
  state = "starting";
  /** @type {string | null} */
  error = null;
  /** @type {Control} */
  control = { is_paused: false, learning_rate: null, momentum: null, weight_decay: null, batch_size: null };
  /** @type {number | null} the step up to which it runs and where it waits */
  pauseAt = null;
  isStopping = false;
  savedStep = -1;
  /** @type {number[]} */
  moments = [];
  /** @type {number[]} */
  pictured = [];

  #losses = /** @type {number[]} */ ([]);
  #best = /** @type {number | null} */ (null);
  #accuracy = /** @type {number | null} */ (null);
  #numEvaluations = 0;
  #evaluationMs = 0;
  #evaluatedAt = 0;
  #startedAt = 0;
  #elapsedBefore = 0;
  /** @type {(() => void) | null} */
  #wake = null;
  /** @type {{answer: (stands: boolean) => void, over: Promise<void>} | null} somebody wants the cores for a moment */
  #hold = null;
  #goOn = () => {};
  /** @type {Record<string, Tensor>} */
  #carried = {};

  /**
   * @param {object} parts
   * @param {any} parts.manifest
   * @param {Engine} parts.engine
   * @param {Examples} parts.examples
   * @param {Examples} parts.heldOut
   * @param {Saved} parts.from
   * @param {Shelf} parts.shelf
   * @param {(event: TrainingEvent) => void} parts.emit
   * @param {() => void} parts.onState the state is another, or something was kept
   * @param {(why: string) => void} parts.onLost nothing can be computed here any more
   * @param {(saved: Saved) => Promise<void>} parts.save
   */
  constructor({ manifest, engine, examples, heldOut, from, shelf, emit, onState, onLost, save }) {
    this.manifest = manifest;
    this.engine = engine;
    this.examples = examples;
    this.heldOut = heldOut;
    this.shelf = shelf;
    this.emit = emit;
    this.onState = onState;
    this.onLost = onLost;
    this.save = save;
    this.settings = { ...manifest.settings };
    this.step = from.step;
    this.#elapsedBefore = from.elapsedS;
    this.batches = new Batches(manifest.examples.count, this.settings.batch_size, this.settings.seed);
    if (from.numSeen !== null) this.batches.resize(this.settings.batch_size, from.step, from.numSeen);
    this.#carried = packed(from.tensors, manifest);
  }

  get elapsedS() {
    return this.#elapsedBefore + (this.#startedAt ? (performance.now() - this.#startedAt) / 1000 : 0);
  }

  get isAlive() {
    return this.state === "starting" || this.state === "running" || this.state === "paused";
  }

  /** The share of the budget that is spent. */
  get progress() {
    return budget(this.settings, this.manifest.examples.count).progress(this.#stepsSoFar(), this.elapsedS);
  }

  get batchSize() {
    return this.batches.batchSize;
  }

  /** The batch sizes that there are graphs for. */
  get batchSizes() {
    return sizesOf(this.manifest.graphs, "step");
  }

  /** The state under the names of a checkpoint. */
  named() {
    return named(this.#carried, this.manifest);
  }

  /** What draws and predicts now. */
  weights() {
    return weightsOf(this.named());
  }

  /** Train until the budget is spent or somebody stops it. */
  async run() {
    this.isStopping = false;
    this.#startedAt = performance.now();
    this.#evaluatedAt = performance.now();
    this.#emitStarted();
    try {
      if (this.step === 0) await this.#look();
      await this.#loop();
      await this.keep();
      if (!this.isStopping) await this.#look();
      this.#emitFinished(this.isStopping ? WORDS.stopped : WORDS.spent);
      this.#become(this.isStopping ? "stopped" : "finished");
      // So that it is not begun again when the page is opened again.
      await this.#save();
    } catch (error) {
      if (error instanceof LostError) return this.onLost(error.message);
      this.error = error instanceof Error ? error.message : String(error);
      this.#become("crashed");
    }
    this.#answerHold(false);
    this.#elapsedBefore = this.elapsedS;
    this.#startedAt = 0;
  }

  /**
   * @param {any} change as POST /api/runs/{run}/control takes it
   */
  steer(change) {
    const { num_steps: numSteps, is_stopping: isStopping, ...numbers } = change;
    if (numSteps !== undefined) {
      this.pauseAt = this.step + numSteps;
      this.control.is_paused = false;
    } else if ("is_paused" in numbers) this.pauseAt = null;
    if (isStopping) this.isStopping = true;
    const before = { ...this.control };
    this.control = { ...this.control, ...numbers };
    this.control.batch_size = this.#possible(this.control.batch_size);
    this.#adjust(before);
    this.#wake?.();
    this.onState();
  }

  /**
   * A new budget, counted from the beginning of the training.
   * @param {{minutes?: number, epochs?: number, steps?: number}} more
   */
  extend(more) {
    if (Object.keys(more).length) this.settings = { ...this.settings, minutes: null, epochs: null, steps: null, ...more };
    this.error = null;
    this.state = "starting";
  }

  /**
   * As it was kept, with what it was asked and what there was of it.
   * @param {any} kept
   * @param {number[]} moments
   * @param {number[]} pictured
   */
  restore(kept, moments, pictured) {
    this.settings = kept.settings ?? this.settings;
    this.savedStep = this.step;
    // What came after the kept state is repeated.
    this.moments = moments.filter((step) => step <= this.step);
    this.pictured = pictured.filter((step) => step <= this.step);
    const size = this.control.batch_size;
    if (size !== null && size !== this.batchSize) {
      this.batches.resize(size, this.step, kept.numSeen ?? this.batches.numSeen(this.step));
    }
  }

  /** @param {"finished" | "stopped"} state in which it was left */
  rest(state) {
    this.#become(state);
  }

  /**
   * Stand still until `release`, once the first step is done.
   * @returns {Promise<boolean>} false if it is paused or ends before
   */
  hold() {
    if (!this.#startedAt || this.#isPaused()) return Promise.resolve(false);
    const over = /** @type {Promise<void>} */ (new Promise((resolve) => (this.#goOn = resolve)));
    return new Promise((answer) => (this.#hold = { answer, over }));
  }

  release() {
    this.#goOn();
  }

  async #loop() {
    let nextLook = nextPictureStep(this.step);
    let savedAt = performance.now();
    this.#numEvaluations = Math.floor(this.progress * NUM_EVALUATIONS);
    while (this.progress < 1 && !this.isStopping) {
      await breath();
      if (this.#isPaused()) {
        await this.#pause();
        savedAt = performance.now();
        continue;
      }
      if (this.#losses.length > 0) await this.#stand();
      const at = placesAt(this, this.step);
      if (!(await this.#hasCome(at.places))) continue;
      this.#become("running");
      await this.#takeStep(at);
      if (this.step >= nextLook && this.progress < 1) {
        await this.#look();
        nextLook = nextPictureStep(this.step);
      }
      if (this.#isEvaluationDue(this.progress)) await this.#evaluate(this.progress);
      if (performance.now() - savedAt > SAVE_EVERY_MS) {
        await this.keep();
        savedAt = performance.now();
      }
    }
    if (!this.isStopping && this.heldOut.available > 0 && this.step > 0) await this.#evaluate(1);
  }

  #isPaused() {
    return this.control.is_paused || (this.pauseAt !== null && this.step >= this.pauseAt);
  }

  async #pause() {
    this.#answerHold(false);
    this.control.is_paused = true;
    this.pauseAt = null;
    if (this.step > this.savedStep) await this.keep();
    this.#become("paused");
    const pausedAt = performance.now();
    await new Promise((resolve) => (this.#wake = () => resolve(null)));
    this.#wake = null;
    this.#startedAt += performance.now() - pausedAt;
  }

  async #stand() {
    if (!this.#hold) return;
    const from = performance.now();
    const { over } = this.#hold;
    this.#answerHold(true);
    await over;
    this.#startedAt += performance.now() - from;
  }

  /** @param {boolean} stands */
  #answerHold(stands) {
    this.#hold?.answer(stands);
    this.#hold = null;
  }

  /**
   * Of an epoch, only the pictures that have come can be learned from.
   * @param {Int32Array} places
   */
  async #hasCome(places) {
    const most = places.reduce((a, b) => Math.max(a, b), 0);
    if (most < this.examples.available) return true;
    const waitedFrom = performance.now();
    await Promise.race([this.examples.whenAvailable(most + 1), pause(500)]);
    this.#startedAt += performance.now() - waitedFrom;
    return false;
  }

  /** @param {ReturnType<typeof placesAt>} at */
  async #takeStep(at) {
    const began = performance.now();
    const rate = this.control.learning_rate ?? learningRate(this.settings, this.progress);
    const graph = await this.engine.graph(`step/${this.batchSize}`);
    const outputs = await graph.run({ ...this.#carried, ...this.#inputs(graph, at, rate) });
    const loss = valueOf(outputs["loss"]);
    const norm = valueOf(outputs["gradient_norm"]);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
      throw new Error(
        `expected finite numbers; got loss ${loss} at step ${this.step + 1}. To fix: lower the learning rate (now ` +
          `${rate}); the state of step ${this.savedStep} is kept.`,
      );
    }
    for (const name of this.manifest.carried) this.#carried[name] = /** @type {Tensor} */ (outputs[`next/${name}`]);
    this.step += 1;
    this.#losses.push(loss);
    if (this.#losses.length > LOSSES_AVERAGED) this.#losses.shift();
    this.emit({
      event: "stepped",
      step: this.step,
      loss,
      gradient_norm: norm,
      learning_rate: rate,
      progress: this.progress,
      elapsed_s: this.elapsedS,
      images_per_s: (this.batchSize / Math.max(performance.now() - began, 0.01)) * 1000,
    });
  }

  /**
   * All that varies from step to step: examples, numbers, and what is random.
   * @param {import("./engine.js").RunnableGraph} graph
   * @param {ReturnType<typeof placesAt>} at
   * @param {number} rate
   * @returns {Record<string, Tensor>}
   */
  #inputs(graph, at, rate) {
    const numbers = {
      step: this.step + 1,
      ema_decay: warmedUpDecay(this.settings.ema_decay, this.step),
      max_gradient_norm: this.settings.max_gradient_norm,
      ...under("hyper", this.hyper(rate)),
    };
    return {
      ...drawnInputs(graph, generator(this.settings.seed, "step", this.step)),
      ...exampleInputs(this, at),
      ...scalars(numbers),
    };
  }

  /**
   * Numbers of the optimizer, as the settings say or as a person has set them.
   * @param {number} rate
   * @returns {Record<string, number>}
   */
  hyper(rate) {
    const { hyperparameters } = this.manifest;
    const momentum = ["momentum", "beta1"].find((name) => name in hyperparameters);
    const set = {
      weight_decay: this.control.weight_decay ?? this.settings.weight_decay,
      ...(momentum && this.control.momentum !== null ? { [momentum]: this.control.momentum } : {}),
    };
    return { ...hyperparameters, ...set, learning_rate: rate };
  }

  /** Keep the weights of this moment, and pictures of what it draws. */
  async #look() {
    const tensors = this.named();
    const moment = Object.fromEntries(
      Object.entries(tensors).filter(([name]) => name.startsWith("parameters/") || name.startsWith("buffers/")),
    );
    await this.shelf.put(`moment/${this.step}`, moment);
    this.moments = [...this.moments.filter((step) => step < this.step), this.step];
    if (this.manifest.walk) {
      const frames = await drawn(this.engine, this.manifest.walk, weightsOf(tensors), this.settings.seed, NUM_SEEDS);
      await this.shelf.put(`pictures/${this.step}`, frames.at(-1));
      this.pictured = [...this.pictured.filter((step) => step < this.step), this.step];
      this.emit({ event: "pictured", step: this.step, elapsed_s: this.elapsedS, file: `pictures/${this.step}` });
    }
  }

  #stepsSoFar() {
    const isEpochs = this.settings.epochs !== null && this.settings.epochs !== undefined;
    return isEpochs ? this.batches.numSeen(this.step) / this.settings.batch_size : this.step;
  }

  /** @param {number} progress */
  #isEvaluationDue(progress) {
    if (this.heldOut.available === 0 || Math.floor(progress * NUM_EVALUATIONS) <= this.#numEvaluations) return false;
    return performance.now() - this.#evaluatedAt > this.#evaluationMs / EVALUATION_SHARE;
  }

  /** @param {number} progress */
  async #evaluate(progress) {
    const began = performance.now();
    const found = await measured(this, this.weights());
    this.#evaluatedAt = performance.now();
    this.#evaluationMs = this.#evaluatedAt - began;
    this.#numEvaluations = Math.floor(progress * NUM_EVALUATIONS);
    if (!found) return;
    const { loss, accuracy, num } = found;
    this.#accuracy = accuracy;
    this.#best = this.#best === null ? loss : Math.min(this.#best, loss);
    this.emit({ event: "evaluated", step: this.step, elapsed_s: this.elapsedS, validation_loss: loss, accuracy, num });
  }

  /** Keep the whole state now. */
  async keep() {
    await this.#save();
    this.emit({ event: "checkpointed", step: this.step, elapsed_s: this.elapsedS, directory: `state/${this.step}` });
  }

  async #save() {
    const numSeen = this.batches.numSeen(this.step);
    await this.save({ step: this.step, elapsedS: this.elapsedS, numSeen, tensors: this.named() });
    this.savedStep = this.step;
  }

  /**
   * The offered batch size that is nearest to the one that was asked for.
   * @param {number | null} asked
   */
  #possible(asked) {
    if (asked === null) return null;
    const sizes = this.batchSizes;
    const nearest = sizes.reduce((a, b) => (Math.abs(Math.log(b / asked)) < Math.abs(Math.log(a / asked)) ? b : a));
    if (nearest !== asked) this.#notice(`batches of ${sizes.join(", ")} examples are offered: ${nearest} is the nearest to ${asked}`);
    return nearest;
  }

  /** @param {Control} before */
  #adjust(before) {
    const { is_paused: _, ...now } = this.control;
    const { is_paused: __, ...then } = before;
    if (JSON.stringify(now) === JSON.stringify(then)) return;
    const size = now.batch_size ?? this.settings.batch_size;
    if (size !== this.batchSize) this.batches.resize(size, this.step, this.batches.numSeen(this.step));
    this.emit({ event: "adjusted", step: this.step, elapsed_s: this.elapsedS, ...now });
  }

  /** @param {string} message */
  #notice(message) {
    this.emit({ event: "noticed", step: this.step, message });
  }

  /** @param {Trainer["state"]} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.onState();
  }

  #emitStarted() {
    const { backend, numThreads } = this.engine.choice;
    const runtime = backend === "webgpu" ? "webgpu" : `wasm, ${numThreads} thread${numThreads === 1 ? "" : "s"}`;
    const told = { ...this.manifest.started, runtime, step: this.step, elapsed_s: this.#elapsedBefore };
    this.emit({ event: "started", ...told });
  }

  /** @param {string} reason */
  #emitFinished(reason) {
    const loss = this.#losses.length ? this.#losses.reduce((a, b) => a + b, 0) / this.#losses.length : null;
    this.emit({
      event: "finished",
      step: this.step,
      elapsed_s: this.elapsedS,
      reason,
      loss,
      validation_loss: this.#best,
      accuracy: this.#accuracy,
    });
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
