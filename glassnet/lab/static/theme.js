// How the page looks: light, dark or as the system has it, and large type for a projector.

const THEMES = ["auto", "light", "dark"];
const SYSTEM = matchMedia("(prefers-color-scheme: dark)");

/** @type {Set<() => void>} */
const listeners = new Set();

/** @returns {string} "auto", "light" or "dark" */
export function theme() {
  const kept = localStorage.getItem("theme") ?? "auto";
  return THEMES.includes(kept) ? kept : "auto";
}

/** @param {string} chosen */
export function setTheme(chosen) {
  localStorage.setItem("theme", chosen);
  applyTheme();
}

/** Takes effect, and tells canvases, which CSS does not repaint. */
export function applyTheme() {
  const chosen = theme() === "auto" ? (SYSTEM.matches ? "dark" : "light") : theme();
  document.documentElement.dataset["theme"] = chosen;
  for (const listener of listeners) listener();
}

/**
 * @param {() => void} listener told when colors or sizes have changed
 * @returns {() => void} no longer
 */
export function onTheme(listener) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** @param {boolean} isLarge */
export function setLarge(isLarge) {
  document.documentElement.dataset["size"] = isLarge ? "large" : "normal";
  localStorage.setItem("size", isLarge ? "large" : "normal");
  for (const listener of listeners) listener();
}

/** Whether a person last chose large type. */
export function wasLarge() {
  return localStorage.getItem("size") === "large";
}

/**
 * The value of a color of style.css, such as "--ink", as it is now.
 * @param {string} name
 */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Pixels of one rem, as it is now: what is drawn on a canvas grows with the type. */
export function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

/** Repaint when the system goes from light to dark. */
export function listenToSystem() {
  SYSTEM.addEventListener("change", applyTheme);
}
