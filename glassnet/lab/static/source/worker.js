// A training in this tab, in the place of a server: a worker does all of it, and answers the same requests.

import { hasGpu, mostThreads } from "../worker/engine.js";
import { Log } from "../worker/log.js";
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

/** All that can be tried in this browser. */
async function candidates() {
  const most = mostThreads();
  const threads = [...new Set([1, most - 1, most])].filter((n) => n > 0);
  const wasm = threads.map((numThreads) => /** @type {Choice} */ ({ backend: "wasm", numThreads }));
  return (await hasGpu()) ? [...wasm, /** @type {Choice} */ ({ backend: "webgpu", numThreads: 1 })] : wasm;
}

/** One worker, and what is said through it. */
class Line {
  #id = 0;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();

  /** @param {(message: any) => void} onTold */
  constructor(onTold) {
    this.worker = new Worker(new URL("../worker/main.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => {
      const asked = this.#waiting.get(data.id);
      if (!asked) return onTold(data);
      this.#waiting.delete(data.id);
      if (data.kind === "done") asked.resolve(data.answer);
      else asked.reject(new SourceError(data.error.code, data.error.message, data.error.status));
    };
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.end(event.message || "the worker ended");
      onTold({ kind: "lost", message: event.message });
    };
  }

  /**
   * @param {string} kind
   * @param {object} [message]
   * @returns {Promise<any>}
   */
  ask(kind, message = {}) {
    const id = (this.#id += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...message, kind, id });
    });
  }

  /** @param {string} why */
  end(why) {
    this.worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new SourceError("lost", why, 0));
    this.#waiting.clear();
  }
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
    this.#ready = this.#start(asked);
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
    const isPaused = this.#status?.control.is_paused ?? false;
    await this.#line?.ask("keep").catch(() => {});
    this.#line?.end("moved");
    this.#line = null;
    this.telling = { ...this.telling, trials: [], chosen: null };
    this.#ready = this.#start(asked, isPaused);
    await this.#ready;
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

  async #again() {
    const chosen = this.telling.chosen;
    this.#line?.end("started again");
    this.#log = new Log();
    for (const listener of this.#listeners) listener.onReset?.();
    this.#ready = this.#start(chosen ? keyOf(chosen) : null);
    await this.#ready;
  }

  /**
   * @param {string | null} asked
   * @param {boolean} [isPaused]
   */
  async #start(asked, isPaused) {
    try {
      this.#mayLast = await this.#alone();
      const choice = choiceOf(asked);
      this.#line = choice ? await this.#opened(choice) : await this.#fastest();
      const told = { place: this.place, mayLast: this.#mayLast, isPaused };
      const { events, isLasting } = await this.#line.ask("begin", told);
      this.#log = new Log(events);
      this.#tell({ isLasting, problem: null });
      for (const listener of this.#listeners) this.#replay(listener);
    } catch (error) {
      this.#tell({ problem: error instanceof Error ? error.message : String(error) });
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
    const line = new Line((message) => this.#hear(message));
    try {
      await line.ask("open", { ...this.where, choice });
    } catch (error) {
      line.end("not opened");
      throw error;
    }
    this.#tell({ chosen: choice });
    return line;
  }

  /** Try all that there is, one after the other, and keep the fastest. */
  async #fastest() {
    /** @type {{line: Line, ms: number, choice: Choice} | null} */
    let best = null;
    for (const choice of await candidates()) {
      /** @type {Trial} */
      const trial = { choice, msPerStep: null, reason: null };
      /** @type {Line | null} */
      let line = null;
      try {
        line = await this.#opened(choice);
        const ms = await line.ask("time");
        trial.msPerStep = ms;
        if (best && best.ms <= ms) line.end("slower");
        else {
          best?.line.end("slower");
          best = { line, ms, choice };
        }
      } catch (error) {
        line?.end("failed");
        trial.reason = error instanceof Error ? error.message : String(error);
      }
      this.#tell({ trials: [...this.telling.trials, trial], chosen: best?.choice ?? null });
    }
    if (!best) throw new Error(this.telling.trials.map(({ reason }) => reason).join("; "));
    return best.line;
  }

  /** @param {any} message */
  #hear(message) {
    if (message.kind === "lost") return void this.#lost(message.message);
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
   * Out of memory, or the GPU is gone: go on from what was kept, in the way that always works.
   * @param {string} why
   */
  async #lost(why) {
    const chosen = this.telling.chosen;
    const isLastResort = !chosen || keyOf(chosen) === keyOf(WASM_ONE);
    if (isLastResort) return this.#tell({ problem: why });
    this.#line = null;
    this.#ready = this.#start(keyOf(WASM_ONE)).catch(() => {});
    await this.#ready;
    const event = { event: "noticed", step: this.#status?.step ?? 0, message: why };
    for (const listener of this.#listeners) listener.onEvents([event]);
  }

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
