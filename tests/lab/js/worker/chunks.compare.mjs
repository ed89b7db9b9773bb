// Examples that come in pieces are those that were exported.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Examples } from "../../../../glassnet/lab/static/worker/chunks.js";
import { assertSame, bytesIn, tensorsOf, told } from "./cases.mjs";

const { examples: description, arrays } = told.chunks;
const whole = tensorsOf(arrays);

test("all of them, in order", async () => {
  const examples = new Examples(description, async (file) => bytesIn(file));
  await examples.load();
  assert.equal(examples.available, description.count);
  const all = Array.from({ length: description.count }, (_, i) => i);
  assertSame(Object.fromEntries(Object.keys(whole).map((name) => [name, examples.take(name, all)])), whole);
});

test("some of them, as often as asked for", async () => {
  const examples = new Examples(description, async (file) => bytesIn(file));
  await examples.load();
  const { dtype, shape, data } = examples.take("labels", Int32Array.of(5, 1699, 5));
  assert.deepEqual([dtype, shape, [...data]], ["int64", [3], [5, 1699, 5].map((i) => whole.labels.data[i])]);
  const size = 3 * 9 * 7;
  const taken = examples.take("images", [1000, 0]);
  assert.deepEqual(taken.shape, [2, 3, 9, 7]);
  assert.deepEqual(taken.data.subarray(0, size), whole.images.data.subarray(1000 * size, 1001 * size));
  assert.deepEqual(taken.data.subarray(size), whole.images.data.subarray(0, size));
});
