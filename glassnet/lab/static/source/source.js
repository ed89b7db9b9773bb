// Where a page gets what it shows: from the server, or from what a report recorded.

/** @typedef {string | number | boolean | null | undefined} Param left out where null */
/** @typedef {Record<string, Param | string[]>} Params a list becomes a key that is given several times */
/** @typedef {{event: string, step: number, [field: string]: any}} TrainingEvent as in events.jsonl */

/**
 * @typedef {object} Control what a person has set over what the settings say; null follows the settings
 * @property {boolean} is_paused
 * @property {number | null} learning_rate
 * @property {number | null} momentum
 * @property {number | null} weight_decay
 * @property {number | null} batch_size
 */

/**
 * @typedef {object} Status
 * @property {"starting" | "running" | "paused" | "stopped" | "finished" | "crashed" | "idle"} state
 * @property {boolean} is_alive
 * @property {number} step
 * @property {Control} control
 * @property {string | null} error
 */

/**
 * @typedef {object} Pixels
 * @property {[number, number, number, number]} shape pictures, channels, height, width
 * @property {string} pixels base64 of uint8
 * @property {boolean} [is_ink] 255 is ink on a background of 0
 */

/**
 * @typedef {object} EventListeners
 * @property {(events: TrainingEvent[]) => void} onEvents
 * @property {(status: Status) => void} [onStatus]
 * @property {() => void} [onReset] the log was replaced: forget all events
 * @property {(numPages: number) => void} [onWatching] so many pages are open on runs of this lab
 * @property {(isLost: boolean) => void} [onLost] the connection was lost (true) or is back (false)
 */

/**
 * @typedef {object} Summary of a run
 * @property {string} run
 * @property {string} task
 * @property {string} model
 * @property {string} title
 * @property {Status["state"]} state
 * @property {number} step
 * @property {number | null} elapsed_s
 * @property {number | null} num_weights
 * @property {number | null} loss
 * @property {number | null} validation_loss
 * @property {number | null} accuracy
 * @property {number} changed_at seconds since 1970
 * @property {Pixels | null} thumbnail
 * @property {string | null} reason
 */

/** @typedef {{close: () => void}} Closable */

/**
 * @typedef {object} Source
 * @property {(path: string, params?: Params) => Promise<any>} get
 * @property {(path: string, body: object | Blob, params?: Params) => Promise<any>} post
 * @property {(path: string, params?: Params) => Promise<any>} del
 * @property {(run: string, listeners: EventListeners) => Closable} events
 * @property {(path: string, body: object, onMessage: (message: {event: string, data: any}) => void,
 *   onEnd?: (error: Error | null) => void) => Closable} stream
 * @property {(path: string, params?: Params) => Promise<void>} download
 * @property {{train: boolean, steer: boolean, upload: boolean, sketch?: boolean, tab?: boolean}} can tab: have a training
 *   run in the page
 */

export class SourceError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} status
   */
  constructor(code, message, status) {
    super(message);
    this.name = "SourceError";
    this.code = code;
    this.status = status;
  }
}

/**
 * The path of what belongs to a run.
 * @param {string} run
 * @param {...(string | number)} parts
 */
export function runPath(run, ...parts) {
  return ["/runs", run, ...parts].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");
}
