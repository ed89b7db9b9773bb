// What the page knows of one run: its events in bounded memory, told at most once per frame, steps once a second
// or less often.

import { Curve, thinned } from "./curve.js";
import { runPath } from "./source/source.js";

/** @typedef {import("./source/source.js").Source} Source */
/** @typedef {import("./source/source.js").Status} Status */
/** @typedef {import("./source/source.js").TrainingEvent} TrainingEvent */

/**
 * @typedef {object} Details as GET /api/runs/{run} has them
 * @property {string} run
 * @property {Record<string, any>} settings
 * @property {Record<string, any>} facts
 * @property {TrainingEvent | null} started
 * @property {Status} status
 * @property {number[]} moments steps whose weights were kept
 * @property {number[]} pictured steps of which there are pictures
 * @property {number | null} checkpoint
 */

/** @typedef {"learningRate" | "gradientNorm" | "imagesPerS" | "elapsedS"} OtherColumn */
/** @typedef {"step" | "loss" | "smoothedLoss" | OtherColumn} ColumnName */

const COLUMNS = ["step", "loss", "smoothedLoss", "learningRate", "gradientNorm", "imagesPerS", "elapsedS"];
const FIELDS = ["step", "loss", "", "learning_rate", "gradient_norm", "images_per_s", "elapsed_s"];
const MOST_SMOOTHED = 40; // steps; at first a tenth of those there have been, so that the fall is seen as it is
const DETAILS_EVERY_MS = 4000;
const LINGER_MS = 1500;
const AT_ONCE = ["started", "adjusted", "noticed", "finished"];
// Drawing takes what a training beside it could use; a curve that grows once a second is watched as well. Of two pages
// beside each other each is drawn after 2.5 seconds, of ten after 20, so that all together take less, the more there are.
const TELL_EVERY_MS = 1000;
const MORE_PAGES = 1.3;

/** @type {Map<string, {store: RunStore, users: number}>} */
const opened = new Map();

/**
 * The store of a run. Views that show the same run share it; each closes what it opened.
 * @param {Source} source
 * @param {string} run
 * @returns {RunStore & {close: () => void}}
 */
export function openRun(source, run) {
  let entry = opened.get(run);
  if (!entry) opened.set(run, (entry = { store: new RunStore(source, run), users: 0 }));
  const mine = entry;
  mine.users += 1;
  let isOpen = true;
  const offs = /** @type {(() => void)[]} */ ([]);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    for (const off of offs) off();
    mine.users -= 1;
    // The next view of the same run opens it at once.
    setTimeout(() => release(run, mine), LINGER_MS);
  };
  const subscribe = (/** @type {(store: RunStore) => void} */ listener) => {
    const off = mine.store.subscribe(listener);
    offs.push(off);
    return off;
  };
  const shared = new Proxy(mine.store, {
    get: (store, name) => {
      if (name === "close") return close;
      if (name === "subscribe") return subscribe;
      const value = Reflect.get(store, name, store);
      return typeof value === "function" ? value.bind(store) : value;
    },
  });
  return /** @type {RunStore & {close: () => void}} */ (shared);
}

/**
 * Forget a run at once: it was deleted.
 * @param {string} run
 */
export function forgetRun(run) {
  opened.get(run)?.store.end();
  opened.delete(run);
}

/**
 * @param {string} run
 * @param {{store: RunStore, users: number}} entry
 */
function release(run, entry) {
  if (entry.users > 0) return;
  entry.store.end();
  if (opened.get(run) === entry) opened.delete(run);
}

/** Made by `openRun`. */
export class RunStore {
  /** @type {Details | null} */
  details = null;
  /** @type {Status | null} */
  status = null;
  /** @type {Error | null} why there are no details */
  error = null;
  /** The connection is lost, and is sought again. */
  isLost = false;
  /** @type {TrainingEvent[]} */
  evaluations = [];
  /** @type {number[]} */
  pictured = [];
  /** @type {Record<string, TrainingEvent>} the last event of each kind, by its name */
  last = {};
  /** @type {TrainingEvent[]} events "noticed", the last few */
  notices = [];
  /** @type {number | null} */
  smoothedLoss = null;
  /** @type {Promise<void>} details are there, or an error is */
  ready;

  #curve = new Curve(COLUMNS.length);
  #numSmoothed = 0;
  /** @type {Set<(store: RunStore) => void>} */
  #listeners = new Set();
  #frame = 0;
  #toldAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #waiting = null;
  #tellEveryMs = TELL_EVERY_MS;
  #detailsAt = 0;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #refreshing = null;
  #hasEnded = false;

  /**
   * @param {Source} source
   * @param {string} run
   */
  constructor(source, run) {
    this.source = source;
    this.run = run;
    this.ready = this.refresh();
    this.events = source.events(run, {
      onEvents: (events) => this.take(events),
      onStatus: (status) => {
        this.status = status;
        this.#tell();
        if (!status.is_alive) this.#refreshSoon();
      },
      onReset: () => this.#forget(),
      onWatching: (numPages) => {
        this.#tellEveryMs = TELL_EVERY_MS * Math.max(1, numPages) ** MORE_PAGES;
      },
      onLost: (isLost) => {
        this.isLost = isLost;
        this.#tell();
      },
    });
  }

  /** Arrays of equal length, by name: step, loss, smoothedLoss, learningRate, gradientNorm, imagesPerS, elapsedS. */
  get curve() {
    const columns = this.#curve.columns.map((column, i) => [COLUMNS[i], column]);
    return /** @type {Record<ColumnName, number[]>} */ (Object.fromEntries(columns));
  }

  /** Steps whose weights were kept, in order. */
  get moments() {
    return this.details?.moments ?? [];
  }

  /** The step of the newest event. */
  get step() {
    return Math.max(this.last["stepped"]?.step ?? 0, this.status?.step ?? 0);
  }

  get isAlive() {
    return this.status?.is_alive ?? false;
  }

  /**
   * @param {(store: RunStore) => void} listener called at most once per frame, and once soon
   * @returns {() => void} no longer
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    this.#tell();
    return () => void this.#listeners.delete(listener);
  }

  /** Ask for the details again. */
  async refresh() {
    const isFirst = !this.details;
    this.#detailsAt = performance.now();
    try {
      const details = await this.source.get(runPath(this.run));
      this.details = details;
      this.status ??= details.status;
      if (this.pictured.length === 0) this.pictured = [...details.pictured];
      this.error = null;
    } catch (error) {
      this.error = /** @type {Error} */ (error);
    }
    if (isFirst || this.error) this.#tell();
    else this.#tellSoon();
  }

  /**
   * Send a change of how the training goes on.
   * @param {object} change as POST /api/runs/{run}/control takes it
   */
  async control(change) {
    this.status = await this.source.post(runPath(this.run, "control"), change);
    this.#tell();
  }

  /** @param {TrainingEvent[]} events */
  take(events) {
    const isFirst = !this.last["stepped"];
    for (const event of events) this.#takeOne(event);
    const hasBegun = isFirst && this.last["stepped"];
    if (hasBegun || events.some((event) => AT_ONCE.includes(event.event))) this.#tell();
    else this.#tellSoon();
  }

  end() {
    this.#hasEnded = true;
    this.events.close();
    this.#listeners.clear();
    if (this.#refreshing) clearTimeout(this.#refreshing);
    if (this.#waiting) clearTimeout(this.#waiting);
    cancelAnimationFrame(this.#frame);
  }

  /** @param {TrainingEvent} event */
  #takeOne(event) {
    this.last[event.event] = event;
    if (event.event === "started") this.#forgetFrom(event.step + 1);
    if (event.event === "stepped") this.#takeStep(event);
    if (event.event === "evaluated") this.evaluations = thinned([...this.evaluations, event]);
    if (event.event === "noticed") this.notices = [...this.notices.slice(-4), event];
    if (event.event === "pictured" && this.pictured.at(-1) !== event.step) {
      this.pictured = [...this.pictured.filter((step) => step < event.step), event.step];
    }
    if (["pictured", "checkpointed", "evaluated", "finished", "started"].includes(event.event)) this.#refreshSoon();
  }

  /** @param {TrainingEvent} event */
  #takeStep(event) {
    const weight = event["thinned"] ?? 1;
    this.#curve.forgetFrom(event.step);
    this.#smooth(event["loss"], weight);
    const row = FIELDS.map((field) => (field ? (event[field] ?? NaN) : (this.smoothedLoss ?? NaN)));
    this.#curve.push(row, weight);
  }

  /**
   * @param {number | null} loss
   * @param {number} weight
   */
  #smooth(loss, weight) {
    if (loss === null || !Number.isFinite(loss)) return;
    this.#numSmoothed += weight;
    const kept = (1 - 1 / Math.min(MOST_SMOOTHED, 1 + this.#numSmoothed / 10)) ** weight;
    this.smoothedLoss = this.smoothedLoss === null ? loss : this.smoothedLoss * kept + loss * (1 - kept);
  }

  /**
   * A training that goes on from a checkpoint repeats what came after it.
   * @param {number} step
   */
  #forgetFrom(step) {
    this.#curve.forgetFrom(step);
    this.evaluations = this.evaluations.filter((event) => event.step < step);
    this.pictured = this.pictured.filter((pictured) => pictured < step);
    delete this.last["finished"];
  }

  #forget() {
    this.#curve = new Curve(COLUMNS.length);
    this.#numSmoothed = 0;
    [this.evaluations, this.pictured, this.notices] = [[], [], []];
    [this.last, this.smoothedLoss] = [{}, null];
    this.#refreshSoon();
    this.#tell();
  }

  #refreshSoon() {
    if (this.#refreshing || this.#hasEnded) return;
    const everyMs = Math.max(DETAILS_EVERY_MS, this.#tellEveryMs);
    const waitMs = Math.max(200, this.#detailsAt + everyMs - performance.now());
    this.#refreshing = setTimeout(() => {
      this.#refreshing = null;
      this.refresh();
    }, waitMs);
  }

  #tellSoon() {
    if (this.#waiting || this.#hasEnded) return;
    const waitMs = Math.max(0, this.#toldAt + this.#tellEveryMs - performance.now());
    this.#waiting = setTimeout(() => {
      this.#waiting = null;
      this.#tell();
    }, waitMs);
  }

  #tell() {
    if (this.#frame || this.#hasEnded) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#toldAt = performance.now();
      for (const listener of [...this.#listeners]) listener(this);
    });
  }
}
