// Batches of a tab have the examples that Python's have.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Batches } from "../../../../glassnet/lab/static/worker/batches.js";
import { told } from "./cases.mjs";

for (const { num, batch_size: size, seed, resize, num_before: numBefore, places, first_order: order } of told.batches) {
  test(`${num} examples, ${size} at a time`, () => {
    const batches = new Batches(num, size, seed);
    places.forEach(({ step, num_seen: numSeen, indices, epoch }, i) => {
      if (i === numBefore) {
        const [resized, from] = resize;
        batches.resize(resized, from, batches.numSeen(from));
      }
      assert.equal(batches.numSeen(step), numSeen);
      const got = batches.places(step);
      assert.deepEqual([Array.from(got.indices), Array.from(got.epoch)], [indices, epoch]);
    });
    order.forEach((example, position) => assert.equal(batches.position(example), position));
  });
}

test("a batch of more examples than there are is refused", () => {
  assert.throws(() => new Batches(10, 11, 0), /expected a batch size from 1 to 10, .*; got 11\. To fix:/);
  const batches = new Batches(10, 4, 0);
  assert.throws(() => batches.resize(0, 1, 4), /got 0/);
  assert.equal(batches.numSeen(3), 12);
});
