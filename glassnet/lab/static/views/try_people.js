// Whom a network of faces knows, and whom it is to forget.

import { fill, h, ltr } from "../dom.js";
import { count, number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { busy, button, confirmed, errorBox, errorText, freshId, newest, say, spinner } from "../widgets.js";

/** @typedef {import("../source/source.js").Source} Source */
/** @typedef {{number: number, name: string, source: string, photos: number, is_outdated: boolean}} Person */

const MANY = 12;

/**
 * @param {Source} source
 * @param {string} run
 * @param {{onChange: () => void}} how called when somebody was forgotten
 */
export function people(source, run, { onChange }) {
  const title = freshId();
  const names = h("datalist", { id: freshId() });
  const told = h("p", { class: "soft" });
  const list = h("ul", { class: "try-people-list", tabindex: 0, "aria-labelledby": title });
  const search = h("input", { type: "search", placeholder: t("try.search"), "aria-label": t("try.search") });
  const place = h("div", {}, spinner());
  const heading = h("h2", { id: title, tabindex: -1 }, t("try.people"));
  const latest = newest();
  /** @type {Person[]} */
  let known = [];

  const draw = () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    const found = known.filter((person) => person.name.toLocaleLowerCase().includes(wanted));
    search.hidden = known.length <= MANY;
    told.textContent = count("try.num_people", known.length);
    fill(list, found.map((person) => rowOf(person, forget)));
    if (found.length === 0) fill(list, h("li", { class: "soft" }, t("try.nobody_found")));
  };
  const refresh = () =>
    latest(
      source.get(runPath(run, "people")),
      (answer) => {
        known = ordered(answer.people);
        fill(names, known.map((person) => h("option", { value: person.name })));
        draw();
        fill(place, told, search, list);
      },
      (error) => fill(place, errorBox(error, refresh)),
    );
  const forget = async (/** @type {Person} */ person, /** @type {HTMLButtonElement} */ pressed) => {
    const text = t(person.source === "trained" ? "try.forget_trained" : "try.forget_enrolled");
    if (!(await confirmed(t("try.forget_title", { name: `\u2068${person.name}\u2069` }), text, t("try.forget")))) return;
    try {
      await busy(source.del(runPath(run, "people"), { name: person.name }), pressed);
      say(t("try.forgotten", { name: `\u2068${person.name}\u2069` }), "good");
      await refresh();
      heading.focus({ preventScroll: true });
      onChange();
    } catch (error) {
      say(errorText(error), "bad");
    }
  };
  search.addEventListener("input", draw);
  refresh();
  const element = h("section", { class: "try-people panel", "aria-labelledby": title }, heading, names, place);
  return { element, names, refresh };
}

/**
 * Who was enrolled here comes first, the newest at the top; then those of the training.
 * @param {Person[]} all
 */
function ordered(all) {
  const enrolled = all.filter((person) => person.source === "enrolled").sort((a, b) => b.number - a.number);
  const trained = all.filter((person) => person.source !== "enrolled").sort((a, b) => a.number - b.number);
  return [...enrolled, ...trained];
}

/**
 * @param {Person} person
 * @param {(person: Person, pressed: HTMLButtonElement) => void} onForget
 */
function rowOf(person, onForget) {
  const forget = button(t("try.forget"), () => onForget(person, forget), {
    class: "quiet",
    "aria-label": t("try.forget_person", { name: person.name }),
  });
  const how = t(person.source === "enrolled" ? "try.source_enrolled" : "try.source_trained");
  return h(
    "li",
    {},
    h("span", { class: "try-person-number" }, ltr(number(person.number))),
    h(
      "span",
      { class: "try-person" },
      h("span", { class: "try-person-name" }, h("bdi", {}, person.name)),
      h("span", { class: "soft" }, `${count("try.num_photos", person.photos)} · ${how}`),
      person.is_outdated ? h("span", { class: "try-outdated" }, `! ${t("try.outdated")}`) : null,
    ),
    forget,
  );
}
