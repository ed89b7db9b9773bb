// Files of an exported network: asked for again when they do not come, refused when they are others.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { fetching } from "../../../glassnet/lab/static/worker/fetching.js";

const BASE = "file:///site/network/";
const content = Uint8Array.of(1, 2, 3);
const sum = createHash("sha256").update(content).digest("hex");

/** Puts these in the place of `fetch`, one after the other, and notes the waits between them instead of waiting. */
function answering(context, answers) {
  const [addresses, waits] = [[], []];
  context.mock.method(globalThis, "fetch", async (address) => {
    addresses.push(address);
    return answers[Math.min(addresses.length, answers.length) - 1]();
  });
  context.mock.method(globalThis, "setTimeout", (go, ms) => {
    waits.push(ms);
    queueMicrotask(go);
  });
  return { addresses, waits };
}

const good = () => new Response(content);
const missing = () => new Response("", { status: 503 });
const cut = () => {
  throw new TypeError("network is down");
};

test("a file that does not come is asked for again, after longer and longer waits", async (context) => {
  const { addresses, waits } = answering(context, [cut, missing, good]);
  assert.deepEqual(await fetching(BASE)("data/x-0.bin", sum), content);
  assert.deepEqual(addresses, Array(3).fill(`${BASE}data/x-0.bin`));
  assert.ok(waits.length === 2 && waits[1] > waits[0], `${waits}`);
});

test("one that never comes is given up with what was answered", async (context) => {
  const { addresses } = answering(context, [missing]);
  const complaint = /^Error: expected .*data\/x-0\.bin; got '503'\. To fix: see whether the site can be reached\.$/;
  await assert.rejects(fetching(BASE)("data/x-0.bin", sum), complaint);
  assert.ok(addresses.length >= 2 && addresses.length <= 5);
});

test("other bytes are refused", async (context) => {
  answering(context, [() => new Response(Uint8Array.of(1, 2, 4))]);
  const complaint = /expected data\/x-0\.bin as it was exported; got other bytes\. To fix:/;
  await assert.rejects(fetching(BASE)("data/x-0.bin", sum), complaint);
});

test("a file that nothing is known of is taken as it is", async (context) => {
  answering(context, [good]);
  assert.deepEqual(await fetching(BASE)("manifest.json"), content);
});
