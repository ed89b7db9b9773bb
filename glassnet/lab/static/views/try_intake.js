// How photos come in: dropped anywhere on the page, pasted, chosen, or taken with the camera.

import { h } from "../dom.js";
import { number, t } from "../i18n.js";
import { button, busy, say } from "../widgets.js";
import { camera } from "./try_camera.js";

/** @typedef {import("./try_card.js").Photo} Photo */

let numTaken = 0;

/**
 * @param {object} how
 * @param {(photos: Photo[]) => void} how.onPhotos in the order in which they came
 * @param {boolean} how.isFaces
 * @param {Record<string, any>} [how.framing] how the photos of the training were cut
 * @param {boolean} how.isHere whether the network is in this very page
 */
export function intake({ onPhotos, isFaces, framing, isHere }) {
  const file = h("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    class: "visually-hidden",
    tabindex: -1,
    "aria-label": t("try.choose"),
  });
  const choose = button(t("try.choose"), () => file.click(), { class: "primary" });
  const taken = async (/** @type {File[]} */ files) => {
    if (files.length) onPhotos(await Promise.all(files.map(photoOf)));
  };
  const shutter = camera({
    isFaces,
    framing,
    onPhoto: (blob) => onPhotos([{ name: t("try.still", { n: number((numTaken += 1)) }), blob }]),
  });
  file.addEventListener("change", () => {
    void busy(taken([...(file.files ?? [])]), choose);
    file.value = "";
  });
  const zone = h(
    "section",
    { class: "try-drop panel", "aria-label": t("try.intake") },
    h("p", { class: "try-drop-text" }, t(isFaces ? "try.drop_faces" : "try.drop")),
    h("p", { class: "buttons" }, choose, shutter.opener, file),
    h("p", { class: "hint" }, t(isHere ? "try.private_here" : "try.private")),
    shutter.element,
  );
  const off = listening(zone, taken);
  return {
    element: zone,
    focus: () => choose.focus(),
    close() {
      off();
      shutter.close();
    },
  };
}

/**
 * @param {HTMLElement} zone
 * @param {(files: File[]) => void} onFiles
 * @returns {() => void} no longer
 */
function listening(zone, onFiles) {
  const ending = new AbortController();
  const { signal } = ending;
  const mark = (/** @type {boolean} */ isOver) => zone.classList.toggle("is-over", isOver);
  const over = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    mark(true);
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    mark(false);
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) say(t("try.no_files"), "warning");
    onFiles(files);
  };
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    onFiles(files);
  };
  document.addEventListener("dragover", over, { signal });
  document.addEventListener("dragleave", (event) => void (event.relatedTarget === null && mark(false)), { signal });
  document.addEventListener("drop", drop, { signal });
  document.addEventListener("paste", paste, { signal });
  return () => ending.abort();
}

/**
 * Read at once, so that nothing is lost when the file changes or goes; empty where it cannot be read, as of a folder.
 * @param {File} file
 * @returns {Promise<Photo>}
 */
async function photoOf(file) {
  const name = file.name || t("try.pasted");
  try {
    return { name, blob: new Blob([await file.arrayBuffer()], { type: file.type }) };
  } catch {
    return { name, blob: new Blob([]) };
  }
}
