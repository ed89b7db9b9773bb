// Where a page starts that trains by itself. The training begins while the views are still being loaded.

import { state } from "./router.js";
import { Tab } from "./source/worker.js";

const base = new URL("network/", location.href).href;
const library = new URL("vendor/ort/", location.href).href;
const tab = new Tab({ base, library, place: location.pathname });

// What hinders it the panel says.
tab.start(state()["engine"] ?? localStorage.getItem("engine")).catch(() => {});
const { showPage } = await import("./site_page.js");
await showPage(tab, base);
