// The card of one photo: what it is, what the network saw of it, and what it answered.

import { fill, h, ltr } from "../dom.js";
import { count, number, percent, t } from "../i18n.js";
import { drawPixels } from "../tiles.js";
import { busy, button, errorBox, freshId, notice, spinner } from "../widgets.js";

/** @typedef {{name: string, blob: Blob}} Photo */
/** @typedef {{number: number, name: string, probability: number}} Said */
/** @typedef {{number: number, name: string, photos: number, looks_like: string | null}} Enrolled */

/**
 * @typedef {object} Answer
 * @property {number} step
 * @property {Said[]} answers the likeliest first
 * @property {boolean} is_unknown
 * @property {string | null} nearest
 * @property {number} [score] of faces, how alike the nearest known one is
 * @property {number | null} threshold from which on a face counts as known
 * @property {import("../source/source.js").Pixels} seen
 */

const SEEN_PX = 160;

/**
 * @param {Photo} photo
 * @param {object} how
 * @param {() => void} how.onRemove
 * @param {((name: string) => Promise<Enrolled>) | null} how.onEnroll null where nobody can be enrolled
 * @param {HTMLElement} [how.names] a list of names that are known
 */
export function photoCard(photo, { onRemove, onEnroll, names }) {
  const address = URL.createObjectURL(photo.blob);
  const title = freshId();
  const image = h("img", { src: address, alt: t("try.photo", { name: photo.name }), decoding: "async" });
  const picture = h("figure", { class: "try-photo" }, image, h("figcaption", {}, t("try.your_photo")));
  image.addEventListener("error", () => image.replaceWith(h("p", { class: "try-no-photo soft" }, t("try.no_preview"))));
  const seen = h("figure", { class: "try-seen" });
  const told = h("div", { class: "try-told" }, h("p", { class: "soft try-queued" }, t("try.queued")));
  const enrolling = onEnroll ? enrollment(onEnroll, names) : null;
  if (enrolling) enrolling.hidden = true;
  const close = button("✕", onRemove, { class: "quiet close", "aria-label": t("try.remove", { name: photo.name }) });
  const element = h(
    "li",
    { class: "try-card panel", "aria-labelledby": title },
    h("header", {}, h("h2", { id: title }, h("bdi", {}, photo.name)), close),
    h("div", { class: "try-pictures" }, picture, seen),
    h("div", { class: "try-answer" }, told, enrolling),
  );
  let isAnswered = false;
  return {
    element,
    focus: () => close.focus(),
    wait() {
      element.setAttribute("aria-busy", "true");
      if (!isAnswered) fill(told, spinner());
    },
    show(/** @type {Answer} */ answer) {
      isAnswered = true;
      element.removeAttribute("aria-busy");
      fill(seen, ...seenOf(answer));
      fill(told, ...answerOf(answer, onEnroll !== null));
      if (enrolling) enrolling.hidden = false;
    },
    fail(/** @type {unknown} */ error, /** @type {(() => void) | undefined} */ onRetry) {
      isAnswered = false;
      element.removeAttribute("aria-busy");
      fill(seen);
      fill(told, errorBox(error, onRetry));
    },
    close: () => URL.revokeObjectURL(address),
  };
}

/**
 * The answer in one line.
 * @param {Answer} answer
 */
export function headlineOf(answer) {
  const [first] = answer.answers;
  if (answer.is_unknown) return t("try.unknown");
  return first ? `${first.name}, ${percent(first.probability)}` : t("try.nobody");
}

/** @param {Answer} answer */
function seenOf({ seen }) {
  const [, , height, width] = seen.shape;
  const canvas = drawPixels(seen, 0, { scale: Math.max(1, Math.round(SEEN_PX / height)) });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", t("try.seen_label", { width: number(width), height: number(height) }));
  return [canvas, h("figcaption", {}, t("try.seen"), " ", ltr(`${number(width)} × ${number(height)}`))];
}

/**
 * @param {Answer} answer
 * @param {boolean} isFaces
 */
function answerOf(answer, isFaces) {
  const [first] = answer.answers;
  const name = answer.is_unknown ? t("try.unknown") : (first?.name ?? t("try.nobody"));
  const headline = h("p", { class: "try-headline" }, h("bdi", {}, name));
  if (answer.is_unknown) headline.prepend(h("span", { class: "try-sign", "aria-hidden": "true" }, "?"));
  const about = [];
  if (isFaces && first && !answer.is_unknown) about.push(t("try.number", { n: number(first.number) }));
  if (answer.is_unknown && answer.nearest) about.push(t("try.nearest", { name: isolated(answer.nearest) }));
  if (answer.score !== undefined && answer.threshold !== null) {
    about.push(t("try.score", { score: number(answer.score, 2), threshold: number(answer.threshold, 2) }));
  }
  if (isFaces && answer.threshold === null) about.push(t("try.of_training"));
  return [
    headline,
    about.map((line) => h("p", { class: "try-about" }, line)),
    answer.answers.length ? h("ol", { class: "try-bars" }, answer.answers.map(barOf)) : null,
    h("p", { class: "soft" }, t("scrubber.at_step", { step: number(answer.step) })),
  ];
}

/** @param {Said} said */
function barOf({ name, probability }) {
  const bar = h("span", { class: "try-bar" });
  bar.style.inlineSize = `${100 * probability}%`;
  return h(
    "li",
    {},
    h("span", { class: "try-bar-name" }, h("bdi", {}, name)),
    h("span", { class: "try-bar-track", "aria-hidden": "true" }, bar),
    h("span", { class: "try-bar-share" }, ltr(percent(probability, 1))),
  );
}

/**
 * "This is …": the photo lets the network know somebody from now on.
 * @param {(name: string) => Promise<Enrolled>} onEnroll
 * @param {HTMLElement} [names]
 */
function enrollment(onEnroll, names) {
  const id = freshId();
  const input = h("input", { type: "text", id, required: true, maxlength: 200, autocomplete: "off", dir: "auto" });
  if (names) input.setAttribute("list", names.id);
  const send = h("button", { type: "submit", class: "button" }, t("try.enroll"));
  const said = h("div", { class: "try-said" });
  const submit = async () => {
    try {
      const person = await busy(onEnroll(input.value), send);
      input.value = "";
      fill(said, ...enrolledOf(person));
    } catch (error) {
      fill(said, errorBox(error));
    }
  };
  const form = h(
    "form",
    { class: "try-enroll" },
    h("label", { for: id }, t("try.this_is")),
    h("div", { class: "try-enroll-row" }, input, send),
    said,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
  return form;
}

/** @param {Enrolled} person */
function enrolledOf(person) {
  const values = { name: isolated(person.name), number: number(person.number) };
  return [
    notice("good", count("try.enrolled", person.photos, values)),
    person.looks_like === null
      ? null
      : notice("warning", t("try.looks_like", { ...values, other: isolated(person.looks_like) })),
  ];
}

/** A name within a sentence, whichever way each is written. */
function isolated(/** @type {string} */ name) {
  return `\u2068${name}\u2069`;
}
