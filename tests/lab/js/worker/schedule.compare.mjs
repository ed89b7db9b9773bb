// The course of a training in a tab is Python's.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as schedule from "../../../../glassnet/lab/static/worker/schedule.js";
import { told } from "./cases.mjs";

const { budget, learningRate, nextPictureStep, warmedUpDecay } = schedule;
const { rates, decays, budgets, picture_steps: pictureSteps } = told.schedule;

for (const { settings, progress, values } of rates) {
  test(`learning rates: ${settings.schedule}, warmup ${settings.warmup}`, () => {
    progress.forEach((share, i) => {
      // The cosines of two libraries may differ in the last bit.
      const most = settings.learning_rate * 2 ** -52;
      assert.ok(Math.abs(learningRate(settings, share) - values[i]) <= most, `${share}`);
    });
  });
}

test("a schedule that there is not is refused", () => {
  const settings = { ...rates[0].settings, schedule: "steps" };
  assert.throws(() => learningRate(settings, 0), /expected a schedule among constant, .*; got 'steps'\. To fix:/);
});

test("the decay of the averages", () => {
  for (const [decay, step, wanted] of decays) assert.equal(warmedUpDecay(decay, step), wanted);
});

test("budgets", () => {
  for (const { settings, num, progress } of budgets) {
    const plan = budget(settings, num);
    for (const [steps, elapsedS, wanted] of progress) assert.equal(plan.progress(steps, elapsedS), wanted);
  }
});

test("the steps that are looked at", () => {
  for (const [step, next] of pictureSteps) assert.equal(nextPictureStep(step), next);
});
