// What the exhibits show of their newest runs: pictures and losses, asked for seldom.

import { runPath } from "../source/source.js";

/** @typedef {import("../source/source.js").Source} Source */
/** @typedef {import("../source/source.js").Summary} Summary */
/** @typedef {import("../source/source.js").Pixels} Pixels */

const NUM_PICTURES = 8;
const EVERY_MS = 8000;
const SMOOTHED_BY = 6; // points that a point of the line is the mean of, at most

/**
 * @param {Source} source
 * @param {() => void} onChange
 */
export function showpieces(source, onChange) {
  /** @type {Map<string, Pixels | null>} */
  const pictures = new Map();
  /** @type {Map<string, number[]>} */
  const losses = new Map();
  let [asked, askedAt] = ["", -EVERY_MS];

  const wanted = (/** @type {Summary[]} */ runs) => runs.map((run) => `${run.run} ${run.step}`).join("\n");
  const ask = async (/** @type {Summary[]} */ runs) => {
    const key = wanted(runs);
    if (runs.length === 0 || key === asked || performance.now() - askedAt < EVERY_MS) return;
    [asked, askedAt] = [key, performance.now()];
    const compared = await source.get("/compare", { run: runs.map((run) => run.run) });
    for (const run of compared.runs) losses.set(run.run, smoothed(run.steps.loss));
    onChange();
    for (const run of runs) {
      pictures.set(run.run, await picturesOf(source, run));
      onChange();
    }
  };
  return {
    /** Without a promise: what does not come is not shown, and the run itself says why. */
    follow: (/** @type {Summary[]} */ runs) => void ask(runs).catch(() => {}),
    of: (/** @type {string | undefined} */ run) => ({
      pictures: pictures.get(run ?? "") ?? null,
      losses: losses.get(run ?? "") ?? [],
    }),
  };
}

/**
 * The newest drawings, or test pictures that the network has an answer to.
 * @param {Source} source
 * @param {Summary} run
 * @returns {Promise<Pixels | null>}
 */
async function picturesOf(source, run) {
  if (run.task === "houses") {
    const step = (await source.get(runPath(run.run))).pictured.at(-1);
    return step === undefined ? null : source.get(runPath(run.run, "pictures", step));
  }
  if (run.accuracy === null) return null;
  return (await source.get(runPath(run.run, "answers"), { num: NUM_PICTURES })).pictures;
}

/** @param {(number | null)[]} values */
function smoothed(values) {
  const known = values.filter((value) => value !== null);
  const size = Math.min(SMOOTHED_BY, Math.max(1, Math.floor(known.length / 12)));
  return known.map((_, i) => {
    const near = known.slice(Math.max(0, i - size + 1), i + 1);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}
