// A training that runs in this tab: the lab prepares its page, which is shown in place of this one.

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { destination, format, state } from "../router.js";
import { busy, notice, spinner } from "../widgets.js";

/** @typedef {import("../source/source.js").Source} Source */

/** What a person reads meanwhile. */
export function preparing() {
  return notice("info", h("p", {}, spinner(), " ", t("tab.preparing")));
}

/**
 * @param {Source} source
 * @param {string} path of the request
 * @param {object} wanted
 * @param {Element} pressed
 */
export async function openTab(source, path, wanted, pressed) {
  const { address } = await busy(source.post(path, wanted), pressed);
  location.assign(address + format(destination(state(), { lab: 1 })));
}
