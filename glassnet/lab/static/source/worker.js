// A training in this tab, in the place of a server: a worker does all of it, and answers the same requests.

import { hasGpu, mostThreads } from "../worker/engine.js";
import { Log } from "../worker/log.js";
import { Line, messageOf, timed } from "./line.js";
import { saveAs } from "./saving.js";
import { SourceError } from "./source.js";

/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./source.js").EventListeners} EventListeners */
/** @typedef {import("./source.js").Status} Status */
/** @typedef {import("./source.js").TrainingEvent} TrainingEvent */
/** @typedef {import("../worker/engine.js").Choice} Choice */
/** @typedef {{choice: Choice, msPerStep: number | null, reason: string | null}} Trial */

/**
 * @typedef {object} Telling what there is to know of where it runs
 * @property {Trial[]} trials in the order in which they were made
 * @property {Choice | null} chosen
 * @property {boolean} isLasting whether what is learned outlasts the tab
 * @property {string | null} problem why there is no training
 */

const WASM_ONE = /** @type {Choice} */ ({ backend: "wasm", numThreads: 1 });

/** "wasm-2", as the address and the browser's memory have it. */
export function keyOf(/** @type {Choice} */ choice) {
  return choice.backend === "wasm" ? `wasm-${choice.numThreads}` : choice.backend;
}

/** @returns {Choice | null} */
export function choiceOf(/** @type {string | null} */ key) {
  if (key === "webgpu") return { backend: "webgpu", numThreads: 1 };
  const threads = /^wasm-(\d{1,2})$/.exec(key ?? "")?.[1];
  return threads ? { backend: "wasm", numThreads: Math.min(Number(threads), mostThreads()) || 1 } : null;
}

/** All that can be tried in this browser, what is likely to be the fastest first; to find a GPU takes a moment. */
async function* candidates() {
  const most = mostThreads();
  const threads = [...new Set([most, most - 1, 1])].filter((n) => n > 0);
  yield* threads.map((numThreads) => /** @type {Choice} */ ({ backend: "wasm", numThreads }));
  if (await hasGpu()) yield /** @type {Choice} */ ({ backend: "webgpu", numThreads: 1 });
}

/** A training in this tab. */
export class Tab {
  /** @type {Telling} */
  telling = { trials: [], chosen: null, isLasting: true, problem: null };
  /** @type {Line | null} */
  #line = null;
  #log = new Log();
  /** @type {Status | null} */
  #status = null;
  /** @type {Set<EventListeners>} */
  #listeners = new Set();
  /** @type {Set<() => void>} */
  #watchers = new Set();
  /** @type {Promise<unknown>} */
  #ready = Promise.resolve();
  #mayLast = true;

  /**
   * @param {object} where
   * @param {string} where.base the address of the exported network
   * @param {string} where.library the address of onnxruntime-web
   * @param {string} where.place under which this browser keeps it
   */
  constructor({ base, library, place }) {
    this.where = { base, library };
    this.place = place;
  }

  /**
   * Find the fastest way to run, or take the one that was asked for, and begin.
   * @param {string | null} asked
   */
  async start(asked) {
    this.#ready = this.#start(choiceOf(asked));
    await this.#ready;
  }

  /** @param {() => void} watcher @returns {() => void} no longer */
  watch(watcher) {
    this.#watchers.add(watcher);
    watcher();
    return () => void this.#watchers.delete(watcher);
  }

  /**
   * Go on elsewhere from where it is.
   * @param {string | null} asked
   */
  async move(asked) {
    await this.#ready.catch(() => {});
    this.telling = { ...this.telling, trials: [], chosen: null };
    await this.#moved(this.#line, choiceOf(asked));
  }

  /** Begin again from the first weights. */
  async restart() {
    await this.#ready;
    await this.#line?.ask("reset");
    await this.#again();
  }

  /**
   * Go on from a file.
   * @param {Blob} body
   */
  async load(body) {
    await this.#ready;
    await this.#line?.ask("load", { body });
    await this.#again();
  }

  /** @returns {Source} */
  source() {
    return {
      can: { train: false, steer: true, upload: true, sketch: true },
      get: (path, params) => this.#ask("GET", path, params),
      post: (path, body, params) => this.#post(path, body, params),
      del: async () => this.restart(),
      events: (_, listeners) => this.#listen(listeners),
      stream: (_path, _body, _onMessage, onEnd) => {
        onEnd?.(new SourceError("not_found", "a page without a lab behind it has no races.", 404));
        return { close: () => {} };
      },
      download: (path, params) => this.download(path, params),
    };
  }

  /**
   * Save what is answered as a file.
   * @param {string} path
   * @param {object} [params]
   */
  async download(path, params) {
    const { name, bytes } = await this.#ask("GET", path, params);
    saveAs(new Blob([bytes], { type: "application/octet-stream" }), name);
  }

  /**
   * @param {Line | null} line that trained
   * @param {Choice | null} choice
   */
  async #moved(line, choice) {
    const isPaused = this.#status?.control.is_paused ?? false;
    await line?.ask("keep").catch(() => {});
    line?.end("moved");
    this.#line = null;
    this.#ready = this.#start(choice, isPaused);
    await this.#ready;
  }

  async #again() {
    const chosen = this.telling.chosen;
    this.#line?.end("started again");
    this.#log = new Log();
    for (const listener of this.#listeners) listener.onReset?.();
    this.#ready = this.#start(chosen);
    await this.#ready;
  }

  /**
   * @param {Choice | null} choice where none is made, all are tried while it trains
   * @param {boolean} [isPaused]
   */
  async #start(choice, isPaused) {
    try {
      this.#mayLast = await this.#alone();
      const line = choice ? await this.#openedOrLikely(choice) : await this.#likely();
      this.#line = line;
      const told = { place: this.place, mayLast: this.#mayLast, isPaused };
      const { events, isLasting } = await line.ask("begin", told);
      this.#log = new Log(events);
      this.#tell({ isLasting, problem: null });
      for (const listener of this.#listeners) this.#replay(listener);
      // What goes wrong there is seen by the training itself.
      if (!choice) this.#compare(line).catch(() => {});
    } catch (error) {
      this.#tell({ problem: messageOf(error) });
      throw error;
    }
  }

  /** Whether no other tab trains this network and keeps it. */
  #alone() {
    if (!this.#mayLast || !navigator.locks) return Promise.resolve(this.#mayLast);
    if (this.#holds) return Promise.resolve(true);
    return new Promise((resolve) => {
      navigator.locks.request(`glassnet ${this.place}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        this.#holds = lock !== null;
        // Held until the tab is closed.
        return lock ? new Promise(() => {}) : undefined;
      });
    });
  }

  #holds = false;

  /** @param {Choice} choice */
  async #opened(choice) {
    /** @type {Line} */
    const line = new Line((message) => this.#hear(line, message));
    try {
      await line.ask("open", { ...this.where, choice });
    } catch (error) {
      line.end("not opened");
      throw error;
    }
    this.#tell({ chosen: choice });
    return line;
  }

  /** @param {Choice} choice that may not be possible here */
  async #openedOrLikely(choice) {
    try {
      return await this.#opened(choice);
    } catch (error) {
      this.#tell({ trials: [{ choice, msPerStep: null, reason: messageOf(error) }] });
      return this.#likely();
    }
  }

  /** The first of the ways that can be opened. */
  async #likely() {
    const reasons = [];
    for await (const choice of candidates()) {
      try {
        return await this.#opened(choice);
      } catch (error) {
        reasons.push(messageOf(error));
      }
    }
    throw new Error(reasons.join("; "));
  }

  /**
   * Now that it trains: time the other ways while it stands still, and go on in the fastest.
   * @param {Line} line that trains
   */
  async #compare(line) {
    const mine = this.telling.chosen;
    if (!mine || !(await line.ask("hold"))) return;
    const others = [];
    for await (const choice of candidates()) if (keyOf(choice) !== keyOf(mine)) others.push(choice);
    for (const choice of [mine, ...others]) {
      const trial = await (choice === mine ? timed(line, choice) : this.#tried(choice));
      // A person may have moved it elsewhere meanwhile.
      if (this.#line !== line) return;
      this.#tell({ trials: [...this.telling.trials, trial] });
    }
    const best = this.telling.trials.reduce((a, b) => ((b.msPerStep ?? Infinity) < (a.msPerStep ?? Infinity) ? b : a));
    if (best.choice === mine) await line.ask("release");
    else await this.#moved(line, best.choice);
  }

  /** @param {Choice} choice */
  async #tried(choice) {
    const line = new Line(() => {});
    const opened = line.ask("open", { ...this.where, choice });
    const trial = await timed(line, choice, opened);
    line.end("timed");
    return trial;
  }

  /**
   * @param {Line} line
   * @param {any} message
   */
  #hear(line, message) {
    if (message.kind === "lost") return void this.#lost(line, message.message);
    if (message.kind === "events") {
      for (const event of message.events) this.#log.push(event);
      for (const listener of this.#listeners) listener.onEvents(message.events);
    }
    if (message.status) this.#setStatus(message.status);
  }

  /** @param {Status} status */
  #setStatus(status) {
    const before = this.#status;
    this.#status = status;
    const isSame = before && JSON.stringify({ ...before, step: 0 }) === JSON.stringify({ ...status, step: 0 });
    if (isSame) return;
    for (const listener of this.#listeners) listener.onStatus?.(status);
  }

  /**
   * Out of memory, or the GPU is gone: go on from what was kept, in the way that asks for least.
   * @param {Line} line
   * @param {string} why
   */
  async #lost(line, why) {
    if (this.#line !== line) return;
    line.end(why);
    const step = this.#status?.step ?? 0;
    const isHopeless = this.#lostAt === step;
    this.#lostAt = step;
    if (isHopeless) return this.#tell({ problem: why });
    this.#ready = this.#start(WASM_ONE);
    await this.#ready.catch(() => {});
    const message =
      `expected to compute the step after ${step}; got '${why}': no memory left, or a GPU that is gone. ` +
      `It goes on from step ${this.#status?.step ?? 0}, on one thread.`;
    for (const listener of this.#listeners) listener.onEvents([{ event: "noticed", step, message }]);
  }

  /** @type {number | null} the step at which it was lost the last time */
  #lostAt = null;

  /** @param {EventListeners} listeners */
  #listen(listeners) {
    this.#listeners.add(listeners);
    // Not before whoever asked has taken hold of what is returned.
    this.#ready.then(() => queueMicrotask(() => this.#replay(listeners))).catch(() => {});
    return { close: () => void this.#listeners.delete(listeners) };
  }

  /** @type {WeakSet<EventListeners>} */
  #replayed = new WeakSet();

  /** @param {EventListeners} listeners */
  #replay(listeners) {
    if (!this.#listeners.has(listeners)) return;
    if (this.#replayed.has(listeners)) listeners.onReset?.();
    this.#replayed.add(listeners);
    if (this.#status) listeners.onStatus?.(this.#status);
    listeners.onEvents([...this.#log.events]);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [params]
   * @param {any} [body]
   */
  async #ask(method, path, params, body) {
    await this.#ready;
    return this.#theLine().ask("ask", { method, path, params: { ...params }, body });
  }

  /**
   * @param {string} path
   * @param {any} body
   * @param {object} [params]
   */
  async #post(path, body, params) {
    await this.#ready;
    if (path.endsWith("/control")) return this.#theLine().ask("control", { change: body });
    if (path.endsWith("/resume")) return this.#theLine().ask("resume", { more: body });
    return this.#ask("POST", path, params, body);
  }

  #theLine() {
    if (this.#line) return this.#line;
    throw new SourceError("lost", this.telling.problem ?? "there is no training in this tab", 0);
  }

  /** @param {Partial<Telling>} change */
  #tell(change) {
    this.telling = { ...this.telling, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}
