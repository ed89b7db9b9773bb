// Photos that wait for their answers, the newest first, each on a card of its own; answers follow the moment.

import { fill, h } from "../dom.js";
import { number, t } from "../i18n.js";
import { state } from "../router.js";
import { keyOf } from "../run/answers.js";
import { momentOf } from "../scrubber.js";
import { runPath, SourceError } from "../source/source.js";
import { button, notice } from "../widgets.js";
import { headlineOf, photoCard } from "./try_card.js";
import { intake } from "./try_intake.js";
import { people } from "./try_people.js";
import { samples } from "./try_samples.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {import("./try_card.js").Photo} Photo */

/**
 * @typedef {object} Entry
 * @property {Photo} photo
 * @property {ReturnType<typeof photoCard>} card
 * @property {string} key what its answer depended on; "" where there is none
 * @property {number} turn when it was asked about last
 * @property {boolean} isHopeless no other moment changes what is wrong with it
 */

const MOST_BYTES = 20_000_000;
const HOPELESS = ["bad_data", "too_large"];

/** @type {Map<string, Photo[]>} by run, the newest first: they are still there when the view is opened again */
const shelf = new Map();

/**
 * @param {RunStore} store
 * @returns {import("./try.js").Part}
 */
export function photos(store) {
  const { source, run } = store;
  const facts = store.details?.facts ?? {};
  const isFaces = "people" in facts;
  const kept = shelf.get(run) ?? [];
  shelf.set(run, kept);
  const list = h("ul", { class: "try-cards" });
  const waiting = h("div", {});
  const spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
  const clear = button(t("try.clear"), () => [...entries].forEach(remove), { class: "quiet" });
  /** @type {Entry[]} */
  let entries = [];
  let [turns, changes] = [0, 0];
  let isAsking = false;
  let isClosed = false;

  const known = isFaces ? people(source, run, { onChange: () => changed() }) : null;
  const changed = () => {
    changes += 1;
    ask();
  };
  const enroll = async (/** @type {Photo} */ photo, /** @type {string} */ name) => {
    const person = await source.post(runPath(run, "people"), photo.blob, { name });
    if (!isClosed) known?.refresh();
    changed();
    return person;
  };
  const make = (/** @type {Photo} */ photo) => {
    const card = photoCard(photo, {
      onRemove: () => remove(entry),
      onEnroll: isFaces ? (name) => enroll(photo, name) : null,
      names: known?.names,
    });
    /** @type {Entry} */
    const entry = { photo, card, key: "", turn: 0, isHopeless: false };
    return entry;
  };
  const remove = (/** @type {Entry} */ entry) => {
    const at = entries.indexOf(entry);
    const hadFocus = entry.card.element.contains(document.activeElement);
    entries = entries.filter((one) => one !== entry);
    kept.splice(kept.indexOf(entry.photo), 1);
    entry.card.close();
    entry.card.element.remove();
    clear.hidden = entries.length < 2;
    if (hadFocus) (entries[Math.min(at, entries.length - 1)]?.card ?? taking).focus();
  };
  const put = (/** @type {Entry} */ entry) => {
    entries.unshift(entry);
    list.prepend(entry.card.element);
    clear.hidden = entries.length < 2;
  };
  const take = (/** @type {Photo[]} */ taken) => {
    for (const photo of taken) {
      kept.unshift(photo);
      const entry = make(photo);
      put(entry);
      const problem = problemOf(photo);
      if (problem) refuse(entry, new SourceError("too_large", problem, 413));
    }
    ask();
  };
  const refuse = (/** @type {Entry} */ entry, /** @type {unknown} */ error) => {
    entry.isHopeless = error instanceof SourceError && HOPELESS.includes(error.code);
    const again = () => {
      entry.key = "";
      ask();
    };
    entry.card.fail(error, entry.isHopeless ? undefined : again);
  };
  const answer = async (/** @type {Entry} */ entry, /** @type {string} */ key) => {
    const isFirst = entry.key === "";
    entry.key = key;
    entry.turn = turns += 1;
    entry.card.wait();
    try {
      const said = await source.post(runPath(run, "predict"), entry.photo.blob, { step: momentOf(state()) });
      entry.card.show(said);
      if (isFirst) spoken.textContent = `${entry.photo.name}: ${headlineOf(said)}`;
    } catch (error) {
      refuse(entry, error);
    }
  };
  // One at a time, as the lab answers them: what changes meanwhile is asked about next, and never twice.
  const ask = async () => {
    const isNone = keyOf(store, momentOf(state())) === null;
    // Said once: the view is told of every frame of the training.
    if (isNone !== waiting.hasChildNodes()) fill(waiting, isNone ? notice("info", t("inside.none_yet")) : null);
    if (isAsking) return;
    isAsking = true;
    for (;;) {
      const key = keyOf(store, momentOf(state()));
      const wanted = `${key} ${changes}`;
      const entry = key === null || isClosed ? undefined : nextOf(entries, wanted);
      if (!entry) break;
      await answer(entry, wanted);
    }
    isAsking = false;
  };
  const taking = intake({ onPhotos: take, isFaces, framing: facts["framing"], isHere: !source.can.train });
  [...kept].reverse().forEach((photo) => {
    put(make(photo));
    const problem = problemOf(photo);
    if (problem && entries[0]) refuse(entries[0], new SourceError("too_large", problem, 413));
  });
  clear.hidden = entries.length < 2;
  const mine = h(
    "div",
    { class: "try-mine" },
    taking.element,
    isFaces ? null : samples(store, { onPhoto: (photo) => take([photo]) }),
    waiting,
    spoken,
    h("p", { class: "try-clear" }, clear),
    list,
  );
  return {
    element: h("div", { class: isFaces ? "try-faces" : "try-classes" }, mine, known?.element),
    follow: () => void ask(),
    close() {
      isClosed = true;
      taking.close();
      for (const entry of entries) entry.card.close();
    },
  };
}

/**
 * Whom to ask about next: first what was never answered, the newest first, then what was not asked about for longest.
 * @param {Entry[]} entries
 * @param {string} key
 * @returns {Entry | undefined}
 */
function nextOf(entries, key) {
  const open = entries.filter((entry) => !entry.isHopeless && entry.key !== key);
  return open.find((entry) => entry.key === "") ?? open.sort((a, b) => a.turn - b.turn)[0];
}

/**
 * Why a photo is not even sent.
 * @param {Photo} photo
 * @returns {string | null}
 */
function problemOf({ blob }) {
  const megabytes = (/** @type {number} */ bytes) => number(bytes / 1e6, bytes % 1e6 === 0 ? 0 : 1);
  if (blob.size <= MOST_BYTES) return blob.size === 0 ? t("try.unreadable") : null;
  return t("try.too_large", { most: megabytes(MOST_BYTES), size: megabytes(blob.size) });
}
