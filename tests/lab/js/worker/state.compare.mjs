// A state is packed and named as the training step does it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { named, packed, weightsOf } from "../../../../glassnet/lab/static/worker/state.js";
import { assertSame, tensorsOf, told } from "./cases.mjs";

for (const { manifest, ...arrays } of told.state) {
  const [carried, byName, weights] = ["carried", "named", "weights"].map((kind) => tensorsOf(arrays[kind]));
  test(`packs ${Object.keys(manifest.packs).join(", ")}`, () => {
    assertSame(packed(byName, manifest), carried);
    assertSame(packed({ ...byName, another: weights["0.weight"] }, manifest), carried);
    const got = named(carried, manifest);
    for (const tensor of Object.values(got)) tensor.data = tensor.data.slice();
    assertSame(got, byName);
    assertSame(weightsOf(byName), weights);
  });

  test(`what does not fit is refused: ${Object.keys(manifest.packs).join(", ")}`, () => {
    const { "averages/0.weight": weight, ...others } = byName;
    const complaint = /expected averages\/0\.weight to be float32 \(4, 1, 3, 3\); got .*\. To fix:/;
    assert.throws(() => packed(others, manifest), complaint);
    assert.throws(() => packed({ ...others, "averages/0.weight": { ...weight, shape: [36] } }, manifest), complaint);
    const [first, ...rest] = manifest.carried;
    const without = Object.fromEntries(rest.map((name) => [name, carried[name]]));
    assert.throws(() => named(without, manifest), new RegExp(`expected ${first} to be .*; got none`));
    assert.throws(() => packed(byName, { ...manifest, graphs: {} }), /expected a graph of a training step; got none/);
    const packs = { ...manifest.packs, decayed: [{ name: "0.weight", shape: [7] }] };
    assert.throws(() => packed(byName, { ...manifest, packs }), /expected .*'decayed'.*\. To fix:/);
  });
}
