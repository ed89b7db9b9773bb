// The page of a training in this tab: the views of the lab on a network that lies beside it.

import { enginePanel } from "./engine_panel.js";
import { h } from "./dom.js";
import { go, listen, onState, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { firstLanguage, loadLanguage, styled } from "./starting.js";
import { applyTheme, listenToSystem, setLarge } from "./theme.js";
import run from "./views/run.js";

/** @typedef {import("./shell.js").MakeView} MakeView */
/** @typedef {import("./source/worker.js").Tab} Tab */

/**
 * @param {Tab} tab
 * @param {string} base the address of the exported network
 */
export async function showPage(tab, base) {
  applyTheme();
  listenToSystem();
  setLarge(state()["size"] === "large");
  const language = loadLanguage(firstLanguage());
  const { run: name } = await (await fetch(new URL("manifest.json", base))).json();
  await language;
  // A site is about one run, whatever the address says.
  const stay = () => {
    if (state()["run"] !== name) set({ view: state()["view"] ?? "run", run: name });
  };
  stay();
  listen();
  onState(stay);
  startPage({
    source: tab.source(),
    views: styled({
      run: async () => ({ default: (context) => runHere(tab, context) }),
      inside: () => import("./views/inside.js"),
      weight: () => import("./views/weight.js"),
      try: () => import("./views/try.js"),
    }),
    go,
    onLanguage: loadLanguage,
    ...(state()["lab"] ? { lab: "../../" } : {}),
  });
}

/**
 * The run, with where it runs above it.
 * @param {Tab} tab
 * @param {Parameters<MakeView>[0]} context
 * @returns {ReturnType<MakeView>}
 */
function runHere(tab, context) {
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
