// Where a page starts that trains by itself: the views of the lab on a network that lies beside it.

import { enginePanel } from "./engine_panel.js";
import { h } from "./dom.js";
import { LANGUAGES, setLanguage } from "./i18n.js";
import { go, listen, onState, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { Tab } from "./source/worker.js";
import { applyTheme, listenToSystem, setLarge } from "./theme.js";
import run from "./views/run.js";

/** @typedef {import("./shell.js").MakeView} MakeView */

const base = new URL("network/", location.href).href;
const library = new URL("vendor/ort/", location.href).href;
const tab = new Tab({ base, library, place: location.pathname });

/** @param {string} code */
async function loadLanguage(code) {
  const known = LANGUAGES.some((one) => one.code === code) ? code : "en";
  const response = await fetch(`strings/${known}.json`);
  setLanguage(known, await response.json());
  localStorage.setItem("lang", known);
}

/** @param {string} name */
function loadStyle(name) {
  const address = `views/${name}.css`;
  if (document.querySelector(`link[href="${address}"]`)) return;
  document.head.append(h("link", { rel: "stylesheet", href: address }));
}

/**
 * @param {string} name
 * @param {() => Promise<MakeView>} load
 */
function view(name, load) {
  return async () => {
    loadStyle(name);
    return load();
  };
}

/** The run, with where it runs above it. @type {MakeView} */
function runHere(context) {
  const [above, below] = [enginePanel(tab), run(context)];
  return {
    element: h("div", {}, above.element, below.element),
    update: (values) => below.update?.(values),
    close() {
      above.close();
      below.close?.();
    },
  };
}

/** A site is about one run, whatever the address says. */
function stay() {
  if (state()["run"] !== name) set({ view: state()["view"] ?? "run", run: name });
}

applyTheme();
listenToSystem();
setLarge(state()["size"] === "large");
const preferred = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag === "he" || tag === "en");
const language = loadLanguage(state()["lang"] ?? localStorage.getItem("lang") ?? preferred ?? "en");
// The training begins while the page is still put together; what hinders it the panel says.
tab.start(state()["engine"] ?? localStorage.getItem("engine")).catch(() => {});
const manifest = await (await fetch(new URL("manifest.json", base))).json();
const name = manifest.run;
await language;
stay();
listen();
onState(stay);
startPage({
  source: tab.source(),
  views: {
    run: view("run", async () => runHere),
    inside: view("inside", async () => (await import("./views/inside.js")).default),
    weight: view("weight", async () => (await import("./views/weight.js")).default),
    try: view("try", async () => (await import("./views/try.js")).default),
  },
  go,
  onLanguage: loadLanguage,
});
