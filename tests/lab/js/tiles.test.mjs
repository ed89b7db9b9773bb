// Tensors laid out as tiles: which number is drawn where, for every shape that networks have, and which one is picked.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as tilings from "../../../glassnet/lab/static/tiling.js";

const { GAP_PX, atOf, fit, moved, numberAt, ravel, slotOf, tileOf, tilingOf, unravel } = tilings;

const ROOM = { width: 265, height: 265 };

/** @type {[name: string, shape: number[], what: "weights" | "signal", inputShape: number[] | null][]} */
const SHAPES = [
  ["filters of 3 channels", [16, 3, 5, 5], "weights", null],
  ["filters of 1 channel", [8, 1, 7, 7], "weights", null],
  ["a kernel", [20, 16, 5, 5], "weights", null],
  ["a kernel with one output", [1, 16, 3, 3], "weights", null],
  ["a kernel of another height and width", [4, 6, 1, 9], "weights", null],
  ["a kernel of points", [32, 16, 1, 1], "weights", null],
  ["a matrix", [128, 64], "weights", null],
  ["a matrix of one row", [1, 64], "weights", null],
  ["a matrix that looks at images", [10, 320], "weights", [20, 4, 4]],
  ["a matrix that looks at one image", [10, 784], "weights", [28, 28]],
  ["a vector", [100], "weights", null],
  ["a single number", [], "weights", null],
  ["feature maps", [1, 20, 16, 16], "signal", null],
  ["a picture in color", [1, 3, 32, 32], "signal", null],
  ["channels of points", [1, 64, 1, 1], "signal", null],
  ["a row", [1, 10], "signal", null],
  ["rows", [12, 30], "signal", null],
];

const sizeOf = (/** @type {number[]} */ shape) => shape.reduce((product, axis) => product * axis, 1);

for (const [name, shape, what, inputShape] of SHAPES) {
  const tiling = tilingOf(shape, what, inputShape);
  const fitted = fit(tiling, ROOM);

  test(`${name}: every number has its tile`, () => {
    assert.equal(tiling.num * tiling.channels * tiling.height * tiling.width, sizeOf(shape));
  });

  test(`${name}: all tiles are drawn or as many as there is room for`, () => {
    const [pitchX, pitchY] = [tiling.width * fitted.zoom + GAP_PX, tiling.height * fitted.zoom + GAP_PX];
    const rows = Math.ceil(fitted.shown / fitted.columns);
    assert.ok(fitted.shown >= 1 && fitted.shown <= tiling.num);
    if (tiling.num === 1) return;
    assert.ok(fitted.columns * pitchX + GAP_PX <= ROOM.width);
    assert.ok(rows * pitchY + GAP_PX <= ROOM.height);
  });

  test(`${name}: the number below a point is the one that is drawn there`, () => {
    for (let place = 0; place < sizeOf(shape); place += 7) {
      const at = atOf(tiling, place);
      const slot = slotOf(tiling, fitted, at.tile);
      if (!slot) continue;
      assert.equal(tileOf(tiling, fitted.columns, slot.row * fitted.columns + slot.column), at.tile);
      const left = slot.column * (tiling.width * fitted.zoom + GAP_PX) + GAP_PX + at.x * fitted.zoom;
      const top = slot.row * (tiling.height * fitted.zoom + GAP_PX) + GAP_PX + at.y * fitted.zoom;
      assert.deepEqual(numberAt(tiling, fitted, left, top), at);
      assert.deepEqual(numberAt(tiling, fitted, left + fitted.zoom - 1, top + fitted.zoom - 1), at);
    }
  });

  test(`${name}: arrow keys reach every number that is drawn, and leave it by no edge`, () => {
    const start = { tile: 0, y: 0, x: 0 };
    assert.deepEqual(moved(tiling, fitted, start, [-1, 0]), start);
    assert.deepEqual(moved(tiling, fitted, start, [0, -1]), start);
    const key = (/** @type {typeof start} */ at) => `${at.tile} ${at.y} ${at.x}`;
    const seen = new Set([key(start)]);
    const waiting = [start];
    for (let from = waiting.pop(); from; from = waiting.pop()) {
      for (const way of /** @type {[number, number][]} */ ([[0, 1], [1, 0], [0, -1], [-1, 0]])) {
        const to = moved(tiling, fitted, from, way);
        if (seen.has(key(to))) continue;
        seen.add(key(to));
        waiting.push(to);
      }
    }
    assert.equal(seen.size, fitted.shown * tiling.height * tiling.width);
  });
}

test("a kernel is a table: a row for each output, a column for each input", () => {
  const tiling = tilingOf([20, 16, 5, 5], "weights");
  const fitted = fit(tiling, ROOM);
  assert.equal(fitted.columns, 16);
  assert.deepEqual(slotOf(tiling, fitted, 16), { row: 1, column: 0 });
  assert.deepEqual(atOf(tiling, ravel([3, 0, 2, 1], [20, 16, 5, 5])), { tile: 48, y: 2, x: 1 });
});

test("of a table that has no room, the first columns are shown, and the last of them begin no new row", () => {
  const tiling = tilingOf([64, 64, 3, 3], "weights");
  const fitted = fit(tiling, ROOM);
  assert.ok(fitted.columns < 64);
  assert.equal(slotOf(tiling, fitted, fitted.columns), null);
  assert.deepEqual(slotOf(tiling, fitted, 64), { row: 1, column: 0 });
});

test("three channels are one colored tile, wherever the weight is among them", () => {
  const shape = [16, 3, 5, 5];
  const tiling = tilingOf(shape, "weights");
  for (const channel of [0, 1, 2]) {
    assert.deepEqual(atOf(tiling, ravel([4, channel, 2, 3], shape)), { tile: 4, y: 2, x: 3 });
  }
});

test("tiles fill their rows as evenly as they can", () => {
  for (const [num, width] of [[16, 180], [16, 200], [17, 265], [10, 265]]) {
    const { columns } = fit(tilingOf([1, num, 32, 32], "signal"), { width, height: 265 });
    const rows = Math.ceil(num / columns);
    assert.ok(columns * rows - num < rows, `${num} in ${rows} rows of ${columns}`);
  }
});

test("a matrix that is larger than the room is whole, each number large enough to be picked", () => {
  const fitted = fit(tilingOf([512, 300], "weights"), ROOM);
  assert.deepEqual(fitted, { zoom: 2, columns: 1, shown: 1 });
});

test("gaps and what is outside belong to no number", () => {
  const tiling = tilingOf([4, 1, 5, 5], "weights");
  const fitted = fit(tiling, ROOM);
  const pitch = 5 * fitted.zoom + GAP_PX;
  assert.equal(numberAt(tiling, fitted, 0, 0), null);
  assert.equal(numberAt(tiling, fitted, pitch, 3), null);
  assert.equal(numberAt(tiling, fitted, -1, 3), null);
  assert.equal(numberAt(tiling, fitted, 3, 10 * pitch), null);
});

test("indices and places are the same numbers", () => {
  const shape = [4, 3, 2, 5];
  for (let place = 0; place < sizeOf(shape); place += 1) assert.equal(ravel(unravel(place, shape), shape), place);
  assert.deepEqual(unravel(ravel([3, 2, 1, 4], shape), shape), [3, 2, 1, 4]);
  assert.deepEqual(unravel(0, []), []);
});
