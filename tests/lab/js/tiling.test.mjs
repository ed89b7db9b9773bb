// How the numbers of a tensor are laid out, and found again below a click.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fit, numberAt, ravel, tileOf, tilingOf, unravel } from "../../../glassnet/lab/static/tiling.js";

const ROOM = { width: 300, height: 260 };

test("filters of three channels are tiles in color", () => {
  assert.deepEqual(tilingOf([16, 3, 5, 5], "weights"), { num: 16, columns: 0, height: 5, width: 5, channels: 3, channelStride: 25 });
});

test("other kernels are a table: a row for each output, a column for each input", () => {
  const tiling = tilingOf([20, 16, 5, 5], "weights");
  assert.deepEqual([tiling.num, tiling.columns, tiling.channels], [320, 16, 1]);
});

test("a matrix that looks at an image is tiles of it, another one is drawn point by point", () => {
  assert.deepEqual(tilingOf([10, 320], "weights", [20, 4, 4]), { num: 200, columns: 20, height: 4, width: 4, channels: 1, channelStride: 16 });
  assert.deepEqual(tilingOf([10, 320], "weights"), { num: 1, columns: 0, height: 10, width: 320, channels: 1, channelStride: 3200 });
  assert.deepEqual(tilingOf([8, 4, 1, 1], "weights"), { num: 1, columns: 0, height: 8, width: 4, channels: 1, channelStride: 32 });
});

test("vectors are a row, feature maps a tile each", () => {
  assert.deepEqual(tilingOf([16], "weights").num, 16);
  assert.deepEqual(tilingOf([1, 16, 8, 8], "signal").num, 16);
  assert.deepEqual(tilingOf([1, 3, 8, 8], "signal"), { num: 1, columns: 0, height: 8, width: 8, channels: 3, channelStride: 64 });
  assert.deepEqual(tilingOf([1, 10], "signal").num, 10);
});

test("what has no room is cut, and tiles stay large enough to be seen", () => {
  const tiling = tilingOf([256, 256, 3, 3], "weights");
  const fitted = fit(tiling, ROOM);
  assert.ok(fitted.zoom * 3 >= 8);
  assert.ok(fitted.columns < 256 && fitted.shown < tiling.num);
  assert.equal(tileOf(tiling, fitted.columns, fitted.columns), 256); // the second row begins with the second output
});

test("a click finds every number where it was drawn", () => {
  for (const shape of [[16, 3, 5, 5], [6, 4, 3, 3], [10, 12], [7]]) {
    const tiling = tilingOf(shape, "weights");
    const fitted = fit(tiling, ROOM);
    for (let slot = 0; slot < fitted.shown; slot += 1) {
      const [column, row] = [slot % fitted.columns, Math.floor(slot / fitted.columns)];
      const left = column * (tiling.width * fitted.zoom + 1) + 1 + (tiling.width - 0.5) * fitted.zoom;
      const top = row * (tiling.height * fitted.zoom + 1) + 1 + 0.5 * fitted.zoom;
      const found = numberAt(tiling, fitted, left, top);
      assert.deepEqual(found, { tile: tileOf(tiling, fitted.columns, slot), y: 0, x: tiling.width - 1 });
    }
    assert.equal(numberAt(tiling, fitted, -1, 1), null);
    assert.equal(numberAt(tiling, fitted, 1e4, 1), null);
  }
});

test("an index and a place are the same thing", () => {
  assert.deepEqual(unravel(ravel([3, 0, 2, 1], [16, 3, 5, 5]), [16, 3, 5, 5]), [3, 0, 2, 1]);
  assert.deepEqual(unravel(0, [2, 2]), [0, 0]);
});
