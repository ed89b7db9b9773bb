// The address as state.

import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, destination, format, parse } from "../../../glassnet/lab/static/router.js";

test("what is written is read", () => {
  const state = { view: "weight", weight: "conv1.weight[3,0,2,2]", run: "a b&c=d+é" };
  assert.deepEqual(parse(format(state)), state);
});

test("null takes a key away, and numbers become text", () => {
  assert.deepEqual(changed({ view: "run", step: "5" }, { step: null }), { view: "run" });
  assert.deepEqual(changed({ view: "run" }, { step: 7, isLog: true }), { view: "run", step: "7", isLog: "true" });
});

test("another view keeps only language and size", () => {
  const before = { view: "run", run: "a", step: "5", lang: "he", size: "large" };
  assert.deepEqual(destination(before, { view: "home" }), { view: "home", lang: "he", size: "large" });
});

test("another view of the same run keeps the moment, unless another is named", () => {
  const before = { view: "run", run: "a", step: "5", picture: "3" };
  assert.deepEqual(destination(before, { view: "inside", run: "a" }), { view: "inside", run: "a", step: "5" });
  assert.deepEqual(destination(before, { view: "weight", run: "a", step: 7 }), { view: "weight", run: "a", step: "7" });
  assert.deepEqual(destination(before, { view: "weight", run: "a", step: null }), { view: "weight", run: "a" });
  assert.deepEqual(destination(before, { view: "run", run: "b" }), { view: "run", run: "b" });
});
