// The address is the state: what is seen can be copied from the address bar and opened again.

import { h } from "./dom.js";

/** @typedef {Record<string, string>} State */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Change null takes a key away */
/** @typedef {import("./dom.js").Children} Children */

// What a person has chosen about the page stays when the view changes.
const LASTING = ["lang", "size", "lab"];

/** @type {Set<(state: State) => void>} */
const listeners = new Set();

/** @returns {State} */
export function state() {
  return parse(location.search);
}

/**
 * Go to another view: a new entry in the history.
 * @param {Change} to
 */
export function go(to) {
  history.pushState(null, "", format(destination(state(), to)));
  tell();
}

/**
 * Change some keys of the state in place.
 * @param {Change} change
 */
export function set(change) {
  const before = state();
  const after = changed(before, change);
  if (format(before) === format(after)) return;
  history.replaceState(null, "", format(after));
  tell();
}

/**
 * @param {(state: State) => void} listener
 * @returns {() => void} no longer
 */
export function onState(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/**
 * A real link, which can be opened in another tab as well.
 * @param {Change & {class?: string}} to
 * @param {...Children} children
 */
export function link(to, ...children) {
  const { class: names, ...change } = to;
  const address = () => format(destination(state(), change));
  const element = h("a", { href: address(), class: names }, ...children);
  element.addEventListener("click", (event) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(change);
  });
  // Language and size may have changed since the link was made.
  element.addEventListener("pointerdown", () => element.setAttribute("href", address()));
  return element;
}

/** Listen to the buttons back and forward of the browser. */
export function listen() {
  addEventListener("popstate", tell);
}

/**
 * @param {string} search
 * @returns {State}
 */
export function parse(search) {
  return Object.fromEntries(new URLSearchParams(search));
}

/**
 * @param {Change} values
 * @returns {string} with the question mark
 */
export function format(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  return `?${query}`;
}

/**
 * @param {State} before
 * @param {Change} change
 * @returns {State}
 */
export function changed(before, change) {
  return parse(format({ ...before, ...change }));
}

/**
 * @param {State} before
 * @param {Change} to
 * @returns {State}
 */
export function destination(before, to) {
  const lasting = Object.fromEntries(LASTING.filter((key) => key in before).map((key) => [key, before[key]]));
  // Another view of the same run shows the same moment of it, wherever the scrubber was moved since the link was made.
  const moment = before["run"] && to["run"] === before["run"] && before["step"] ? { step: before["step"] } : {};
  return changed({}, { ...moment, ...to, ...lasting });
}

function tell() {
  const now = state();
  for (const listener of [...listeners]) listener(now);
}
