// Curves stay short, and keep their means.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Curve, thinned } from "../../../glassnet/lab/static/curve.js";

test("a short curve keeps every row", () => {
  const curve = new Curve(2, 10);
  for (let step = 1; step <= 10; step += 1) curve.push([step, 100 - step]);
  assert.deepEqual(curve.columns[0], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(curve.columns[1].at(-1), 90);
});

for (const mostPoints of [8, 100]) {
  test(`100,000 rows in ${mostPoints} points: each is the mean of equally many`, () => {
    const curve = new Curve(2, mostPoints);
    const num = 100_000;
    for (let step = 1; step <= num; step += 1) curve.push([step, 3 * step + 1]);
    assert.ok(curve.length <= mostPoints && curve.length >= mostPoints / 2 - 1, `${curve.length} points`);
    const [steps, values] = curve.columns;
    steps.forEach((step, i) => assert.ok(Math.abs(values[i] - (3 * step + 1)) < 1e-6));
    // All but the last stand for `stride` steps in a row, so their means are that far apart.
    for (let i = 1; i < steps.length - 1; i += 1) assert.equal(steps[i] - steps[i - 1], curve.stride);
    assert.equal(steps[0], (1 + curve.stride) / 2);
  });
}

test("a row that is itself a mean counts for as many", () => {
  const curve = new Curve(1, 4);
  for (const value of [10, 20, 30, 40, 50]) curve.push([value], 2);
  assert.ok(curve.length <= 4);
  assert.equal(curve.columns[0].at(0), 15);
});

test("what is no number gives way to its neighbor", () => {
  const curve = new Curve(1, 2);
  for (const value of [NaN, 4, 6, NaN]) curve.push([value]);
  assert.deepEqual(curve.columns[0], [4, 6]);
});

test("a training that goes on from an earlier step repeats what came after", () => {
  const curve = new Curve(2, 100);
  for (let step = 1; step <= 20; step += 1) curve.push([step, 1]);
  curve.forgetFrom(11);
  for (let step = 11; step <= 15; step += 1) curve.push([step, 2]);
  assert.deepEqual(curve.columns[0].slice(-6), [10, 11, 12, 13, 14, 15]);
  assert.deepEqual(curve.columns[1].slice(-6), [1, 2, 2, 2, 2, 2]);
});

test("a long list is thinned, and keeps its newest", () => {
  const list = Array.from({ length: 12 }, (_, i) => i);
  assert.equal(thinned(list, 12), list);
  assert.deepEqual(thinned(list, 11), [0, 2, 4, 6, 8, 10, 11]);
});
