// Try a trained network: photos of one's own, faces that it knows or is to know, new drawings out of noise.

import { fill, h, ltr } from "../dom.js";
import { t } from "../i18n.js";
import { scrubber } from "../scrubber.js";
import { openRun } from "../store.js";
import { errorBox, notice, spinner } from "../widgets.js";
import { drawings } from "./try_drawings.js";
import { photos } from "./try_photos.js";

/** @typedef {{element: HTMLElement, follow: () => void, close: () => void}} Part `follow`: the moment may be another */

/**
 * @param {import("../shell.js").Context} context
 * @returns {import("../shell.js").View}
 */
export default function tryIt({ source, state }) {
  const run = state["run"];
  if (!run) return { element: h("div", {}, h("h1", {}, t("nav.try")), notice("info", t("run.none"))) };
  const heading = h("h1", {}, `${t("nav.try")}: `, ltr(run));
  if (!source.can.upload) return { element: h("div", {}, heading, notice("info", t("try.needs_lab"))) };
  const store = openRun(source, run);
  const lead = h("p", { class: "lead" });
  const place = h("div", {}, spinner());
  /** @type {Part | null} */
  let part = null;
  let isClosed = false;
  const moments = scrubber(store, { onMoment: () => part?.follow() });
  const begin = () => {
    if (isClosed || part) return;
    if (!store.details) return void fill(place, errorBox(store.error, () => void store.refresh().then(begin)));
    const isDrawing = store.details.settings["task"] === "houses";
    lead.textContent = t(isDrawing ? "try.lead_houses" : "people" in store.details.facts ? "try.lead_faces" : "try.lead");
    part = isDrawing ? drawings(store) : photos(store);
    fill(place, part.element);
    part.follow();
  };
  store.ready.then(begin);
  store.subscribe(() => {
    if (!document.hidden) part?.follow();
  });
  return {
    element: h("div", { class: "try" }, heading, lead, h("div", { class: "moments panel" }, moments.element), place),
    update() {
      moments.update();
      part?.follow();
    },
    close() {
      isClosed = true;
      part?.close();
      moments.close();
      store.close();
    },
  };
}
