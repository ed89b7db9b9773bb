// Small parts that every view is made of: fields, sliders, notices, dialogs, tabs.

import { fill, h } from "./dom.js";
import { t } from "./i18n.js";
import { translated } from "./messages.js";
import { SourceError } from "./source/source.js";

/** @typedef {import("./dom.js").Children} Children */
/** @typedef {"info" | "good" | "warning" | "bad"} Kind */

const LABELED = "input, select, textarea";

let numIds = 0;

/** An id that no other element has. */
export function freshId() {
  return `id${(numIds += 1)}`;
}

/**
 * A control with its label, and a hint that screen readers say with it. Of several controls in a box the first has it.
 * @param {Children} label
 * @param {HTMLElement} control
 * @param {Children} [hint]
 */
export function field(label, control, hint) {
  const labeled = control.matches(LABELED) ? control : (control.querySelector(LABELED) ?? control);
  const id = (labeled.id ||= freshId());
  const hintId = `${id}-hint`;
  if (hint) labeled.setAttribute("aria-describedby", hintId);
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    control,
    hint ? h("p", { class: "hint", id: hintId }, hint) : null,
  );
}

/**
 * @param {Children} label
 * @param {(event: MouseEvent) => void} onClick
 * @param {import("./dom.js").Props} [props] class "primary" or "danger" among them
 */
export function button(label, onClick, props = {}) {
  const { class: names = "", ...others } = props;
  return h("button", { type: "button", class: `button ${names}`, on: { click: onClick }, ...others }, label);
}

/**
 * @param {{value: string, options: [value: string, label: string][], onChange?: (value: string) => void}} how
 */
export function select({ value, options, onChange }) {
  const element = h(
    "select",
    { on: { change: () => onChange?.(element.value) } },
    options.map(([key, label]) => h("option", { value: key, selected: key === value }, label)),
  );
  return element;
}

/**
 * A slider whose value is written beside it. With `isLog` equal ways are equal factors; min must then be above 0.
 * @param {object} how
 * @param {string} how.label
 * @param {number} how.min
 * @param {number} how.max
 * @param {number} [how.step] of the value; a thousandth of the range where none is given
 * @param {number} how.value
 * @param {(value: number) => string} how.format
 * @param {(value: number) => void} how.onInput while it moves
 * @param {(value: number) => void} [how.onChange] when it is let go
 * @param {boolean} [how.isLog]
 * @param {Children} [how.hint]
 * @returns {{element: HTMLElement, input: HTMLInputElement, set: (value: number) => void, value: () => number}}
 */
export function slider({ label, min, max, step, value, format, onInput, onChange, isLog = false, hint }) {
  const inner = isLog ? Math.log : (/** @type {number} */ x) => x;
  const outer = isLog ? Math.exp : (/** @type {number} */ x) => x;
  const fine = isLog || !step ? (inner(max) - inner(min)) / 1000 : step;
  const input = h("input", { type: "range", min: inner(min), max: inner(max), step: isLog ? "any" : fine });
  const output = h("output", { class: "slider-value", dir: "ltr" });
  const now = () => outer(Number(input.value));
  const show = (/** @type {number} */ shown) => {
    const text = format(shown);
    if (output.textContent === text) return;
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  // What lies beyond the ends is written all the same.
  const set = (/** @type {number} */ next) => {
    input.value = String(inner(Math.min(max, Math.max(min, next))));
    show(next);
  };
  input.addEventListener("input", () => {
    show(now());
    onInput(now());
  });
  input.addEventListener("change", () => onChange?.(now()));
  // Browsers take "any" for steps of 1 when keys are pressed.
  if (isLog) input.addEventListener("keydown", (event) => onKey(event, input, fine * 10));
  set(value);
  const element = field(label, input, hint);
  element.classList.add("slider");
  element.querySelector("label")?.after(output);
  return { element, input, set, value: now };
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLInputElement} input
 * @param {number} step
 */
function onKey(event, input, step) {
  const sign = /** @type {Record<string, number>} */ ({ ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 })[
    event.key
  ];
  if (!sign) return;
  event.preventDefault();
  input.value = String(Number(input.value) + sign * step);
  input.dispatchEvent(new Event("input"));
  input.dispatchEvent(new Event("change"));
}

const SIGNS = { info: "i", good: "✓", warning: "!", bad: "✕" };

/**
 * @param {Kind} kind
 * @param {...Children} content
 */
export function notice(kind, ...content) {
  const role = kind === "bad" ? "alert" : "status";
  return h(
    "div",
    { class: `notice ${kind}`, role },
    h("span", { class: "notice-sign", "aria-hidden": "true" }, SIGNS[kind]),
    h("div", {}, ...content),
  );
}

/**
 * What went wrong, in words, with a button that tries again where that is possible.
 * @param {unknown} error
 * @param {() => void} [onRetry]
 */
export function errorBox(error, onRetry) {
  const retry = onRetry ? h("p", {}, button(t("common.try_again"), onRetry)) : null;
  return notice("bad", h("p", { dir: "auto" }, errorText(error)), retry);
}

/**
 * @param {unknown} error
 * @returns {string}
 */
export function errorText(error) {
  if (error instanceof SourceError && error.status === 401) return t("connection.refused");
  if (error instanceof SourceError && error.code === "lost") return t("connection.lost");
  return translated(error instanceof Error ? error.message : String(error));
}

/** Something is being waited for. */
export function spinner() {
  return h("span", { class: "spinner", role: "status" }, h("span", { class: "visually-hidden" }, t("common.loading")));
}

/**
 * Mark an element as busy until a promise is settled; a button cannot be pressed meanwhile.
 * @template T
 * @param {Promise<T>} promise
 * @param {Element | null} element
 * @returns {Promise<T>} the same
 */
export async function busy(promise, element) {
  const isButton = element instanceof HTMLButtonElement;
  element?.setAttribute("aria-busy", "true");
  if (isButton) element.disabled = true;
  try {
    return await promise;
  } finally {
    element?.removeAttribute("aria-busy");
    if (isButton) element.disabled = false;
  }
}

/**
 * Answers to the newest question only: what a superseded one brings, an error included, is dropped.
 * @returns {<T>(promise: Promise<T>, onValue: (value: T) => void, onError?: (error: unknown) => void) => Promise<void>}
 */
export function newest() {
  let num = 0;
  return async (promise, onValue, onError = (error) => say(errorText(error), "bad")) => {
    const mine = (num += 1);
    try {
      const value = await promise;
      if (mine === num) onValue(value);
    } catch (error) {
      if (mine === num) onError(error);
    }
  };
}

/**
 * A dialog over the page, open at once; Escape and its button close it.
 * @param {string} title
 * @param {...Children} content
 * @returns {{element: HTMLDialogElement, content: HTMLElement, close: () => void, closed: Promise<void>}}
 */
export function dialog(title, ...content) {
  const id = freshId();
  const body = h("div", { class: "dialog-content" }, ...content);
  const close = h("button", { type: "button", class: "button quiet close", "aria-label": t("common.close") }, "✕");
  const element = h(
    "dialog",
    { "aria-labelledby": id },
    // A screen reader begins with the title, not with the button that closes.
    h("header", {}, h("h2", { id, tabindex: -1, autofocus: true }, title), close),
    body,
  );
  close.addEventListener("click", () => element.close());
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  const closed = new Promise((/** @type {(value: void) => void} */ resolve) => {
    element.addEventListener("close", () => {
      element.remove();
      resolve();
    });
  });
  document.body.append(element);
  element.showModal();
  return { element, content: body, close: () => element.close(), closed };
}

/**
 * @param {string} title
 * @param {string} text
 * @param {string} verb what the button says that does it
 * @returns {Promise<boolean>}
 */
export async function confirmed(title, text, verb) {
  let isSure = false;
  const sure = button(verb, () => void ((isSure = true), asked.close()), { class: "danger" });
  const asked = dialog(
    title,
    h("p", {}, text),
    h(
      "p",
      { class: "buttons" },
      sure,
      button(t("common.cancel"), () => asked.close()),
    ),
  );
  await asked.closed;
  return isSure;
}

/**
 * Tabs within a page. The content of a tab is made when it is first looked at.
 * @param {string} label
 * @param {{key: string, label: Children, content: () => Node}[]} pages
 * @param {{selected?: string, onSelect?: (key: string) => void}} [how]
 * @returns {{element: HTMLElement, select: (key: string) => void}}
 */
export function tabs(label, pages, { selected = pages[0]?.key, onSelect } = {}) {
  const id = freshId();
  const panel = h("div", { class: "tab-panel", role: "tabpanel", id: `${id}-panel`, tabindex: 0 });
  /** @type {Map<string, Node>} */
  const made = new Map();
  const heads = pages.map((page) =>
    h(
      "button",
      { type: "button", class: "tab", role: "tab", id: `${id}-${page.key}`, "aria-controls": panel.id },
      page.label,
    ),
  );
  const choose = (/** @type {string} */ key) => {
    pages.forEach((page, i) => {
      const isChosen = page.key === key;
      heads[i]?.setAttribute("aria-selected", String(isChosen));
      if (heads[i]) heads[i].tabIndex = isChosen ? 0 : -1;
      if (!isChosen) return;
      if (!made.has(key)) made.set(key, page.content());
      panel.setAttribute("aria-labelledby", `${id}-${key}`);
      fill(panel, made.get(key));
    });
  };
  heads.forEach((head, i) => {
    const pick = (/** @type {number} */ at) => {
      const page = pages[(at + pages.length) % pages.length];
      if (!page) return;
      choose(page.key);
      onSelect?.(page.key);
    };
    head.addEventListener("click", () => pick(i));
    head.addEventListener("keydown", (event) => {
      const isRtl = getComputedStyle(head).direction === "rtl";
      const ways = { ArrowRight: isRtl ? -1 : 1, ArrowLeft: isRtl ? 1 : -1 };
      const way = ways[/** @type {"ArrowRight"} */ (event.key)];
      if (!way) return;
      pick(i + way);
      heads[(i + way + heads.length) % heads.length]?.focus();
    });
  });
  if (selected) choose(selected);
  const element = h(
    "div",
    { class: "tabs" },
    h("div", { class: "tab-list", role: "tablist", "aria-label": label }, heads),
    panel,
  );
  return { element, select: choose };
}

/**
 * Say something for a moment at the edge of the page, and to screen readers.
 * @param {string} text
 * @param {Kind} [kind]
 */
export function say(text, kind = "info") {
  const place = document.getElementById("messages");
  const message = notice(kind, h("p", { dir: "auto" }, text));
  message.removeAttribute("role");
  message.append(
    h(
      "button",
      {
        type: "button",
        class: "button quiet close",
        "aria-label": t("common.close"),
        on: { click: () => message.remove() },
      },
      "✕",
    ),
  );
  place?.append(message);
  setTimeout(() => message.remove(), kind === "bad" ? 15_000 : 6000);
}
