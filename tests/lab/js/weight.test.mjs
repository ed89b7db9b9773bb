// What is said of two slopes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { digitsAgreeing } from "../../../glassnet/lab/static/weight/digits.js";

test("how many digits of two slopes agree", () => {
  assert.equal(digitsAgreeing(0.04578715, 0.0457865), 4);
  assert.equal(digitsAgreeing(1, 1), 15);
  assert.equal(digitsAgreeing(1, -1), 0);
  assert.equal(digitsAgreeing(1e-9, 1.002e-9), 2);
});
