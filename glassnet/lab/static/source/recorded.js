// What a report recorded, in the place of a server: it answers the same requests, and nothing can be done with it.

import { SourceError } from "./source.js";

/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./source.js").Params} Params */
/** @typedef {import("./source.js").TrainingEvent} TrainingEvent */
/** @typedef {import("./source.js").Status} Status */

/**
 * @typedef {object} Recording
 * @property {string} run
 * @property {string} version of glassnet
 * @property {string[]} texts the long ones, each once
 * @property {{path: string, params: Record<string, string>, answer: any}[]} answers with "\0" and a number for a text
 * @property {TrainingEvent[]} events
 * @property {Status} status
 */

// Of these the nearest that was recorded is given; the answer says which it is.
const STEP = "step";
const VALUE = "value";

/**
 * @param {Recording} recording
 * @param {typeof import("../i18n.js").t} say the text of a key, in the language of the moment
 * @returns {Source}
 */
export function recordedSource(recording, say) {
  const refuse = async () => {
    throw new SourceError("not_found", say("report.cannot"), 404);
  };
  return {
    can: { train: false, steer: false, upload: false },
    get: async (path, params) => {
      const found = lookUp(recording.answers, path, params);
      if (found === undefined) throw new SourceError("not_found", whatThereIs(recording, path, say), 404);
      return restored(found, recording.texts);
    },
    post: refuse,
    del: refuse,
    download: refuse,
    events: (_, listeners) => {
      let isOpen = true;
      // Not before whoever asked has taken hold of what is returned.
      queueMicrotask(() => {
        if (!isOpen) return;
        listeners.onStatus?.(recording.status);
        listeners.onEvents(recording.events);
      });
      return { close: () => void (isOpen = false) };
    },
    stream: (_path, _body, _onMessage, onEnd) => {
      refuse().catch((error) => onEnd?.(error));
      return { close: () => {} };
    },
  };
}

/**
 * Why there is no answer; of weights, which have a story here.
 * @param {Recording} recording
 * @param {string} path
 * @param {typeof import("../i18n.js").t} say
 */
function whatThereIs({ answers }, path, say) {
  const names = answers.filter((one) => one.path === path).map((one) => one.params["name"]);
  const known = [...new Set(names.filter((name) => name !== undefined))];
  return known.length ? say("report.other_weights", { names: known.join(", ") }) : say("report.not_recorded");
}

/**
 * A copy of an answer with the long texts in their places.
 * @param {any} value
 * @param {string[]} texts
 * @returns {any}
 */
export function restored(value, texts) {
  if (typeof value === "string") return value.startsWith("\0") ? texts[Number(value.slice(1))] : value;
  if (Array.isArray(value)) return value.map((part) => restored(part, texts));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, restored(part, texts)]));
}

/**
 * @param {Recording["answers"]} answers
 * @param {string} path
 * @param {Params} [params]
 * @returns {any} undefined where nothing of the kind was recorded
 */
export function lookUp(answers, path, params = {}) {
  const asked = known(params);
  const ofKind = answers.filter((one) => one.path === path && agree(one.params, asked));
  if (asked[STEP] === undefined) {
    const newest = ofKind.filter((one) => one.params[STEP] === undefined);
    return nearest(newest, asked, VALUE)?.answer;
  }
  const kept = ofKind.filter((one) => one.params[STEP] !== undefined);
  return nearest(nearestSteps(kept, Number(asked[STEP])), asked, VALUE)?.answer;
}

/**
 * Those of the last recorded step at or before the one asked for, or else of the first.
 * @param {Recording["answers"]} answers
 * @param {number} step
 */
function nearestSteps(answers, step) {
  const steps = [...new Set(answers.map((one) => Number(one.params[STEP])))].sort((a, b) => a - b);
  const chosen = steps.findLast((one) => one <= step) ?? steps[0];
  return answers.filter((one) => Number(one.params[STEP]) === chosen);
}

/**
 * @param {Recording["answers"]} answers
 * @param {Record<string, string>} asked
 * @param {string} name of a number by which they differ
 */
function nearest(answers, asked, name) {
  const distance = (/** @type {Recording["answers"][number]} */ one) =>
    Math.abs(Number(one.params[name] ?? 0) - Number(asked[name] ?? 0));
  return answers.reduce(
    (best, one) => (best === undefined || distance(one) < distance(best) ? one : best),
    /** @type {Recording["answers"][number] | undefined} */ (undefined),
  );
}

/**
 * Whether all but step and value are the same.
 * @param {Record<string, string>} recorded
 * @param {Record<string, string>} asked
 */
function agree(recorded, asked) {
  const names = new Set([...Object.keys(recorded), ...Object.keys(asked)]);
  names.delete(STEP);
  names.delete(VALUE);
  return [...names].every((name) => recorded[name] === asked[name]);
}

/** @param {Params} params */
function known(params) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined);
  return /** @type {Record<string, string>} */ (Object.fromEntries(given.map(([name, value]) => [name, String(value)])));
}
