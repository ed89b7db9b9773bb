// Random numbers of a tab are NumPy's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { generator } from "../../../../glassnet/lab/static/worker/randomness.js";
import { TAIL_START } from "../../../../glassnet/lab/static/worker/ziggurat.js";
import { tensorOf, told } from "./cases.mjs";

// Beyond the last layer NumPy takes the logarithm of the machine's C library, and those round differently.
const mayDiffer = (wanted) => Math.abs(wanted) > TAIL_START;

function compare(got, { kind, n, numbers }) {
  const wanted = tensorOf(numbers).data;
  assert.equal(got.length, n);
  const differing = [...wanted.keys()].filter((i) => !Object.is(Number(wanted[i]), got[i]));
  if (kind !== "normal") return assert.deepEqual(differing, []);
  for (const i of differing) {
    const unit = 2 ** -21; // of the last place of a number from 4 to 8
    assert.ok(mayDiffer(wanted[i]) && Math.abs(got[i] - wanted[i]) <= unit, `${i}: ${got[i]} not ${wanted[i]}`);
  }
  assert.ok(differing.length <= 3 + n / 100_000, `${differing.length} of ${n} differ`);
}

for (const one of told.randomness) {
  const { seed, purpose, counter, kind, n } = one;
  test(`${n} of ${kind}, seed ${seed}, ${purpose} ${counter}`, () => {
    compare(generator(BigInt(seed), purpose, counter)[kind](n), one);
  });
}

for (const one of told.first_weights) {
  const { seed, place, low, high, n } = one;
  test(`${n} first weights from place ${place}`, () => {
    compare(generator(Number(seed), "initialization", 0, place).spread(n, low, high), one);
  });
}

test("one stream that is asked for this and that", () => {
  const { seed, purpose, counter, draws } = told.in_turn;
  const source = generator(Number(seed), purpose, counter);
  for (const draw of draws) compare(source[draw.kind](draw.n), draw);
});

test("normal numbers reach into both tails", () => {
  const all = generator(5, "step", 2).normal(1_000_000);
  assert.ok(all.some((x) => x > TAIL_START + 0.5) && all.some((x) => x < -TAIL_START - 0.5));
});

test("a seed that JSON has rounded, and a purpose that there is not, are refused", () => {
  assert.throws(() => generator(2 ** 60, "step"), /below 2\^53; got step and 1152921504606847000\. To fix:/);
  assert.throws(() => generator(1, "stepp"), /expected a purpose among initialization, .*; got stepp/);
});
