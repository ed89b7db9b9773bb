// Server-sent events, in whatever pieces they come.

import assert from "node:assert/strict";
import { test } from "node:test";

import { messageParser } from "../../../glassnet/lab/static/source/sse.js";

const STREAM = 'id: 120\nevent: events\ndata: [{"step": 1}]\n\n: a comment\n\nevent: ping\n\ndata: one\ndata: two\n\n';
const MESSAGES = [
  { event: "events", data: '[{"step": 1}]', id: "120" },
  { event: "ping", data: "", id: null },
  { event: "message", data: "one\ntwo", id: null },
];

for (const size of [1, 2, 7, 1000]) {
  test(`pieces of ${size} characters`, () => {
    const take = messageParser();
    const found = [];
    for (let i = 0; i < STREAM.length; i += size) found.push(...take(STREAM.slice(i, i + size)));
    assert.deepEqual(found, MESSAGES);
  });
}

test("lines that end as on Windows, even where a piece ends between the two characters", () => {
  const take = messageParser();
  const found = [...take("data: a\r\n\r"), ...take("\ndata: b\r\n\r\n")];
  assert.deepEqual(
    found.map((message) => message.data),
    ["a", "b"],
  );
});

test("what has no end yet is kept back", () => {
  const take = messageParser();
  assert.deepEqual(take("data: unfinished"), []);
  assert.equal(take("\n\n")[0].data, "unfinished");
});
