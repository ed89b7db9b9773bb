// Files of tensors from strangers: each of these is refused with one clear line.

import assert from "node:assert/strict";
import { test } from "node:test";

import { read, write } from "../../../glassnet/lab/static/worker/safetensors.js";

const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

/** A file with that header, as text or to be made into JSON, and so many bytes of data. */
function file(header, numBytes = 8, length = null) {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + numBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const HOSTILE = {
  "nothing at all": [new Uint8Array(0), /the length of a header; got a file of 0 bytes/],
  "a header that is longer than the file": [file({ a: entry }, 8, 5000n), /at most \d+ bytes; got a length of 5000/],
  "a header beyond all numbers": [file({}, 0, 2n ** 64n - 1n), /got a length of 18446744073709551615/],
  "a huge header": [file(" ".repeat(10_000_001)), /a header of at most 10000000 bytes/],
  "no JSON": [file("{]"), /a header in JSON/],
  "no text": [Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x22, 0xff, 0x22), /a header in JSON/],
  "a list": [file("[1, 2]"), /a header that lists tensors by name/],
  "null": [file("null"), /a header that lists tensors by name/],
  "numbers of another kind": [file({ a: { ...entry, dtype: "F64" } }), /'a' to be one of F32, U8, I64, .*; got "F64"/],
  "a kind of number that objects have": [file({ a: { ...entry, dtype: "constructor" } }), /got "constructor"/],
  "an entry that is none": [file({ a: null }), /'a' to be one of F32.*; got none/],
  "no shape": [file({ a: { ...entry, shape: "2" } }), /a shape of 'a'; got "2"/],
  "a length below 0": [file({ a: { ...entry, shape: [-2] } }), /a shape of 'a'; got \[-2\]/],
  "half a number": [file({ a: { ...entry, shape: [0.5, 4] } }), /a shape of 'a'/],
  "a thousand axes": [file({ a: { ...entry, shape: Array(1000).fill(1) } }), /a shape of 'a'; got .{60}\. To/],
  "a shape beyond all numbers": [file({ a: { ...entry, shape: Array(30).fill(2 ** 50) } }), /that are .* bytes apart/],
  "offsets that do not fit the shape": [file({ a: { ...entry, data_offsets: [0, 4] } }), /8 bytes apart; got \[0,4\]/],
  "offsets in the wrong order": [file({ a: { ...entry, data_offsets: [8, 0] } }), /that are 8 bytes apart/],
  "offsets below 0": [file({ a: { ...entry, data_offsets: [-8, 0] } }), /that are 8 bytes apart/],
  "three offsets": [file({ a: { ...entry, data_offsets: [0, 8, 8] } }), /that are 8 bytes apart/],
  "a file that is cut off": [file({ a: entry }, 5), /data of 'a' up to byte 8; got 5 bytes: the file is cut off/],
  "tensors over each other": [file({ a: entry, b: { ...entry, data_offsets: [4, 12] } }, 12), /at byte 8; got .* 4/],
  "the same bytes twice": [file({ a: entry, b: entry }), /a tensor that begins at byte 8; got one that begins at 0/],
  "a hole": [file({ a: { ...entry, data_offsets: [4, 12] } }, 12), /a tensor that begins at byte 0; got one .* at 4/],
  "something behind": [file({ a: entry }, 9), /8 bytes of tensors; got 9/],
  "metadata that is none": [file({ __metadata__: { a: 1 }, a: entry }), /metadata of texts; got \{"a":1\}/],
};

for (const [name, [bytes, complaint]] of Object.entries(HOSTILE)) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => read(bytes),
      ({ message }) => {
        assert.match(message, complaint);
        assert.match(message, /^expected [^\n]{1,300}; got [^\n]{1,300}\. To fix: /);
        return true;
      },
    );
  });
}

test("names that objects have by themselves are names like others", () => {
  const one = { dtype: "float32", shape: [1], data: Float32Array.of(1) };
  const tensors = Object.fromEntries([["__proto__", one], ["constructor", one]]);
  const got = read(write(tensors)).tensors;
  assert.deepEqual(Object.keys(got).sort(), ["__proto__", "constructor"]);
});

test("a file of no tensors", () => {
  assert.deepEqual(read(write({})), { tensors: {}, metadata: {} });
});

test("each tensor lies where it can be read without a copy", () => {
  const bytes = write({
    flags: { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
    numbers: { dtype: "float32", shape: [3], data: Float32Array.of(1, 2, 3) },
    labels: { dtype: "int64", shape: [1], data: BigInt64Array.of(-5n) },
  });
  const { tensors } = read(bytes);
  for (const { data } of Object.values(tensors)) assert.equal(data.buffer, bytes.buffer);
  assert.deepEqual([...tensors.labels.data], [-5n]);
});

test("a tensor of too few numbers is not written", () => {
  const short = { dtype: "float32", shape: [2, 2], data: new Float32Array(3) };
  assert.throws(() => write({ short }), /expected 'short' to have 4 numbers; got 3\. To fix:/);
});
