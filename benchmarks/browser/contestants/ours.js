// glassnet's training step, the graph that Python runs, on onnxruntime-web.

import { inTurn, readArrays } from "./arrays.js";
import { answer } from "./turns.js";

answer(async ({ packages, batchSize, numThreads, graph, session: more }) => {
  const ort = await import(`${packages}/onnxruntime-web/dist/ort.wasm.min.mjs`);
  ort.env.wasm.wasmPaths = new URL(`${packages}/onnxruntime-web/dist/`, self.location.href).href;
  ort.env.wasm.numThreads = numThreads;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(`/data/${graph}.onnx`, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "extended",
    extra: { session: { set_denormal_as_zero: "1", ...more } },
  });
  const tensors = (arrays) =>
    Object.entries(arrays).map(([name, { dtype, shape, data }]) => [name, new ort.Tensor(dtype, data, shape)]);
  let carried = Object.fromEntries(tensors(await readArrays(`/data/${graph}-initial`)));
  const names = Object.keys(carried);
  const settings = Object.fromEntries(tensors(await readArrays(`/data/${graph}-settings`)));
  const batch = inTurn(batchesOf(ort, await readArrays(`/data/${graph}-batches`), batchSize));
  let count = 0;
  return {
    batchSize,
    async step() {
      count += 1;
      const step = new ort.Tensor("float32", Float32Array.of(count), []);
      const results = await session.run({ ...carried, ...settings, ...batch(), step });
      carried = Object.fromEntries(names.map((name) => [name, results[`next/${name}`]]));
      return results.loss.data[0];
    },
  };
});

/** Views of the arrays (number of batches * B, ...). */
function batchesOf(ort, arrays, batchSize) {
  const entries = Object.entries(arrays);
  const count = entries[0][1].shape[0] / batchSize;
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(
      entries.map(([name, { dtype, shape, data }]) => {
        const size = data.length / count;
        return [name, new ort.Tensor(dtype, data.subarray(i * size, (i + 1) * size), [batchSize, ...shape.slice(1)])];
      }),
    ),
  );
}
