// TensorFlow.js with one of its backends: core operators and its Adam, which costs less than its Layers do.

import { inTurn, readArrays } from "./arrays.js";
import { answer } from "./turns.js";

answer(async ({ packages, batchSize, backend }) => {
  await import(`${packages}/@tensorflow/tfjs/dist/tf.min.js`);
  const { tf } = self;
  if (backend === "wasm") {
    await import(`${packages}/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`);
    tf.wasm.setWasmPaths(new URL(`${packages}/@tensorflow/tfjs-backend-wasm/dist/`, self.location.href).href);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  const [weights, arrays] = await Promise.all([readArrays("/data/weights"), readArrays(`/data/others-${batchSize}`)]);
  const variables = variablesOf(tf, weights);
  const batch = inTurn(batchesOf(tf, arrays, batchSize));
  const optimizer = tf.train.adam(1e-3);
  return {
    batchSize,
    async step() {
      const { images, labels } = batch();
      const loss = optimizer.minimize(() => lossOf(tf, variables, images, labels), true, Object.values(variables));
      const [value] = await loss.data(); // also waits until a GPU is done
      loss.dispose();
      return value;
    },
  };
});

function lossOf(tf, { kernel0, bias0, kernel1, bias1, kernel2, bias2, kernel3, bias3 }, images, labels) {
  let h = images;
  for (const [kernel, bias] of [[kernel0, bias0], [kernel1, bias1], [kernel2, bias2]]) {
    h = tf.maxPool(tf.relu(tf.add(tf.conv2d(h, kernel, 1, "same"), bias)), 2, 2, "valid");
  }
  const logits = tf.add(tf.matMul(tf.reshape(h, [images.shape[0], -1]), kernel3), bias3);
  return tf.losses.softmaxCrossEntropy(labels, logits);
}

/** Kernels (O, H, W, C) as it wants them: (H, W, C, O), and the last one as a matrix (H W C, O). */
function variablesOf(tf, weights) {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => {
      let value = tf.tensor(data, shape);
      if (name === "kernel3") value = tf.transpose(tf.reshape(value, [shape[0], -1]));
      else if (shape.length === 4) value = tf.transpose(value, [1, 2, 3, 0]);
      return [name, tf.variable(value)];
    }),
  );
}

function batchesOf(tf, { images, labels }, batchSize) {
  const images_ = tf.split(tf.tensor(images.data, images.shape), images.shape[0] / batchSize);
  const labels_ = tf.split(tf.oneHot(Int32Array.from(labels.data, Number), 10).toFloat(), images_.length);
  return images_.map((batch, i) => ({ images: batch, labels: labels_[i] }));
}
