// Where the page starts: the token, the language, and the views by their names.

import { LANGUAGES, setLanguage } from "./i18n.js";
import { go, listen, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { serverSource } from "./source/server.js";
import { applyTheme, listenToSystem, setLarge, wasLarge } from "./theme.js";

/** @typedef {import("./shell.js").MakeView} MakeView */

/** @type {Record<string, () => Promise<{default: MakeView}>>} */
const MODULES = {
  home: () => import("./views/home.js"),
  run: () => import("./views/run.js"),
  inside: () => import("./views/inside.js"),
  weight: () => import("./views/weight.js"),
  try: () => import("./views/try.js"),
  race: () => import("./views/race.js"),
  compare: () => import("./views/compare.js"),
  how: () => import("./views/how.js"),
};

/** The token comes in the address that `glassnet lab` prints, and is kept for this lab's other pages. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    localStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? localStorage.getItem("token") ?? "";
}

/** @param {string} code */
async function loadLanguage(code) {
  const known = LANGUAGES.some((one) => one.code === code) ? code : "en";
  const response = await fetch(`strings/${known}.json`);
  setLanguage(known, await response.json());
  localStorage.setItem("lang", known);
}

function firstLanguage() {
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "he" || tag === "en");
  return state()["lang"] ?? localStorage.getItem("lang") ?? preferred ?? "en";
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

/** @type {Record<string, () => Promise<MakeView>>} */
const views = Object.fromEntries(
  Object.entries(MODULES).map(([name, load]) => [
    name,
    async () => (await Promise.all([load(), loadStyle(name)]))[0].default,
  ]),
);

applyTheme();
listenToSystem();
if (state()["size"] === undefined && wasLarge()) set({ size: "large" });
setLarge(state()["size"] === "large");
const token = takeToken();
await loadLanguage(firstLanguage());
listen();
// A page that is open takes the token of a lab that was started again.
addEventListener("hashchange", () => {
  if (location.hash.includes("token=")) location.reload();
});
const page = startPage({
  source: serverSource(token, (connection) => page.setConnection(connection)),
  views,
  go,
  onLanguage: loadLanguage,
});
