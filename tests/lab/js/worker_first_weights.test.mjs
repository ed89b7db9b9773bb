// What the file of a first state leaves out is made by the page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { completed } from "../../../glassnet/lab/static/worker/first_weights.js";

const weight = { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) };
const mean = { dtype: "float32", shape: [1], data: Float32Array.of(3) };

test("copies of the parameters, and zeros", () => {
  const given = { "parameters/a.weight": weight, "buffers/mean": mean };
  const found = completed(given, { averages: "parameters", "optimizer/first": "zeros" });
  assert.deepEqual(found, {
    ...given,
    "averages/a.weight": weight,
    "optimizer/first/a.weight": { ...weight, data: Float32Array.of(0, 0) },
  });
  assert.notEqual(found["averages/a.weight"].data, weight.data);
});

test("nothing, where nothing is left out", () => {
  const given = { "parameters/a": weight, "averages/a": weight };
  assert.deepEqual(completed(given, {}), given);
});
