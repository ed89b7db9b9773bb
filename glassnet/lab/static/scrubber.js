// Back and forth through a training: a range over the moments whose weights were kept, with "newest" at its end.

import { h } from "./dom.js";
import { number, t } from "./i18n.js";
import { set, state } from "./router.js";
import { button } from "./widgets.js";

const FILM_MS = 350;

/**
 * The moment is the key `step` of the page's state; without it, the newest.
 * @param {import("./store.js").RunStore} store
 * @param {{onMoment: (step: number | null) => void, hasFilm?: boolean, steps?: () => number[]}} how
 *   onMoment: called when another moment is chosen. steps: the moments, where they are not those with kept weights.
 * @returns {{element: HTMLElement, step: () => number | null, update: () => void, close: () => void}}
 */
export function scrubber(store, { onMoment, hasFilm = true, steps = () => store.moments }) {
  const range = h("input", {
    type: "range",
    min: 0,
    step: 1,
    class: "scrubber-range",
    "aria-label": t("scrubber.label"),
  });
  const output = h("output", { class: "scrubber-step" });
  const newest = button(t("scrubber.newest"), () => choose(null), { class: "quiet" });
  const film = button("▶", () => (playing ? stop() : play()), {
    class: "quiet film",
    "aria-label": t("scrubber.film"),
  });
  /** @type {ReturnType<typeof setInterval> | null} */
  let playing = null;
  let told = momentOf(state());

  const choose = (/** @type {number | null} */ step) => set({ step });
  const show = () => {
    const [moments, step] = [steps(), momentOf(state())];
    range.max = String(moments.length);
    const at = step === null ? moments.length : indexAtOrBefore(moments, step);
    range.value = String(at);
    const isNewest = at >= moments.length;
    const shown = moments[at];
    const text =
      isNewest || shown === undefined
        ? t("scrubber.at_newest", { step: number(store.step) })
        : t("scrubber.at_step", { step: number(shown) });
    if (output.textContent !== text) output.textContent = text;
    range.setAttribute("aria-valuetext", text);
    range.disabled = moments.length === 0;
    newest.disabled = isNewest;
    film.disabled = moments.length < 2;
    if (step === told) return;
    told = step;
    onMoment(step);
  };
  const play = () => {
    if (Number(range.value) >= steps().length) choose(steps()[0] ?? null);
    film.textContent = "❚❚";
    film.setAttribute("aria-label", t("scrubber.pause_film"));
    playing = setInterval(() => {
      const next = Number(range.value) + 1;
      choose(steps()[next] ?? null);
      if (next >= steps().length) stop();
    }, FILM_MS);
  };
  const stop = () => {
    if (playing) clearInterval(playing);
    playing = null;
    film.textContent = "▶";
    film.setAttribute("aria-label", t("scrubber.film"));
  };
  range.addEventListener("input", () => {
    stop();
    choose(steps()[Number(range.value)] ?? null);
  });
  const off = store.subscribe(show);
  const element = h(
    "div",
    { class: "scrubber", role: "group", "aria-label": t("scrubber.group") },
    hasFilm ? film : null,
    range,
    output,
    newest,
  );
  show();
  const close = () => {
    stop();
    off();
  };
  return { element, step: () => momentOf(state()), update: show, close };
}

/**
 * The moment that the state of the page asks for; null is the newest.
 * @param {Record<string, string>} values
 * @returns {number | null}
 */
export function momentOf(values) {
  const step = Number(values["step"] ?? NaN);
  return Number.isInteger(step) && step >= 0 ? step : null;
}

/**
 * @param {number[]} moments in order
 * @param {number} step
 * @returns {number} of the last one at or before the step, else 0
 */
export function indexAtOrBefore(moments, step) {
  let found = 0;
  moments.forEach((moment, i) => {
    if (moment <= step) found = i;
  });
  return found;
}
