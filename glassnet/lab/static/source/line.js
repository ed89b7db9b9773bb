// One worker of a page that trains by itself, and what is said through it.

import { SourceError } from "./source.js";

/** @typedef {import("../worker/engine.js").Choice} Choice */
/** @typedef {import("./worker.js").Trial} Trial */

/** One worker, and what is said through it. */
export class Line {
  #id = 0;
  /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  /** @type {string | null} why it ended */
  #ended = null;

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
    if (this.#ended !== null) return Promise.reject(new SourceError("lost", this.#ended, 0));
    const id = (this.#id += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.worker.postMessage({ ...message, kind, id });
    });
  }

  /** @param {string} why */
  end(why) {
    this.#ended ??= why;
    this.worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new SourceError("lost", why, 0));
    this.#waiting.clear();
  }
}

/**
 * How long a step takes there.
 * @param {Line} line
 * @param {Choice} choice
 * @param {Promise<unknown>} [opened]
 * @returns {Promise<Trial>}
 */
export async function timed(line, choice, opened) {
  try {
    await opened;
    return { choice, msPerStep: await line.ask("time"), reason: null };
  } catch (error) {
    return { choice, msPerStep: null, reason: messageOf(error) };
  }
}

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
