// What the optimizer makes of the slope of one weight, told in parts; the step itself is the graph's.

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {{name: string, value: number, words: string, is_change: boolean}} Part */

/**
 * @typedef {object} Seen one weight before and after a step
 * @property {string} optimizer
 * @property {number} step 1 for the first of the training
 * @property {boolean} decays whether weights of its kind do
 * @property {Tensor | null} matrix its tensor, if that is turned as a whole
 * @property {number} before
 * @property {number} after
 * @property {number} gradient
 * @property {number} norm of all slopes as a vector
 * @property {number} maxNorm
 * @property {Record<string, number>} hyper numbers of the optimizer
 * @property {Record<string, number>} remembered by kind, before the step
 * @property {Record<string, number>} kept by kind, after it
 */

/** @param {Seen} seen @returns {Part[]} */
export function partsOf(seen) {
  const rest = seen.optimizer === "adamw" ? ofAdamW(seen) : seen.matrix ? ofMuon(seen, seen.matrix) : ofSgd(seen);
  return [...ofClipping(seen), ...rest];
}

/** @param {Seen} seen */
function ofClipping({ gradient, norm, maxNorm }) {
  const share = Math.min(1, maxNorm / norm);
  const done = share < 1 ? `each times ${brief(share)}` : "nothing is shortened";
  const words = `as a vector all slopes are ${brief(norm)} long, up to ${maxNorm} is allowed: ${done}`;
  return [
    part("gradient", gradient, "the slope of the loss along this weight"),
    part("clipped", gradient * share, words),
  ];
}

/** @param {Seen} seen */
function ofAdamW(seen) {
  const { hyper, kept, step, before } = seen;
  const [beta1, beta2] = [numberOf(hyper, "beta1"), numberOf(hyper, "beta2")];
  const mean = numberOf(kept, "first_moment") / (1 - beta1 ** step);
  const size = Math.sqrt(numberOf(kept, "second_moment") / (1 - beta2 ** step));
  const [direction, rate] = [mean / (size + numberOf(hyper, "eps")), numberOf(hyper, "learning_rate")];
  const decay = seen.decays ? -rate * numberOf(hyper, "weight_decay") * before : 0;
  const many = span(beta2).toLocaleString("en");
  return [
    part("first moment", mean, `the average slope of the last ${span(beta1)} steps or so`),
    part("second moment", size, `how large slopes were in the last ${many} steps or so`),
    part("direction", direction, "the first divided by the second: near 1 or -1 where slopes agree in sign"),
    part("learning rate", rate, "how far a direction of 1 moves a weight"),
    part("decay", decay, decayWords(seen), true),
    part("step", -rate * direction, "- learning rate x direction", true),
  ];
}

/** @param {Seen} seen of SGD, or of Muon where it is no matrix */
function ofSgd(seen) {
  const { hyper, kept, remembered, before, gradient } = seen;
  const isMuon = seen.optimizer === "muon";
  const rate = numberOf(hyper, "learning_rate") * (isMuon ? numberOf(hyper, "vector_ratio") : 1);
  const momentum = (isMuon ? hyper["vector_momentum"] : hyper["momentum"]) ?? 0;
  const clipped = gradient * Math.min(1, seen.maxNorm / seen.norm);
  const decay = seen.decays ? numberOf(hyper, "weight_decay") * before : 0;
  const parts = [part("decay", decay, decayWords(seen))];
  let direction = clipped + decay;
  if (momentum) {
    const ahead = `the slope with the decay, and ${momentum} of the momentum: a look ahead (Nesterov)`;
    parts.push(part("momentum before", numberOf(remembered, "momentum"), "what is left of all earlier slopes"));
    parts.push(part("momentum", numberOf(kept, "momentum"), `${momentum} of that, and the clipped slope with the decay`));
    direction += momentum * numberOf(kept, "momentum");
    parts.push(part("direction", direction, ahead));
  }
  return [
    ...parts,
    part("learning rate", rate, "how far a direction of 1 moves a weight"),
    part("step", -rate * direction, "- learning rate x direction", true),
  ];
}

/**
 * @param {Seen} seen
 * @param {Tensor} matrix
 */
function ofMuon({ hyper, kept, remembered, before, after, gradient, norm, maxNorm }, { shape, data }) {
  const [mu, rate, rows] = [numberOf(hyper, "momentum"), numberOf(hyper, "learning_rate"), shape[0] ?? 1];
  const numbers = /** @type {Float32Array} */ (data);
  const length = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
  const ahead = gradient * Math.min(1, maxNorm / norm) + mu * numberOf(kept, "momentum");
  const rescaling = before * (Math.sqrt(rows) / length - 1);
  const step = after - before - rescaling;
  const all = `of all ${numbers.length.toLocaleString("en")} together, turned so that all directions count alike`;
  const back = `all weights of this tensor are brought back to a length of ${brief(Math.sqrt(rows), 3)}`;
  return [
    part("momentum before", numberOf(remembered, "momentum"), "what is left of all earlier slopes"),
    part("momentum", numberOf(kept, "momentum"), `${mu} of that, and the clipped slope`),
    part("look ahead", ahead, `the clipped slope, and ${mu} of the momentum (Nesterov)`),
    part("direction", -step / rate, all),
    part("learning rate", rate, "how far a direction of 1 moves a weight"),
    part("rescaling", rescaling, back, true),
    part("step", step, "- learning rate x direction", true),
  ];
}

/** @param {Seen} seen */
function decayWords({ decays, hyper }) {
  if (!decays) return "none: weights of this kind do not decay";
  const decay = numberOf(hyper, "weight_decay");
  return decay === 0 ? "none in this training" : `${decay} of the weight pulls it towards 0`;
}

/**
 * @param {string} name
 * @param {number} value
 * @param {string} words
 * @param {boolean} isChange one of the amounts that together are the step
 * @returns {Part}
 */
function part(name, value, words, isChange = false) {
  return { name, value, words, is_change: isChange };
}

/** @param {number} beta */
const span = (beta) => Math.round(1 / (1 - beta));

/** @param {number} x @param {number} digits */
const brief = (x, digits = 4) => String(Number(x.toPrecision(digits)));

/**
 * @param {Record<string, number>} numbers
 * @param {string} name
 */
const numberOf = (numbers, name) => numbers[name] ?? 0;
