// Which picture the network is shown: one of those that were held out, or one of your own.

import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { set, state } from "../router.js";
import { runPath } from "../source/source.js";
import { pictureGrid } from "../tiles.js";
import { button } from "../widgets.js";

/** @typedef {import("../store.js").RunStore} RunStore */

const NUM_PICTURES = 24;

/**
 * The number of the picture is the key `picture` of the page's state.
 * @param {RunStore} store
 * @param {{onPicture: () => void}} how
 */
export function pictureChooser(store, { onPicture }) {
  /** @type {File | null} */
  let own = null;
  const strip = h("div", { class: "inside-strip" });
  const told = h("output", { class: "soft" });
  const hidden = { class: "visually-hidden", tabindex: -1, "aria-label": t("inside.own") };
  const file = h("input", { type: "file", accept: "image/*", ...hidden });
  const picture = () => Math.max(0, Number.parseInt(state()["picture"] ?? "0", 10) || 0);
  const show = () => {
    fill(told, own ? h("bdi", {}, own.name) : t("inside.picture_number", { n: number(picture()) }));
    strip.querySelectorAll("button").forEach((one, i) => {
      one.setAttribute("aria-pressed", String(!own && i === picture()));
    });
  };
  const choose = (/** @type {number} */ n) => {
    own = null;
    set({ picture: n > 0 ? n : null });
    show();
    onPicture();
  };
  const take = (/** @type {File | null | undefined} */ chosen) => {
    if (!chosen) return;
    own = chosen;
    show();
    onPicture();
  };
  file.addEventListener("change", () => take(file.files?.[0]));
  const canUpload = store.source.can.upload;
  const element = h(
    "div",
    { class: "inside-chooser" },
    h(
      "p",
      { class: "buttons" },
      button(t("inside.previous"), () => choose(Math.max(0, picture() - 1)), { class: "quiet" }),
      told,
      button(t("inside.next"), () => choose(picture() + 1), { class: "quiet" }),
      canUpload ? [button(t("inside.own"), () => file.click()), file] : null,
    ),
    canUpload ? h("p", { class: "hint" }, t("inside.own_hint")) : null,
    strip,
  );
  const ending = new AbortController();
  if (canUpload) listen(take, ending.signal);
  const begin = async () => {
    show();
    if (store.details?.settings["task"] === "houses") return;
    try {
      const answer = await store.source.get(runPath(store.run, "answers"), { step: null, num: NUM_PICTURES });
      const label = (/** @type {number} */ i) => `${number(i)}: ${answer.classes[answer.labels[i]] ?? ""}`;
      fill(strip, pictureGrid(answer.pictures, { onPick: choose, label }));
      show();
    } catch {
      // The strip is a convenience: the view itself says what is wrong.
      fill(strip);
    }
  };
  return { element, begin: () => void begin(), picture, own: () => own, close: () => ending.abort() };
}

/**
 * Pictures that are dropped anywhere on the page, or pasted.
 * @param {(file: File | undefined) => void} onFile
 * @param {AbortSignal} signal
 */
function listen(onFile, signal) {
  const ofPictures = (/** @type {DataTransfer | null} */ data) =>
    [...(data?.files ?? [])].find((file) => file.type.startsWith("image/"));
  const over = (/** @type {DragEvent} */ event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    onFile(ofPictures(event.dataTransfer));
  };
  addEventListener("dragover", over, { signal });
  addEventListener("drop", drop, { signal });
  addEventListener("paste", (event) => onFile(ofPictures(event.clipboardData)), { signal });
}
