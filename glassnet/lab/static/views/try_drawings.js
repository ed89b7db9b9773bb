// New drawings: sixteen of a seed, and how each came out of noise.

import { fill, h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { set, state } from "../router.js";
import { keyOf } from "../run/answers.js";
import { momentOf } from "../scrubber.js";
import { runPath } from "../source/source.js";
import { drawPixels } from "../tiles.js";
import { button, errorBox, field, notice, slider, spinner } from "../widgets.js";
import { sketch } from "./try_sketch.js";

/** @typedef {import("../store.js").RunStore} RunStore */
/** @typedef {import("../source/source.js").Pixels} Pixels */
/** @typedef {{step: number, times: number[], frames: Pixels[]}} Walk */

const NUM = 16;
const MOST_SEED = 2 ** 31 - 1;
const FILM_MS = 150;
const NUM_IN_STRIP = 17;

/**
 * The seed is the key `seed` of the page's state.
 * @param {RunStore} store
 * @returns {import("./try.js").Part}
 */
export function drawings(store) {
  const place = h("div", { class: "try-walk" }, spinner());
  const told = h("p", { class: "soft", "aria-live": "polite" });
  const choice = seedChoice();
  /** @type {ReturnType<typeof stage> | null} */
  let shown = null;
  let key = "";
  let [isAsking, isClosed, isToldNone] = [false, false, false];

  const wanted = () => {
    const of = keyOf(store, momentOf(state()));
    return of === null ? null : `${seedOf()} ${of}`;
  };
  // One at a time: while a walk is computed, only the newest wish is remembered.
  const ask = async () => {
    choice.show();
    // Said once: the view is told of every frame of the training.
    if (wanted() === null && !shown && !isToldNone) fill(place, notice("info", t("inside.none_yet")));
    isToldNone = wanted() === null;
    if (isAsking) return;
    isAsking = true;
    for (let next = wanted(); next !== null && next !== key && !isClosed; next = wanted()) {
      const isNewSeed = next.split(" ")[0] !== key.split(" ")[0];
      key = next;
      place.setAttribute("aria-busy", "true");
      try {
        const walk = await store.source.get(runPath(store.run, "drawings"), {
          seed: seedOf(next),
          num: NUM,
          step: momentOf(state()),
        });
        if (!isClosed) show(walk, isNewSeed);
      } catch (error) {
        if (!isClosed) fail(error);
      }
      place.removeAttribute("aria-busy");
    }
    isAsking = false;
  };
  const show = (/** @type {Walk} */ walk, /** @type {boolean} */ isNewSeed) => {
    const before = shown;
    if (!before || !place.contains(before.element)) {
      shown = stage(walk);
      fill(place, shown.element);
    } else before.show(walk);
    told.textContent = t("try.drawn", { seed: number(seedOf(key)), step: number(walk.step) });
    if (isNewSeed && !matchMedia("(prefers-reduced-motion: reduce)").matches) shown?.play();
  };
  const fail = (/** @type {unknown} */ error) => {
    shown?.close();
    shown = null;
    const again = () => {
      key = "";
      void ask();
    };
    fill(place, errorBox(error, again));
  };
  return {
    element: h("div", { class: "try-houses" }, choice.element, told, place, store.source.can.sketch ? sketch(store) : null),
    follow: () => void ask(),
    close() {
      isClosed = true;
      shown?.close();
    },
  };
}

/** The seed that the address asks for, or that a key was made of. */
function seedOf(/** @type {string} */ text = state()["seed"] ?? "0") {
  const seed = Number.parseInt(text, 10);
  return Number.isInteger(seed) && seed >= 0 && seed <= MOST_SEED ? seed : 0;
}

function seedChoice() {
  const input = h("input", { type: "number", min: 0, max: MOST_SEED, step: 1, class: "try-seed" });
  const choose = (/** @type {number} */ seed) => set({ seed });
  const previous = button(t("try.before"), () => choose(seedOf() - 1), { class: "quiet" });
  const more = button(t("try.more", { n: number(NUM) }), () => choose((seedOf() + 1) % (MOST_SEED + 1)), {
    class: "primary",
  });
  input.addEventListener("change", () => choose(seedOf(input.value)));
  const show = () => {
    if (document.activeElement !== input || Number(input.value) !== seedOf()) input.value = String(seedOf());
    previous.disabled = seedOf() === 0;
  };
  const element = h(
    "div",
    { class: "try-seeds" },
    field(t("try.seed"), input, t("try.seed_hint")),
    h("p", { class: "buttons" }, more, previous),
  );
  return { element, show };
}

/**
 * The drawings at one moment of their walk: all of them, one large, and its way as a film strip.
 * @param {Walk} first
 */
function stage(first) {
  let walk = first;
  const last = () => walk.frames.length - 1;
  let [at, chosen] = [last(), 0];
  /** @type {ReturnType<typeof setInterval> | null} */
  let film = null;
  const wall = h("div", { class: "try-wall" });
  const large = h("div", { class: "try-large" });
  const strip = h("div", { class: "try-strip", role: "group", "aria-label": t("try.strip") });
  const way = slider({
    label: t("try.walk"),
    min: 0,
    max: last(),
    step: 1,
    value: at,
    format: (value) => t("try.walk_at", { n: number(value), num: number(last()) }),
    onInput: (value) => {
      stop();
      go(value);
    },
  });
  const player = button("▶", () => (film ? stop() : play()), { class: "film", "aria-label": t("try.play") });

  const drawn = (/** @type {number} */ frame, /** @type {number} */ i) => {
    const pixels = walk.frames[frame];
    return pixels ? drawPixels(pixels, i) : null;
  };
  const cells = Array.from({ length: first.frames[0]?.shape[0] ?? 0 }, (_, i) => {
    const pick = () => {
      chosen = i;
      draw();
      drawStrip();
    };
    return h("button", { type: "button", on: { click: pick }, "aria-label": t("try.drawing", { n: number(i + 1) }) });
  });
  const draw = () => {
    cells.forEach((cell, i) => {
      fill(cell, drawn(at, i));
      cell.setAttribute("aria-pressed", String(i === chosen));
    });
    const canvas = drawn(at, chosen);
    canvas?.setAttribute("role", "img");
    const values = { n: number(chosen + 1), at: number(at), num: number(last()) };
    canvas?.setAttribute("aria-label", t("try.drawing_at", values));
    fill(large, canvas);
    stops.forEach((frame, k) => strip.children[k]?.setAttribute("aria-pressed", String(frame === at)));
  };
  const stops = stopsOf(last());
  const drawStrip = () => {
    const one = (/** @type {number} */ frame) =>
      h(
        "button",
        {
          type: "button",
          "aria-label": t("try.frame", { n: number(frame), num: number(last()) }),
          "aria-pressed": String(frame === at),
          on: { click: () => (stop(), go(frame)) },
        },
        drawn(frame, chosen),
        h("span", {}, ltr(number(frame))),
      );
    fill(strip, stops.map(one));
  };
  const go = (/** @type {number} */ frame) => {
    at = Math.round(frame);
    way.set(at);
    draw();
    const cell = strip.querySelector('[aria-pressed="true"]');
    // Only the strip scrolls, never the page.
    if (cell instanceof HTMLElement) strip.scrollLeft = cell.offsetLeft - (strip.clientWidth - cell.offsetWidth) / 2;
  };
  const stop = () => {
    if (film) clearInterval(film);
    film = null;
    player.textContent = "▶";
    player.setAttribute("aria-label", t("try.play"));
  };
  const play = () => {
    stop();
    go(0);
    player.textContent = "❚❚";
    player.setAttribute("aria-label", t("try.pause"));
    film = setInterval(() => {
      go(at + 1);
      if (at >= last()) stop();
    }, FILM_MS);
  };
  fill(wall, cells);
  drawStrip();
  draw();
  const element = h(
    "div",
    { class: "try-stage" },
    wall,
    h(
      "div",
      { class: "try-one" },
      large,
      h("div", { class: "try-way" }, player, way.element),
      h("p", { class: "hint" }, t("try.walk_hint")),
    ),
    strip,
  );
  return {
    element,
    play,
    show(/** @type {Walk} */ next) {
      walk = next;
      at = Math.min(at, last());
      drawStrip();
      go(at);
    },
    close: stop,
  };
}

/**
 * Which frames the film strip has: the first, the last, and some between, equally far apart.
 * @param {number} last
 * @returns {number[]}
 */
function stopsOf(last) {
  const num = Math.min(NUM_IN_STRIP, last + 1);
  return Array.from({ length: num }, (_, k) => (num === 1 ? last : Math.round((k * last) / (num - 1))));
}
