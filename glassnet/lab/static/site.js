// Where a page starts that trains by itself: the views of the lab on a network that lies beside it.

import { enginePanel } from "./engine_panel.js";
import { h } from "./dom.js";
import { go, listen, onState, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { Tab } from "./source/worker.js";
import { firstLanguage, loadLanguage, styled } from "./starting.js";
import { applyTheme, listenToSystem, setLarge } from "./theme.js";
import run from "./views/run.js";

/** @typedef {import("./shell.js").MakeView} MakeView */

const base = new URL("network/", location.href).href;
const library = new URL("vendor/ort/", location.href).href;
const tab = new Tab({ base, library, place: location.pathname });

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
const language = loadLanguage(firstLanguage());
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
  views: styled({
    run: async () => ({ default: runHere }),
    inside: () => import("./views/inside.js"),
    weight: () => import("./views/weight.js"),
    try: () => import("./views/try.js"),
  }),
  go,
  onLanguage: loadLanguage,
  ...(state()["lab"] ? { lab: "../../" } : {}),
});
