// The events of a training in bounded memory: of steps long ago, one stands for several.

/** @typedef {import("../source/source.js").TrainingEvent} TrainingEvent */

const MOST_STEPS = 4000;

export class Log {
  /** @type {TrainingEvent[]} */
  events = [];
  #numSteps = 0;

  /** @param {TrainingEvent[]} [events] */
  constructor(events = []) {
    for (const event of events) this.push(event);
  }

  /** @param {TrainingEvent} event */
  push(event) {
    this.events.push(event);
    if (event.event !== "stepped") return;
    this.#numSteps += 1;
    if (this.#numSteps > MOST_STEPS) this.#thin();
  }

  /** Of the older half of the steps, every second goes, and its neighbour counts for both. */
  #thin() {
    let seen = 0;
    /** @type {TrainingEvent[]} */
    const kept = [];
    for (const event of this.events) {
      const isOld = event.event === "stepped" && (seen += 1) <= MOST_STEPS / 2;
      if (!isOld) kept.push(event);
      else if (seen % 2 === 0) kept.push({ ...event, thinned: (event["thinned"] ?? 1) * 2 });
    }
    this.events = kept;
    this.#numSteps = kept.filter((event) => event.event === "stepped").length;
  }
}
