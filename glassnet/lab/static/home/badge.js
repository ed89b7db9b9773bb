// The state of a run as a sign and a word.

import { h } from "../dom.js";
import { t } from "../i18n.js";

/** @type {Record<string, string>} */
const SIGNS = { starting: "…", running: "▶", paused: "❚❚", stopped: "■", finished: "✓", crashed: "✕", idle: "○" };

/** @param {string} state */
export function stateBadge(state) {
  return h(
    "span",
    { class: "badge", data: { state } },
    h("span", { class: "badge-sign", "aria-hidden": "true" }, SIGNS[state] ?? "○"),
    t(`state.${state}`),
  );
}
