// The store of a run: many events, little memory, few calls.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { RunStore } from "../../../glassnet/lab/static/store.js";

/** @type {(() => void)[]} */
let frames = [];
const nextFrame = () => {
  const due = frames;
  frames = [];
  for (const call of due) call();
};

before(() => {
  globalThis.requestAnimationFrame = (call) => frames.push(call);
  globalThis.cancelAnimationFrame = () => {};
});

/** A store whose events the test gives. */
function store() {
  const details = {
    run: "a",
    settings: {},
    facts: {},
    started: null,
    status: null,
    moments: [0, 4],
    pictured: [],
    checkpoint: 4,
  };
  const source = { get: async () => details, events: () => ({ close: () => {} }) };
  return new RunStore(source, "a");
}

const stepped = (step, loss = 1 / step) => ({
  event: "stepped",
  step,
  loss,
  gradient_norm: 1,
  learning_rate: 0.1,
  progress: 0,
  elapsed_s: step / 100,
  images_per_s: 64,
});

test("50,000 events: bounded, in order, quick, and told once per frame", (context) => {
  const one = store();
  context.after(() => one.end());
  let numCalls = 0;
  one.subscribe(() => (numCalls += 1));
  const startedAt = performance.now();
  for (let step = 1; step <= 50_000; step += 100) one.take(Array.from({ length: 100 }, (_, i) => stepped(step + i)));
  assert.ok(performance.now() - startedAt < 2000);
  nextFrame();
  assert.equal(numCalls, 1);
  const { step, loss, smoothedLoss } = one.curve;
  assert.ok(step.length <= 4000 && step.length === loss.length && loss.length === smoothedLoss.length);
  assert.ok(step.every((value, i) => i === 0 || value > step[i - 1]));
  assert.equal(one.step, 50_000);
});

test("the first step is told at once, later ones in their time, and on each of many pages less often", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let listeners;
  const events = (_, given) => ((listeners = given), { close: () => {} });
  const source = { get: async () => ({ settings: {}, pictured: [] }), events };
  const one = new RunStore(source, "a");
  context.after(() => one.end());
  let numCalls = 0;
  one.subscribe(() => (numCalls += 1));
  nextFrame();
  const tell = (step) => {
    one.take([stepped(step)]);
    nextFrame();
    return numCalls;
  };
  assert.equal(tell(1), 2);
  assert.equal(tell(2), 2);
  context.mock.timers.tick(1000);
  nextFrame();
  assert.equal(numCalls, 3);
  listeners.onWatching(10);
  tell(3);
  context.mock.timers.tick(15_000);
  nextFrame();
  assert.equal(numCalls, 3);
  context.mock.timers.tick(5000);
  nextFrame();
  assert.equal(numCalls, 4);
});

test("the smoothed loss of a constant loss is that loss from the first step on", (context) => {
  const one = store();
  context.after(() => one.end());
  one.take([1, 2, 3].map((step) => stepped(step, 2.5)));
  assert.ok(one.curve.smoothedLoss.every((value) => Math.abs(value - 2.5) < 1e-9));
});

test("a training that goes on repeats its steps, evaluations and pictures", (context) => {
  const one = store();
  context.after(() => one.end());
  one.take([1, 2, 3, 4].map((step) => stepped(step)));
  one.take([
    { event: "evaluated", step: 4, validation_loss: 1 },
    { event: "pictured", step: 4, file: "" },
  ]);
  one.take([{ event: "finished", step: 4, reason: "stopped" }]);
  one.take([{ event: "started", step: 2 }, stepped(3, 7)]);
  assert.deepEqual(one.curve.step, [1, 2, 3]);
  assert.equal(one.curve.loss.at(-1), 7);
  assert.deepEqual(one.evaluations, []);
  assert.deepEqual(one.pictured, []);
  assert.equal(one.last["finished"], undefined);
});

test("a loss that is no number is a gap, and does not spoil the smoothed one", (context) => {
  const one = store();
  context.after(() => one.end());
  one.take([stepped(1, 3), stepped(2, null), stepped(3, 3)]);
  assert.ok(Math.abs(one.smoothedLoss - 3) < 1e-9);
});
