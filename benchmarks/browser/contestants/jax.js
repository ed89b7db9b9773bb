// jax-js: its gradients and its compiled step, with Adam written out; its own optimizers are in another package.

import { inTurn, readArrays } from "./arrays.js";
import { answer } from "./turns.js";

const [LEARNING_RATE, BETA1, BETA2, EPS] = [1e-3, 0.9, 0.999, 1e-8];
const CHANNELS_FIRST = [0, 3, 1, 2];

answer(async ({ packages, batchSize, backend }) => {
  const jax = await import(`${packages}/@jax-js/jax/dist/index.js`);
  const devices = await jax.init();
  if (!devices.includes(backend)) throw new Error(`no device ${backend}; there are ${devices.join(", ")}`);
  jax.defaultDevice(backend);
  const [weights, arrays] = await Promise.all([readArrays("/data/weights"), readArrays(`/data/others-${batchSize}`)]);
  const step = jax.jit(stepOf(jax));
  let state = initial(jax, weights);
  const batch = inTurn(batchesOf(jax, arrays, batchSize));
  let count = 0;
  return {
    batchSize,
    async step() {
      count += 1;
      const rate = (LEARNING_RATE * Math.sqrt(1 - BETA2 ** count)) / (1 - BETA1 ** count);
      const { images, labels } = batch();
      const done = step(state, images.ref, labels.ref, jax.numpy.array(Float32Array.of(rate)));
      state = done.state;
      return (await done.loss.data())[0];
    },
  };
});

/** jax-js frees an array with its last use; `ref` is for every use before. */
function stepOf({ valueAndGrad, numpy: np, nn, lax, tree }) {
  return (state, images, labels, rate) => {
    const loss_ = (parameters) => lossOf({ np, nn, lax }, parameters, images, labels);
    const [loss, gradients] = valueAndGrad(loss_)(tree.ref(state.parameters));
    const mean = tree.map((m, g) => m.mul(BETA1).add(g.mul(1 - BETA1)), state.mean, tree.ref(gradients));
    const square = tree.map((s, g) => s.mul(BETA2).add(np.square(g).mul(1 - BETA2)), state.square, gradients);
    const moved = (p, m, s) => p.sub(m.mul(rate.ref).div(np.sqrt(s).add(EPS)));
    const parameters = tree.map(moved, state.parameters, tree.ref(mean), tree.ref(square));
    rate.dispose();
    return { loss, state: { parameters, mean, square } };
  };
}

function lossOf({ np, nn, lax }, weights, images, labels) {
  let h = images;
  for (const i of [0, 1, 2]) {
    const convolved = lax.convGeneralDilated(h, weights[`kernel${i}`], [1, 1], "SAME");
    h = halved(np, nn.relu(convolved.add(weights[`bias${i}`].reshape([1, -1, 1, 1]))));
  }
  const logits = np.matmul(h.reshape([h.shape[0], -1]), weights.kernel3.transpose()).add(weights.bias3);
  return nn.logSoftmax(logits, -1).mul(labels).sum().mul(-1 / images.shape[0]);
}

/** The largest of every four pixels. */
function halved(np, h) {
  const [batch, channels, height, width] = h.shape;
  return np.max(h.reshape([batch, channels, height / 2, 2, width / 2, 2]), [3, 5]);
}

/** Kernels (O, H, W, C) as it wants them: (O, C, H, W), and the last one as a matrix (O, C H W). */
function initial({ numpy: np }, weights) {
  const state = { parameters: {}, mean: {}, square: {} };
  for (const [name, { shape, data }] of Object.entries(weights)) {
    let value = np.array(data).reshape(shape);
    if (shape.length === 4) value = value.transpose(CHANNELS_FIRST);
    if (name === "kernel3") value = value.reshape([shape[0], -1]);
    for (const kind of ["mean", "square"]) state[kind][name] = np.zeros(value.shape);
    state.parameters[name] = value;
  }
  return state;
}

function batchesOf({ numpy: np, nn }, { images, labels }, batchSize) {
  const [num, height, width, channels] = images.shape;
  const size = batchSize * height * width * channels;
  return Array.from({ length: num / batchSize }, (_, i) => ({
    images: np
      .array(images.data.slice(i * size, (i + 1) * size))
      .reshape([batchSize, height, width, channels])
      .transpose(CHANNELS_FIRST),
    labels: nn.oneHot(np.array(Int32Array.from(labels.data.slice(i * batchSize, (i + 1) * batchSize), Number)), 10),
  }));
}
