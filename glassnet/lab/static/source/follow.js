// The events of a run from its beginning, on through lost connections and while nobody looks at the page.

import { SourceError } from "./source.js";
import { readMessages } from "./sse.js";

const [LEAST_WAIT_MS, MOST_WAIT_MS] = [300, 5000];
// Browsers open six connections to a server at most, over all windows, and each has to ask for other things.
const NUM_SLOTS = 4;
const [GLANCE_MS, BETWEEN_GLANCES_MS] = [700, 3000];

/**
 * @param {(headers: Record<string, string>, signal: AbortSignal) => Promise<Response>} ask
 * @param {import("./source.js").EventListeners} listeners
 * @returns {import("./source.js").Closable}
 */
export function follow(ask, listeners) {
  const ending = new AbortController();
  /** @type {AbortController | null} */
  let reading = null;
  let position = "";
  let isLost = false;

  const tell = (/** @type {boolean} */ isLostNow) => {
    if (isLost !== isLostNow) listeners.onLost?.((isLost = isLostNow));
  };
  const onMessage = (/** @type {import("./sse.js").Message} */ message) => {
    if (message.id !== null) position = message.id;
    if (message.event === "events") listeners.onEvents(JSON.parse(message.data));
    if (message.event === "status") listeners.onStatus?.(JSON.parse(message.data));
    if (message.event === "watching") listeners.onWatching?.(JSON.parse(message.data).pages);
    if (message.event === "reset") {
      position = "";
      listeners.onReset?.();
    }
  };
  const read = async () => {
    reading = new AbortController();
    const response = await ask(position ? { "Last-Event-ID": position } : {}, reading.signal);
    tell(false);
    await readMessages(response, onMessage);
  };
  const glance = async () => {
    const end = setTimeout(() => reading?.abort(), GLANCE_MS);
    await read().finally(() => clearTimeout(end));
  };
  /** @returns {Promise<number>} how long to wait before the next time, at least */
  const once = async () => {
    let isGlance = false;
    try {
      await inSlot(read, () => ((isGlance = true), glance()));
    } catch (error) {
      if (ending.signal.aborted || isRefusal(error)) throw error;
      if (!reading?.signal.aborted) tell(true);
    }
    return isGlance ? BETWEEN_GLANCES_MS : 0;
  };
  const forever = async () => {
    for (let waitMs = LEAST_WAIT_MS; ; waitMs = Math.min(MOST_WAIT_MS, waitMs * 2)) {
      await untilVisible();
      if (ending.signal.aborted) return;
      const betweenMs = await once();
      if (!isLost) waitMs = LEAST_WAIT_MS;
      await sleep(Math.max(waitMs, betweenMs));
    }
  };
  // A page that is hidden gives its connection back.
  const onVisibility = () => void (document.hidden && reading?.abort());
  document.addEventListener("visibilitychange", onVisibility);
  ending.signal.addEventListener("abort", () => {
    document.removeEventListener("visibilitychange", onVisibility);
    reading?.abort();
  });
  // It ends when it is closed, or when the run or this page is refused: then every other request says so.
  forever().catch(() => {});
  return { close: () => ending.abort() };
}

/**
 * Do something while holding one of the few slots that all windows share; without a free one, something shorter.
 * @param {() => Promise<void>} inside
 * @param {() => Promise<void>} outside
 */
async function inSlot(inside, outside) {
  for (let i = 0; i < NUM_SLOTS; i += 1) {
    const isDone = await navigator.locks.request(`events ${i}`, { ifAvailable: true }, async (lock) => {
      if (lock) await inside();
      return lock !== null;
    });
    if (isDone) return;
  }
  await outside();
}

/** @param {unknown} error */
function isRefusal(error) {
  return error instanceof SourceError && error.status >= 400 && error.status < 500;
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @returns {Promise<void>} */
function untilVisible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}
