// The lab's own server: every request carries the token, and a lost connection comes back by itself.

import { follow } from "./follow.js";
import { saveAs } from "./saving.js";
import { runPath, SourceError } from "./source.js";
import { readMessages } from "./sse.js";

/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./source.js").Params} Params */
/** @typedef {import("./source.js").Closable} Closable */
/** @typedef {"connected" | "lost" | "refused"} Connection */

const MOST_WAIT_MS = 5000;

/**
 * @param {string} token
 * @param {(connection: Connection) => void} [onConnection] told when it changes; "refused": the token is of another lab
 * @returns {Source}
 */
export function serverSource(token, onConnection = () => {}) {
  const line = new Line(token, onConnection);
  return {
    can: { train: true, steer: true, upload: true, tab: true },
    get: (path, params) => line.json("GET", path, params),
    post: (path, body, params) => line.json("POST", path, params, body),
    del: (path, params) => line.json("DELETE", path, params),
    events: (run, listeners) =>
      follow(
        (headers, signal) => line.ask("GET", runPath(run, "events"), {}, undefined, { headers, signal }),
        listeners,
      ),
    stream: (path, body, onMessage, onEnd) => stream(line, path, body, onMessage, onEnd),
    download: (path, params) => download(line, path, params),
  };
}

/** The connection, and what is known of it. */
class Line {
  /** @type {Connection} */
  connection = "connected";

  /**
   * @param {string} token
   * @param {(connection: Connection) => void} onConnection
   */
  constructor(token, onConnection) {
    this.token = token;
    this.onConnection = onConnection;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Params} [params]
   * @param {object | Blob} [body]
   */
  async json(method, path, params, body) {
    const response = await this.ask(method, path, params, body);
    return response.status === 204 ? null : response.json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Params} [params]
   * @param {object | Blob} [body]
   * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [how]
   * @returns {Promise<Response>} one that went well
   */
  async ask(method, path, params, body, how = {}) {
    const isRaw = body instanceof Blob;
    /** @type {Record<string, string>} */
    const headers = { "X-Glassnet-Token": this.token, ...how.headers };
    if (body) headers["Content-Type"] = isRaw ? body.type || "application/octet-stream" : "application/json";
    const init = { method, headers, body: body ? (isRaw ? body : JSON.stringify(body)) : null, cache: noStore };
    const response = await this.reach(addressOf(path, params), how.signal ? { ...init, signal: how.signal } : init);
    if (response.ok) return response;
    throw await errorOf(response);
  }

  /**
   * @param {string} address
   * @param {RequestInit} init
   */
  async reach(address, init) {
    try {
      const response = await fetch(address, init);
      this.know(response.status === 401 ? "refused" : "connected");
      return response;
    } catch (error) {
      if (init.signal?.aborted) throw error;
      this.know("lost");
      throw new SourceError("lost", "expected an answer of the lab; got none. To fix: see that it still runs.", 0);
    }
  }

  /** @param {Connection} connection */
  know(connection) {
    if (connection === this.connection) return;
    this.connection = connection;
    this.onConnection(connection);
    if (connection === "lost") this.awaitReturn(500);
  }

  /** @param {number} waitMs */
  async awaitReturn(waitMs) {
    await sleep(waitMs);
    if (this.connection !== "lost") return;
    try {
      await this.reach(addressOf("/runs"), { headers: { "X-Glassnet-Token": this.token }, cache: noStore });
    } catch {
      this.awaitReturn(Math.min(MOST_WAIT_MS, waitMs * 2));
    }
  }
}

/** @type {RequestCache} */
const noStore = "no-store";

/**
 * @param {Line} line
 * @param {string} path
 * @param {object} body
 * @param {(message: {event: string, data: any}) => void} onMessage
 * @param {(error: Error | null) => void} [onEnd]
 * @returns {Closable}
 */
function stream(line, path, body, onMessage, onEnd = () => {}) {
  const ending = new AbortController();
  const run = async () => {
    const response = await line.ask("POST", path, {}, body, { signal: ending.signal });
    await readMessages(response, ({ event, data }) => onMessage({ event, data: data ? JSON.parse(data) : null }));
  };
  run().then(
    () => onEnd(null),
    (error) => void (ending.signal.aborted || onEnd(error)),
  );
  return { close: () => ending.abort() };
}

/**
 * Save a file under the name that the server gives it.
 * @param {Line} line
 * @param {string} path
 * @param {Params} [params]
 */
async function download(line, path, params) {
  const response = await line.ask("GET", path, params);
  const named = /filename="?([^";]+)"?/.exec(response.headers.get("Content-Disposition") ?? "");
  saveAs(await response.blob(), named?.[1] ?? path.split("/").pop() ?? "file");
}

/**
 * @param {string} path
 * @param {Params} [params]
 */
function addressOf(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  }
  return query.size ? `/api${path}?${query}` : `/api${path}`;
}

/** @param {Response} response */
async function errorOf(response) {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new SourceError(error.code, error.message, response.status);
  } catch {
    return new SourceError("failed", text.slice(0, 300) || response.statusText, response.status);
  }
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
