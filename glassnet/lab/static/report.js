// Where a report starts: the views of one run, answered by what was recorded into the same file.

import { h } from "./dom.js";
import { LANGUAGES, setLanguage, t } from "./i18n.js";
import { go, listen, onState, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { recordedSource } from "./source/recorded.js";
import { applyTheme, listenToSystem, setLarge } from "./theme.js";
import inside from "./views/inside.js";
import run from "./views/run.js";
import weight from "./views/weight.js";

/** @param {string} id of a block of JSON in the page */
function block(id) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/** @param {string} code */
async function loadLanguage(code) {
  const known = LANGUAGES.some((one) => one.code === code) ? code : "en";
  setLanguage(known, block(`strings-${known}`), block(`strings-${known}_messages`) ?? {});
  note.textContent = t("report.note", { version: recording.version });
}

/** A report is about one run, whatever the address says. */
function stay() {
  if (state()["run"] !== recording.run) set({ view: state()["view"] ?? "run", run: recording.run });
}

/** @type {import("./source/recorded.js").Recording} */
const recording = block("recording");
const note = h("p", { class: "report-note" });
const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "he" || tag === "en");
applyTheme();
listenToSystem();
setLarge(state()["size"] === "large");
loadLanguage(state()["lang"] ?? preferred ?? "en");
stay();
listen();
onState(stay);
startPage({
  source: recordedSource(recording, t),
  views: { run: async () => run, inside: async () => inside, weight: async () => weight },
  go,
  onLanguage: loadLanguage,
});
document.body.append(h("footer", {}, note));
