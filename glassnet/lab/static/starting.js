// What pages do before there is a view: the language, and the look of each view with it.

import { LANGUAGES, setLanguage } from "./i18n.js";
import { state } from "./router.js";

/** @typedef {import("./shell.js").MakeView} MakeView */

/** The language of the address, of the last time, or of the browser. */
export function firstLanguage() {
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "he" || tag === "en");
  return state()["lang"] ?? localStorage.getItem("lang") ?? preferred ?? "en";
}

/** @param {string} code */
export async function loadLanguage(code) {
  const known = LANGUAGES.some((one) => one.code === code) ? code : "en";
  const names = known === "en" ? [known] : [known, `${known}_messages`];
  const responses = await Promise.all(names.map((name) => fetch(`strings/${name}.json`)));
  const [catalogue, phrases] = await Promise.all(responses.map((response) => response.json()));
  setLanguage(known, catalogue, phrases);
  localStorage.setItem("lang", known);
}

/**
 * Views by their names, each with its style.
 * @param {Record<string, () => Promise<{default: MakeView}>>} modules
 * @returns {Record<string, () => Promise<MakeView>>}
 */
export function styled(modules) {
  const both = Object.entries(modules).map(([name, load]) => {
    const view = async () => (await Promise.all([load(), loadStyle(name)]))[0].default;
    return /** @type {const} */ ([name, view]);
  });
  return Object.fromEntries(both);
}

/** @param {string} name */
function loadStyle(name) {
  const address = `views/${name}.css`;
  if (document.querySelector(`link[href="${address}"]`)) return Promise.resolve();
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = address;
  return new Promise((resolve) => {
    sheet.addEventListener("load", resolve);
    sheet.addEventListener("error", resolve);
    document.head.append(sheet);
  });
}
