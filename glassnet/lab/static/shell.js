// The frame around the views: header, navigation, language, looks, and the switch from one view to another.

import { fill, h, ltr } from "./dom.js";
import { direction, language, LANGUAGES, t } from "./i18n.js";
import { link, onState, set, state } from "./router.js";
import { setLarge, setTheme, theme } from "./theme.js";
import { button, errorBox, notice, select, spinner } from "./widgets.js";

/** @typedef {import("./router.js").State} State */
/** @typedef {import("./source/source.js").Source} Source */
/** @typedef {{element: HTMLElement, update?: (state: State) => void, close?: () => void}} View */

/**
 * @typedef {object} Context what a view is given
 * @property {Source} source
 * @property {State} state
 * @property {typeof t} t
 * @property {typeof import("./router.js").go} go
 * @property {typeof set} set
 */

/** @typedef {(context: Context) => View} MakeView */

const RUN_VIEWS = ["run", "inside", "weight", "try"];
const PAGES = ["home", "race", "compare", "how"];

/** The name of the view that a state asks for. */
export function viewOf(/** @type {State} */ values) {
  return values["view"] ?? (values["run"] ? "run" : "home");
}

/**
 * Build the page, and show the view that the address asks for, now and whenever it changes.
 * @param {object} how
 * @param {Source} how.source
 * @param {Record<string, () => Promise<MakeView>>} how.views by name
 * @param {typeof import("./router.js").go} how.go
 * @param {(code: string) => Promise<void>} how.onLanguage loads the texts of a language
 * @param {string} [how.lab] the address of the lab, for pages that are not its own
 */
export function startPage({ source, views, go, onLanguage, lab }) {
  const header = h("header", { class: "page-header" });
  const connection = h("div", { id: "connection", role: "status" });
  const main = h("main", { id: "main", tabindex: -1 });
  const skip = h("a", { class: "skip", href: "#main" });
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    main.focus();
  });
  const messages = h("div", { id: "messages", "aria-live": "polite" });
  fill(document.body, skip, header, connection, main, messages);

  /** @type {{key: string, view: View | null, asked: number}} */
  const shown = { key: "", view: null, asked: 0 };
  const dress = () => {
    const values = state();
    document.documentElement.lang = language();
    document.documentElement.dir = direction();
    skip.textContent = t("nav.skip");
    fill(header, ...headerOf(values, views, onLanguage, lab));
    const name = viewOf(values);
    const title = views[name] ? t(`nav.${name}`) : t("nav.unknown");
    const run = RUN_VIEWS.includes(name) ? values["run"] : undefined;
    document.title = [title, run, t("app.name")].filter(Boolean).join(" · ");
  };
  const follow = async (/** @type {State} */ values) => {
    const key = [viewOf(values), values["run"], language()].join("\n");
    if (key === shown.key) return void shown.view?.update?.(values);
    const isFirst = shown.key === "";
    shown.key = key;
    shown.view?.close?.();
    shown.view = null;
    dress();
    fill(main, spinner());
    const asked = (shown.asked += 1);
    const view = await made(views[viewOf(values)], { source, state: values, t, go, set });
    // Another view may have been asked for meanwhile.
    if (asked !== shown.asked) return void view.close?.();
    shown.view = view;
    fill(main, view.element);
    main.dataset["view"] = viewOf(values);
    scrollTo(0, 0);
    if (!isFirst) focusHeading(main);
  };
  onState((values) => {
    if (!values["lang"] || values["lang"] === language()) return void follow(values);
    onLanguage(values["lang"]).then(() => follow(state()));
  });
  follow(state());
  return { setConnection: (/** @type {Kind} */ kind) => showConnection(connection, kind) };
}

/**
 * @param {(() => Promise<MakeView>) | undefined} load
 * @param {Context} context
 * @returns {Promise<View>}
 */
async function made(load, context) {
  if (!load) return { element: h("div", {}, h("h1", {}, t("nav.unknown")), notice("info", t("nav.unknown_text"))) };
  try {
    return (await load())(context);
  } catch (error) {
    console.error(error);
    return { element: h("div", {}, h("h1", {}, t("common.failed")), errorBox(error)) };
  }
}

/** @param {HTMLElement} main */
function focusHeading(main) {
  const heading = main.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
}

/**
 * @param {State} values
 * @param {Record<string, unknown>} views
 * @param {(code: string) => Promise<void>} onLanguage
 * @param {string} [lab]
 */
function headerOf(values, views, onLanguage, lab) {
  const name = viewOf(values);
  const pages = PAGES.filter((page) => views[page]);
  const entry = (/** @type {import("./router.js").Change} */ to, /** @type {string} */ page) => {
    const element = link({ ...to, class: "nav-link" }, t(`nav.${page}`));
    if (page === name) element.setAttribute("aria-current", "page");
    return h("li", {}, element);
  };
  const run = values["run"];
  const tabs =
    run && RUN_VIEWS.includes(name)
      ? h(
          "nav",
          { class: "run-nav", "aria-label": t("nav.of_run") },
          h("span", { class: "run-name" }, ltr(run)),
          h(
            "ul",
            {},
            RUN_VIEWS.filter((page) => views[page]).map((page) =>
              entry({ view: page, run }, page),
            ),
          ),
        )
      : null;
  const top = h(
    "div",
    { class: "header-row" },
    link({ view: pages[0] ?? name, class: "brand" }, mark(), h("span", {}, t("app.name"))),
    lab ? h("a", { class: "nav-link", href: lab }, t("nav.lab")) : null,
    pages.length > 1
      ? h(
          "nav",
          { class: "main-nav", "aria-label": t("nav.main") },
          h(
            "ul",
            {},
            pages.map((page) => entry({ view: page }, page)),
          ),
        )
      : null,
    h("div", { class: "looks" }, languageSwitch(onLanguage), themeSwitch(), sizeSwitch(values)),
  );
  return tabs ? [top, tabs] : [top];
}

/** Two layers of a network, seen through each other. */
function mark() {
  return h("span", { class: "mark", "aria-hidden": "true" });
}

/** @param {(code: string) => Promise<void>} onLanguage */
function languageSwitch(onLanguage) {
  const others = LANGUAGES.filter((one) => one.code !== language());
  return others.map((one) =>
    button(
      one.name,
      async () => {
        await onLanguage(one.code);
        set({ lang: one.code });
      },
      { class: "quiet", lang: one.code, "aria-label": t("looks.language", { name: one.name }) },
    ),
  );
}

function themeSwitch() {
  const options = ["auto", "light", "dark"].map((key) => /** @type {[string, string]} */ ([key, t(`looks.${key}`)]));
  const element = select({ value: theme(), options, onChange: setTheme });
  element.setAttribute("aria-label", t("looks.theme"));
  return element;
}

/** @param {State} values */
function sizeSwitch(values) {
  const toggle = button(
    t("looks.large"),
    () => {
      const isLarge = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(isLarge));
      setLarge(isLarge);
      set({ size: isLarge ? "large" : null });
    },
    { class: "quiet", "aria-pressed": String(values["size"] === "large"), title: t("looks.large_hint") },
  );
  return toggle;
}

/** @typedef {import("./source/server.js").Connection} Kind */

/**
 * @param {HTMLElement} place
 * @param {Kind} kind
 */
function showConnection(place, kind) {
  if (kind === "connected") return void fill(place);
  const box = notice(kind === "refused" ? "bad" : "warning", h("p", {}, t(`connection.${kind}`)));
  box.removeAttribute("role");
  fill(place, box);
}
