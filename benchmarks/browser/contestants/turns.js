// How a contestant answers the page: it gets ready, then trains whenever it is its turn.

/** So many steps before the first turn: the losses of the first tell whether all train the same network. */
const NUM_FIRST = 8;
const MOST_FIRST_MS = 4000;

/**
 * @typedef {object} Contestant
 * @property {number} batchSize
 * @property {() => Promise<number> | number} step trains on the next batch; the loss before the update
 */

/** @param {(options: any) => Promise<Contestant>} prepare */
export function answer(prepare) {
  /** @type {Contestant} */
  let contestant;
  self.onmessage = async ({ data }) => {
    try {
      if (data.prepare) contestant = await prepare(data.prepare);
      self.postMessage(data.prepare ? { losses: await firstLosses(contestant) } : await turn(contestant, data.seconds));
    } catch (error) {
      self.postMessage({ error: String(error?.message ?? error) });
    }
  };
}

/** @param {Contestant} contestant */
async function firstLosses(contestant) {
  const losses = [];
  const began = performance.now();
  while (losses.length < NUM_FIRST && (!losses.length || performance.now() - began < MOST_FIRST_MS)) {
    losses.push(await contestant.step());
  }
  return losses;
}

/**
 * @param {Contestant} contestant
 * @param {number} seconds
 */
async function turn(contestant, seconds) {
  const began = performance.now();
  let numSteps = 0;
  while (performance.now() - began < 1000 * seconds) {
    await contestant.step();
    numSteps += 1;
  }
  return { images: numSteps * contestant.batchSize, seconds: (performance.now() - began) / 1000 };
}
