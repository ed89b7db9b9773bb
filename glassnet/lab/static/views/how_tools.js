// What the parts of How it works share: questions to the server, numbers as text, figures that follow their width.

import { h } from "../dom.js";
import { onTheme, rem } from "../theme.js";

/** @typedef {import("../source/source.js").Source} Source */

/**
 * @typedef {object} Facts
 * @property {Record<string, {points: [number, number][], kinds: number[]}>} sets
 * @property {{network: string, num_weights: number}[]} networks
 */

/**
 * @typedef {object} Stage what a part is given
 * @property {Source} source
 * @property {Facts} facts
 * @property {() => Record<string, string>} state
 * @property {(change: Record<string, string | number | null>) => void} set
 * @property {(error: unknown) => void} fail
 */

/** @typedef {{element: HTMLElement, values?: Record<string, string | number>, close?: () => void}} Part */

/**
 * @typedef {object} Answer what the server computes; see the classroom of the interface
 * @property {string[]} names
 * @property {number[]} weights
 * @property {number | null} loss
 * @property {(number | null)[]} outputs
 * @property {number[]} slopes
 * @property {number | null} accuracy
 * @property {Record<string, {values: number[], blames: number[]}>} nodes
 * @property {any} [chosen]
 * @property {any} [sweep]
 * @property {number[]} [picture]
 * @property {{losses: number[], weights: number[], path: number[], is_diverged: boolean}} [descent]
 */

/**
 * Asks the classroom, one question at a time: while one is under way, of those that come only the last is kept.
 * @param {Stage} stage
 * @param {(answer: Answer, question: any) => void} onAnswer
 */
export function asker(stage, onAnswer) {
  /** @type {object | null} */
  let wanted = null;
  let [isAsking, isClosed] = [false, false];
  const run = async () => {
    isAsking = true;
    while (wanted && !isClosed) {
      const question = wanted;
      wanted = null;
      try {
        const answer = await stage.source.post("/classroom", question);
        if (!isClosed) onAnswer(answer, question);
      } catch (error) {
        if (!isClosed) stage.fail(error);
      }
    }
    isAsking = false;
  };
  return {
    /** @param {object} question */
    ask(question) {
      wanted = question;
      if (!isAsking) run();
    },
    close() {
      isClosed = true;
    },
  };
}

/**
 * With a sign always, which says what a color says.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function signed(value, digits = 2) {
  if (value === null || value === undefined) return "∞";
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}

/**
 * With a sign only where it is a minus.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function plain(value, digits = 2) {
  return signed(value, digits).replace("+", "");
}

/**
 * The same, without zeros at the end.
 * @param {number} value
 * @param {number} [digits]
 */
export function short(value, digits = 2) {
  return String(Number(value.toFixed(digits))).replace("-", "−");
}

const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/**
 * A letter with its number below: x₁.
 * @param {string} letter
 * @param {number} index from 0
 */
export function numbered(letter, index) {
  return letter + [...String(index + 1)].map((digit) => SUBSCRIPTS[Number(digit)]).join("");
}

/**
 * A box whose content is drawn anew when its width, the type or the theme changes.
 * @param {string} names classes
 * @param {(size: {width: number, rem: number}) => Node} draw
 */
export function drawing(names, draw) {
  const element = h("div", { class: names, dir: "ltr" });
  const redraw = () => {
    if (element.clientWidth) element.replaceChildren(draw({ width: element.clientWidth, rem: rem() }));
  };
  let width = 0;
  const observer = new ResizeObserver(() => {
    if (element.clientWidth === width) return;
    width = element.clientWidth;
    redraw();
  });
  observer.observe(element);
  const off = onTheme(redraw);
  return {
    element,
    redraw,
    close() {
      observer.disconnect();
      off();
    },
  };
}

/**
 * A slider with its name before it and its value behind it.
 * @param {{label: Node | string, min: number, max: number, step: number, value: number, name: string,
 *   format?: (value: number) => string, onInput: (value: number) => void}} options name: for screen readers
 */
export function knob({ label, name, min, max, step, value, format = (v) => plain(v, 1), onInput }) {
  const output = h("output", { dir: "ltr", class: "how-knob-value" }, format(value));
  const input = h("input", { type: "range", min, max, step, value, "aria-label": name, dir: "ltr" });
  const tell = () => {
    const text = format(Number(input.value));
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  tell();
  input.addEventListener("input", () => {
    tell();
    onInput(Number(input.value));
  });
  return {
    element: h("label", { class: "how-knob" }, h("span", { class: "how-knob-label" }, label), input, output),
    /** @param {number} next */
    show(next) {
      input.value = String(next);
      tell();
    },
  };
}

/**
 * Buttons of which one is chosen.
 * @template {string | number} V
 * @param {{label: string, choices: {value: V, text: string}[], value: V, isNumber?: boolean,
 *   onChoose: (value: V) => void}} options
 */
export function choice({ label, choices, value, isNumber = false, onChoose }) {
  const buttons = choices.map((one) =>
    h(
      "button",
      {
        type: "button",
        class: "how-choice",
        "aria-pressed": String(one.value === value),
        dir: isNumber ? "ltr" : null,
        on: { click: () => choose(one.value) },
      },
      one.text,
    ),
  );
  /** @param {V} chosen */
  const choose = (chosen) => {
    choices.forEach((one, i) => buttons[i]?.setAttribute("aria-pressed", String(one.value === chosen)));
    onChoose(chosen);
  };
  return h(
    "div",
    { class: "how-choices", role: "group", "aria-label": label },
    h("span", { class: "how-choices-label", "aria-hidden": "true" }, label),
    buttons,
  );
}

/**
 * @param {string} text
 * @param {() => void} onClick
 * @param {string} [names]
 */
export function button(text, onClick, names = "") {
  return h("button", { type: "button", class: `button ${names}`, on: { click: onClick } }, text);
}

/**
 * A table that scrolls sideways where it is wider than the page; by keys, too.
 * @param {string} label
 * @param {HTMLElement} table
 */
export function scroller(label, table) {
  return h("div", { class: "how-scroll", tabindex: 0, role: "region", "aria-label": label }, table);
}
