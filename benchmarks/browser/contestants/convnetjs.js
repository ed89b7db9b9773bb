// ConvNetJS: its network and its own trainer, as on its CIFAR-10 demo page.

import { inTurn, readArrays } from "./arrays.js";
import { answer } from "./turns.js";

answer(async ({ packages, batchSize }) => {
  self.window = self; // where it leaves itself
  await import(`${packages}/convnetjs/build/convnet.js`);
  const lib = self.convnetjs ?? self.jsfeat; // the name in the published version
  const [weights, batches] = await Promise.all([readArrays("/data/weights"), readArrays(`/data/others-${batchSize}`)]);
  const net = new lib.Net();
  net.makeLayers([
    { type: "input", out_sx: 32, out_sy: 32, out_depth: 3 },
    ...[16, 20, 20].flatMap((filters) => [
      { type: "conv", sx: 5, filters, stride: 1, pad: 2, activation: "relu" },
      { type: "pool", sx: 2, stride: 2 },
    ]),
    { type: "softmax", num_classes: 10 },
  ]);
  load(net, weights);
  const trainer = new lib.Trainer(net, { method: "adadelta", batch_size: batchSize, l2_decay: 0.0001 });
  const examples = inTurn(examplesOf(lib, batches));
  return {
    batchSize,
    step() {
      let loss = 0;
      for (let i = 0; i < batchSize; i++) {
        const { volume, label } = examples();
        loss += trainer.train(volume, label).cost_loss / batchSize;
      }
      return loss;
    },
  };
});

/** Kernels (O, H, W, C), row by row, which is how a volume lies in memory. */
function load(net, weights) {
  const layers = net.layers.filter((layer) => layer.filters);
  layers.forEach((layer, i) => {
    const { kernel, bias } = { kernel: weights[`kernel${i}`].data, bias: weights[`bias${i}`].data };
    layer.filters.forEach((filter, j) => {
      const size = filter.w.length;
      filter.w.set(kernel.subarray(j * size, (j + 1) * size));
    });
    layer.biases.w.set(bias);
  });
}

function examplesOf(lib, { images, labels }) {
  return [...labels.data].map((label, i) => {
    const volume = new lib.Vol(32, 32, 3, 0);
    volume.w.set(images.data.subarray(i * 3072, (i + 1) * 3072));
    return { volume, label: Number(label) };
  });
}
