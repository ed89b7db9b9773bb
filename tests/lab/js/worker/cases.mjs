// What the Python side has written down to be compared with; the environment says where.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { fromBytes } from "../../../../glassnet/lab/static/worker/tensors.js";

export const folder = process.env.GLASSNET_CASES;
export const told = JSON.parse(readFileSync(`${folder}/cases.json`, "utf8"));

/** The bytes of a file of the cases. */
export const bytesIn = (file) => new Uint8Array(readFileSync(`${folder}/${file}`));

/** A tensor that the cases tell of. */
export const tensorOf = ({ dtype, shape, file }) => ({ dtype, shape, data: fromBytes(dtype, bytesIn(file)) });

/** Tensors by name. */
export const tensorsOf = (entries) =>
  Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, tensorOf(entry)]));

/** Fails unless both have the same names, shapes and bits. */
export function assertSame(got, wanted) {
  assert.deepEqual(Object.keys(got).sort(), Object.keys(wanted).sort());
  for (const [name, tensor] of Object.entries(wanted)) {
    const { dtype, shape, data } = got[name];
    assert.deepEqual([dtype, shape], [tensor.dtype, tensor.shape], name);
    assert.ok(Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(Buffer.from(tensor.data.buffer)), name);
  }
}
