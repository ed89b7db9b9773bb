// The parts of How it works in which a network of points learns: gradient descent, and what a hidden layer is for.

import { fill, h } from "../dom.js";
import { number, percent, t } from "../i18n.js";
import { lossLine, plane } from "./how_plots.js";
import { FORM, HIDDEN, pointsOf, seedIn } from "./how_points.js";
import { linesOf, networkFigure, pointLayers } from "./how_network.js";
import { asker, button, choice, knob, plain } from "./how_tools.js";

/** @typedef {import("./how_tools.js").Stage} Stage */
/** @typedef {import("./how_tools.js").Answer} Answer */
/** @typedef {import("./how_tools.js").Part} Part */

const CELLS = 24;
const RATE = 0.5;
const MOST_STEPS = 5000;
const PLAY_MS = 120;
const PLAY_STEPS = 5;

/**
 * A network that learns from the points: asks for steps, keeps the weights that come back.
 * @param {Stage} stage
 * @param {{numHidden: number, set: string, seed: number, rate: number, onChange: (learner: Learner) => void}} options
 */
function learner(stage, options) {
  /** @type {Learner} */
  const self = { ...options, losses: [], weights: null, answer: null, restart, step, ask, close: () => asking.close() };
  // Steps and the look at what came of them are one question: the answer shows the network before the steps.
  const asking = asker(stage, (answer) => {
    self.answer = answer;
    self.weights = answer.weights;
    if (!self.losses.length && answer.loss !== null) self.losses = [answer.loss];
    if (answer.descent && answer.descent.losses.length > 1) {
      self.losses.push(...answer.descent.losses.slice(1));
      self.weights = answer.descent.weights;
      ask();
      return;
    }
    options.onChange(self);
  });
  /** @param {number} [steps] */
  function ask(steps = 0) {
    const from = self.weights ? { weights: self.weights } : { seed: self.seed };
    const shape = { network: "points", num_hidden: self.numHidden, set: self.set, num_cells: CELLS };
    asking.ask({ ...shape, ...from, ...(steps ? { num_steps: steps, learning_rate: self.rate } : {}) });
  }
  /** @param {number} steps */
  function step(steps) {
    if (self.losses.length < MOST_STEPS) ask(steps);
  }
  function restart() {
    self.losses = [];
    self.weights = null;
    ask();
  }
  return self;
}

/**
 * @typedef {object} Learner
 * @property {number} numHidden
 * @property {string} set
 * @property {number} seed
 * @property {number} rate
 * @property {number[]} losses
 * @property {number[] | null} weights
 * @property {Answer | null} answer
 * @property {() => void} restart
 * @property {(steps: number) => void} step
 * @property {(steps?: number) => void} ask
 * @property {() => void} close
 */

/**
 * A button that calls again and again until it is pressed once more.
 * @param {() => void} onTick
 */
function player(onTick) {
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    element.textContent = t("how.play");
    element.setAttribute("aria-pressed", "false");
  };
  const element = button(
    t("how.play"),
    () => {
      if (timer) return stop();
      timer = window.setInterval(onTick, PLAY_MS);
      element.textContent = t("how.pause");
      element.setAttribute("aria-pressed", "true");
    },
    "primary",
  );
  return { element, stop };
}

const SETS = ["halves", "corners", "ring"];

/** @param {Stage} stage */
function setIn(stage, first = "halves") {
  const named = stage.state()["set"] ?? first;
  return SETS.includes(named) ? named : first;
}

/**
 * @param {Stage} stage
 * @param {string} value
 * @param {(name: string) => void} onChoose
 */
function setChoice(stage, value, onChoose) {
  return choice({
    label: t("how.points"),
    value,
    choices: SETS.map((name) => ({ value: name, text: t(`how.set.${name}`) })),
    onChoose: (name) => {
      stage.set({ set: name });
      onChoose(name);
    },
  });
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function descent(stage) {
  const set = setIn(stage);
  const ground = plane(pointsOf(stage, set));
  const figure = networkFigure();
  const line = lossLine();
  const told = h("output", { class: "how-note" });
  const network = learner(stage, {
    numHidden: HIDDEN,
    set,
    seed: seedIn(stage),
    rate: RATE,
    onChange: ({ answer, losses }) => {
      if (!answer) return;
      ground.show(answer.picture ?? [], answer.accuracy);
      line.show(thinned(losses));
      figure.show({
        layers: pointLayers(HIDDEN, { value: (layer) => (layer === "inputs" ? "" : "Σ") }),
        lines: linesOf(answer.weights, FORM),
        names: answer.names,
      });
      const share = t("how.right", { share: percent(answer.accuracy) });
      told.textContent = `${t("how.step_number")} ${number(losses.length - 1)} · ${share}`;
    },
  });
  const play = player(() => network.step(PLAY_STEPS));
  network.ask();
  return {
    element: h(
      "div",
      h("div", { class: "how-pair" }, figure.element, ground.element),
      line.element,
      h(
        "div",
        { class: "how-actions" },
        play.element,
        button(t("how.step"), () => network.step(1)),
        button(t("how.steps", { n: 100 }), () => network.step(100)),
        button(t("how.start_over"), () => {
          play.stop();
          network.restart();
        }),
      ),
      h("p", told),
      setChoice(stage, set, (name) => {
        network.set = name;
        ground.place(pointsOf(stage, name));
        network.restart();
      }),
    ),
    close: () => {
      play.stop();
      [network, ground, figure, line].forEach((one) => one.close());
    },
  };
}

/**
 * A few hundred of many, evenly.
 * @param {number[]} losses
 */
function thinned(losses) {
  const every = Math.ceil(losses.length / 400);
  return every > 1 ? losses.filter((_, i) => i % every === 0) : losses;
}

/**
 * @param {Stage} stage
 * @returns {Part}
 */
export function hiddenLayer(stage) {
  let set = setIn(stage, "corners");
  const seed = seedIn(stage);
  const one = side(stage, 0, set, seed);
  const many = side(stage, HIDDEN, set, seed);
  const both = [one, many];
  const play = player(() => both.forEach((each) => each.network.step(20)));
  const restart = () => both.forEach((each) => each.network.restart());
  restart();
  return {
    element: h(
      "div",
      h("div", { class: "how-pair is-even" }, one.element, many.element),
      knob({
        label: t("how.hidden"),
        name: t("how.hidden"),
        min: 1,
        max: 12,
        step: 1,
        value: HIDDEN,
        format: (v) => String(v),
        onInput: (value) => {
          many.network.numHidden = value;
          many.network.restart();
        },
      }).element,
      h(
        "div",
        { class: "how-actions" },
        play.element,
        button(t("how.steps", { n: 200 }), () => both.forEach((each) => each.network.step(200))),
        button(t("how.start_over"), () => {
          play.stop();
          restart();
        }),
      ),
      setChoice(stage, set, (name) => {
        set = name;
        for (const each of both) {
          each.network.set = name;
          each.ground.place(pointsOf(stage, name));
        }
        restart();
      }),
    ),
    close: () => {
      play.stop();
      both.forEach((each) => each.close());
    },
  };
}

/**
 * @param {Stage} stage
 * @param {number} numHidden
 * @param {string} set
 * @param {number} seed
 */
function side(stage, numHidden, set, seed) {
  const ground = plane(pointsOf(stage, set));
  const title = h("h3", { class: "how-side-title" });
  const told = h("output", { class: "how-note" });
  const network = learner(stage, {
    numHidden,
    set,
    seed,
    rate: 1,
    onChange: ({ answer, losses, numHidden: hidden }) => {
      if (!answer) return;
      ground.show(answer.picture ?? [], answer.accuracy);
      const num = answer.weights.length;
      title.textContent = hidden ? t("how.with_hidden", { hidden, num }) : t("how.one_neuron", { num });
      const share = t("how.right", { share: percent(answer.accuracy) });
      fill(
        told,
        `${t("how.step_number")} ${number(losses.length - 1)} · ${t("how.loss")} ${plain(losses.at(-1), 3)}`,
        h("br"),
        share,
      );
    },
  });
  return {
    element: h("section", title, ground.element, told),
    network,
    ground,
    close: () => [network, ground].forEach((each) => each.close()),
  };
}
