// Examples that arrive piece by piece: when they can be taken, and what is said of pieces that are damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { Examples, decode } from "../../../glassnet/lab/static/worker/chunks.js";

const COUNTS = [3, 4, 4];
const piece = (bytes) => new Uint8Array(gzipSync(Uint8Array.from(bytes)));
const files = new Map([["labels-0", piece(Array.from({ length: 11 }, (_, i) => 100 + i))]]);
COUNTS.forEach((count, i) => files.set(`x-${i}`, piece(Array.from({ length: 2 * count }, () => i))));

const chunk = (file, count) => ({ file, sha256: `sum of ${file}`, bytes: 1, count, filter: null });
const description = {
  count: 11,
  arrays: {
    x: { dtype: "uint8", shape: [2], chunks: COUNTS.map((count, i) => chunk(`x-${i}`, count)) },
    labels: { dtype: "uint8", shape: [], chunks: [chunk("labels-0", 11)] },
  },
};

/** A place to fetch from whose files come when they are let go. */
function slowly() {
  const asked = new Map();
  const fetchFile = (file, sha256) => {
    assert.equal(sha256, `sum of ${file}`);
    return new Promise((resolve, reject) => asked.set(file, { come: () => resolve(files.get(file)), fail: reject }));
  };
  return { asked, fetchFile };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 30));

test("as many as all arrays have", async () => {
  const { asked, fetchFile } = slowly();
  const examples = new Examples(description, fetchFile);
  const loaded = examples.load();
  assert.equal(examples.load(), loaded);
  const some = examples.whenAvailable(2);
  let areThere = false;
  void some.then(() => (areThere = true));
  assert.deepEqual([...asked.keys()], ["labels-0", "x-0", "x-1"], "not all at once, small ones first");
  asked.get("x-0").come();
  await soon();
  assert.deepEqual([examples.available, areThere], [0, false]);
  asked.get("labels-0").come();
  await some;
  assert.equal(examples.available, 3);
  assert.deepEqual([...examples.take("x", [2, 0]).data], [0, 0, 0, 0]);
  assert.deepEqual([...examples.take("labels", [2, 0]).data], [102, 100]);
  assert.throws(() => examples.take("x", [3]), /among the 3 examples of 'x' that are here; got 3\. To fix: wait/);
  assert.throws(() => examples.take("x", [-1]), /got -1/);
  assert.throws(() => examples.take("y", [0]), /one of the arrays x, labels; got 'y'/);
  await soon();
  for (const name of ["x-1", "x-2"]) asked.get(name).come();
  await loaded;
  assert.equal(examples.available, 11);
  await examples.whenAvailable(1000);
  assert.deepEqual([examples.has("labels"), examples.has("images")], [true, false]);
});

test("who waits is told of a failure, and asked again it goes on where it was", async () => {
  const { asked, fetchFile } = slowly();
  const examples = new Examples(description, fetchFile);
  const loaded = examples.load();
  const waiting = examples.whenAvailable(7);
  for (const name of ["labels-0", "x-0"]) asked.get(name).come();
  asked.get("x-1").fail(new Error("gone"));
  await assert.rejects(loaded, /gone/);
  await assert.rejects(waiting, /gone/);
  await assert.rejects(examples.whenAvailable(7), /gone/);
  await examples.whenAvailable(3);
  asked.clear();
  const again = examples.load();
  assert.deepEqual([...asked.keys()], ["x-1", "x-2"]);
  for (const name of ["x-1", "x-2"]) asked.get(name).come();
  await again;
  assert.deepEqual([...examples.take("x", [2, 3, 10]).data], [0, 0, 1, 1, 2, 2]);
});

test("pieces that do not add up are refused", () => {
  const arrays = { ...description.arrays, labels: { dtype: "uint8", shape: [], chunks: [chunk("labels-0", 10)] } };
  const complaint = /'labels' with 11 examples together; got 10\. To fix:/;
  assert.throws(() => new Examples({ count: 11, arrays }, () => {}), complaint);
  const strange = { x: { dtype: "float16", shape: [], chunks: [chunk("labels-0", 11)] } };
  assert.throws(() => new Examples({ count: 11, arrays: strange }, () => {}), /got float16\. To fix:/);
});

const whole = piece([1, 2, 3, 4, 5, 6, 7, 8]);
const told = { file: "data/a.bin", dtype: "uint8", shape: [2, 2], count: 2, filter: null };

test("differences are undone along both axes, modulo 256", async () => {
  const got = await decode(piece([250, 10, 10, 250, 1, 1, 1, 1]), { ...told, filter: "differences" });
  assert.deepEqual([...got], [250, 4, 4, 8, 1, 2, 2, 4]);
});

const DAMAGED = {
  "cut off": [whole.subarray(0, whole.length - 12), {}, /expected 8 zipped bytes in data\/a\.bin; got damaged ones/],
  "no gzip": [Uint8Array.of(1, 2, 3), {}, /expected 8 zipped bytes in data\/a\.bin; got damaged ones/],
  "other bytes": [whole.map((byte, i) => (i === whole.length - 6 ? byte ^ 1 : byte)), {}, /got damaged ones/],
  "nothing": [new Uint8Array(0), {}, /in data\/a\.bin; got/],
  "too short": [whole, { count: 3 }, /expected 12 bytes in data\/a\.bin; got 8/],
  "too long": [whole, { count: 1 }, /expected 4 bytes in data\/a\.bin; got more/],
  "another filter": [whole, { filter: "waves" }, /pictures as differences in .*; got 'waves' of uint8 \(2, 2\)/],
  "differences of no picture": [whole, { filter: "differences", shape: [4] }, /got 'differences' of uint8 \(4\)/],
};

for (const [name, [bytes, other, complaint]] of Object.entries(DAMAGED)) {
  test(`a damaged piece: ${name}`, async () => {
    await assert.rejects(decode(bytes, { ...told, ...other }), ({ message }) => {
      assert.match(message, complaint);
      assert.match(message, /^expected .*; got .*\. To fix: load the page again, or export it anew\.$/);
      return true;
    });
  });
}

test("a small file that would become a huge one is stopped", async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(200_000_000)));
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(decode(bomb, told), /expected 8 bytes in data\/a\.bin; got more/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
});
