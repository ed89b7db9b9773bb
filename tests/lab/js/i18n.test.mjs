// Texts, plurals and numbers in both languages.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { count, duration, has, number, percent, setLanguage, t } from "../../../glassnet/lab/static/i18n.js";

const catalogue = (code) =>
  JSON.parse(readFileSync(new URL(`../../../glassnet/lab/static/strings/${code}.json`, import.meta.url), "utf8"));

test("values stand in the place of their names", () => {
  setLanguage("en", { greeting: "{a} and {b}, {a}" });
  assert.equal(t("greeting", { a: 1, b: "two" }), "1 and two, 1");
});

test("Hebrew has a form for two", () => {
  setLanguage("he", { steps: { one: "צעד אחד", two: "שני צעדים", other: "{n} צעדים" } });
  assert.deepEqual(
    [1, 2, 3].map((n) => count("steps", n)),
    ["צעד אחד", "שני צעדים", "3 צעדים"],
  );
});

test("large numbers are grouped, others are short, and what is no number is a dash", () => {
  setLanguage("en", {});
  assert.equal(number(1234567), "1,234,567");
  assert.equal(number(0.0123456), "0.0123");
  assert.equal(number(0.5, 3), "0.500");
  assert.equal(number(NaN), "–");
  assert.equal(number(null), "–");
  assert.equal(number(3e-7), "3E-7");
  assert.equal(percent(0.1234, 1), "12.3%");
});

test("durations", () => {
  setLanguage("en", { "unit.seconds": "{n} s", "unit.minutes": "{n} min", "unit.hours": "{n} h" });
  assert.deepEqual([0.4, 59.4, 60, 187, 3729].map(duration), ["0 s", "59 s", "1:00 min", "3:07 min", "1:02:09 h"]);
});

test("a text that is missing is complained of", (context) => {
  setLanguage("en", {});
  const complaint = context.mock.method(console, "error", () => {});
  assert.equal(t("no.such.text"), "no.such.text");
  assert.equal(complaint.mock.callCount(), 1);
  assert.equal(has("no.such.text"), false);
});

test("both languages have the same texts, with the same values in them", () => {
  const [english, hebrew] = [catalogue("en"), catalogue("he")];
  assert.deepEqual(Object.keys(hebrew), Object.keys(english));
  const names = (entry) => {
    const text = typeof entry === "string" ? entry : entry.other;
    return [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
  };
  for (const key of Object.keys(english)) assert.deepEqual(names(hebrew[key]), names(english[key]), key);
});
