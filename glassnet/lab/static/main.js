// Where the page starts: the token, the language, and the views by their names.

import { go, listen, set, state } from "./router.js";
import { startPage } from "./shell.js";
import { serverSource } from "./source/server.js";
import { firstLanguage, loadLanguage, styled } from "./starting.js";
import { applyTheme, listenToSystem, setLarge, wasLarge } from "./theme.js";

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
  views: styled(MODULES),
  go,
  onLanguage: loadLanguage,
});
