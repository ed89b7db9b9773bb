// Files of tensors: what Python wrote is read, and what is written is Python's to read.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";

import { read, write } from "../../../../glassnet/lab/static/worker/safetensors.js";
import { assertSame, bytesIn, folder, tensorsOf, told } from "./cases.mjs";

const { file, metadata, tensors: described } = told.safetensors;
const tensors = tensorsOf(described);
const withOwnBytes = (tensors) =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]));

test("read", () => {
  const got = read(bytesIn(file.file));
  assertSame(withOwnBytes(got.tensors), tensors);
  assert.deepEqual(got.metadata, metadata);
});

test("read where the bytes lie badly", () => {
  const bytes = bytesIn(file.file);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assertSame(withOwnBytes(read(shifted.subarray(3)).tensors), tensors);
});

test("written and read again", () => {
  const bytes = write(tensors, metadata);
  assertSame(withOwnBytes(read(bytes).tensors), tensors);
  writeFileSync(`${folder}/written.safetensors`, bytes);
});
