// What the engine says, in Hebrew.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { setLanguage } from "../../../glassnet/lab/static/i18n.js";
import { translated } from "../../../glassnet/lab/static/messages.js";

const json = (name) =>
  JSON.parse(readFileSync(new URL(`../../../glassnet/lab/static/strings/${name}.json`, import.meta.url), "utf8"));
const hebrew = () => setLanguage("he", json("he"), json("he_messages"));

test("English stays as it is", () => {
  setLanguage("en", json("en"));
  assert.equal(translated("expected a picture; got nothing."), "expected a picture; got nothing.");
});

test("each part of a complaint is put into Hebrew, and values stand in it", () => {
  hebrew();
  setLanguage("he", json("he"), { "{0} in {1}": "{0} בתוך {1}", nothing: "כלום", "choose another": "לבחור אחר" });
  const message = "expected a file in /some/where; got nothing. To fix: choose another.";
  assert.equal(translated(message), "צפוי: ⁨a file⁩ בתוך ⁨/some/where⁩. התקבל: כלום. כדי לתקן: לבחור אחר.");
});

test("a value is not taken for a phrase by a word or two", () => {
  setLanguage("he", json("he"), { "{0} and {1}": "{0} ו-{1}", "a folder {0}": "תיקייה {0}" });
  assert.equal(translated("expected a folder cats and dogs."), "צפוי: תיקייה ⁨cats and dogs⁩.");
});

test("what every object has is no phrase", () => {
  setLanguage("he", json("he"), {});
  assert.equal(translated("expected constructor."), "צפוי: ⁨constructor⁩.");
});

test("the phrase that says most is taken", () => {
  setLanguage("he", json("he"), { "{0} of {1}": "{0} של {1}", "the name of {0}": "השם של {0}" });
  assert.equal(translated("expected the name of a run."), "צפוי: השם של ⁨a run⁩.");
});

test("a notice is put into Hebrew whole, and what nobody knows stays", () => {
  hebrew();
  assert.match(translated("and 12 more of this kind"), /^ועוד .*12/);
  assert.equal(translated("NotAllowedError: no"), "NotAllowedError: no");
});

test("signs in a phrase mean themselves", () => {
  setLanguage("he", json("he"), { "(N, {0}) with N > 0?": "‏(N, {0})" });
  assert.equal(translated("expected (N, 3) with N > 0?; got less."), "צפוי: ‏(N, ⁨3⁩). התקבל: ⁨less⁩.");
});

test("real complaints have no word of English left but names", () => {
  hebrew();
  for (const message of [
    "expected a picture; got nothing. To fix: send the bytes of a file.",
    "expected a run that nobody trains; got runs/first, which is trained. To fix: stop it first.",
    "expected at most 3 trainings of the lab at once; got one more. To fix: stop one of them.",
    "expected --batch-size to be a whole number from 1 on; got 0. To fix: choose another value.",
    "expected a picture (JPEG, PNG, WebP, BMP, GIF, PGM or PPM) at the picture; got an empty file. To fix: choose another.",
  ]) {
    const words = translated(message).match(/[a-z]{3,}/g) ?? [];
    assert.deepEqual(words.filter((word) => !["runs", "first", "batch", "size"].includes(word)), [], translated(message));
  }
});
