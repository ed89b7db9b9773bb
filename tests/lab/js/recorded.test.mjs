// What a report answers: the requests that were recorded, and of moments and values the nearest.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lookUp, recordedSource, restored } from "../../../glassnet/lab/static/source/recorded.js";

const answers = [
  { path: "/runs/a", params: {}, answer: "details" },
  { path: "/runs/a/layers", params: { picture: "0" }, answer: "newest" },
  { path: "/runs/a/layers", params: { picture: "0", step: "4" }, answer: "at 4" },
  { path: "/runs/a/layers", params: { picture: "0", step: "16" }, answer: "at 16" },
  { path: "/runs/a/layers", params: { picture: "1" }, answer: "another picture" },
  { path: "/runs/a/weight/loss", params: { name: "w[0]", value: "-0.5" }, answer: { value: -0.5 } },
  { path: "/runs/a/weight/loss", params: { name: "w[0]", value: "0.25" }, answer: { value: 0.25 } },
];
const recording = {
  run: "a",
  version: "1",
  texts: ["long"],
  answers,
  events: [{ event: "stepped", step: 1 }],
  status: { state: /** @type {"finished"} */ ("finished"), is_alive: false, step: 1, control: null, error: null },
};
const source = recordedSource(/** @type {any} */ (recording), (key) => `words of ${key}`);

test("a request that was recorded is answered", async () => {
  assert.equal(await source.get("/runs/a"), "details");
  assert.equal(await source.get("/runs/a/layers", { picture: 1, step: null }), "another picture");
});

test("of the moments the last at or before the one asked for, or else the first", () => {
  const at = (/** @type {number} */ step) => lookUp(answers, "/runs/a/layers", { picture: 0, step });
  assert.deepEqual([at(3), at(4), at(15), at(16), at(99)], ["at 4", "at 4", "at 4", "at 16", "at 16"]);
});

test("of the values of a weight the nearest", async () => {
  const at = (/** @type {number} */ value) => source.get("/runs/a/weight/loss", { name: "w[0]", value });
  assert.deepEqual([await at(-7), await at(0.2)], [{ value: -0.5 }, { value: 0.25 }]);
});

test("what was not recorded is refused in words", async () => {
  for (const asked of [
    source.get("/runs/a/layers", { picture: 7 }),
    source.get("/runs/a/layers", { picture: 1, step: 4 }),
    source.get("/runs/b"),
  ]) {
    await assert.rejects(asked, { code: "not_found", message: "words of report.not_recorded" });
  }
  await assert.rejects(source.post("/runs/a/control", {}), { message: "words of report.cannot" });
  await assert.rejects(source.download("/runs/a/network"), { message: "words of report.cannot" });
});

test("long texts come back to their places", () => {
  assert.deepEqual(restored({ a: ["\0" + "0", "0", null, 3] }, ["long"]), { a: ["long", "0", null, 3] });
});

test("events come at once, but not before who asked can close them", async () => {
  /** @type {string[]} */
  const seen = [];
  const listeners = {
    onStatus: (/** @type {any} */ status) => void seen.push(status.state),
    onEvents: (/** @type {any[]} */ events) => void seen.push(events[0].event),
  };
  source.events("a", listeners).close();
  await Promise.resolve();
  assert.deepEqual(seen, []);
  source.events("a", listeners);
  await Promise.resolve();
  assert.deepEqual(seen, ["finished", "stepped"]);
});
