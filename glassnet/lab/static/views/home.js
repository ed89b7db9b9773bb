// Home: the three exhibits, each with a picture of its newest run, and all runs of this machine.

import { fill, h } from "../dom.js";
import { exhibit } from "../home/exhibit.js";
import { openForm } from "../home/form.js";
import { runList } from "../home/runs.js";
import { showpieces } from "../home/showpiece.js";
import { t } from "../i18n.js";
import { set, state } from "../router.js";
import { busy, button, errorBox, errorText, newest, say, spinner } from "../widgets.js";

/** @typedef {import("../shell.js").Context} Context */
/** @typedef {import("../source/source.js").Summary} Summary */
/** @typedef {import("../home/properties.js").TaskInfo} TaskInfo */
/** @typedef {{tasks: TaskInfo[], runs: Summary[]}} Home */

const ALIVE = ["starting", "running", "paused"];
const ORDER = ["houses", "cifar10", "faces"];
const LIVE_MS = 2500;
const QUIET_MS = 10_000;

/**
 * @param {Context} context
 * @returns {import("../shell.js").View}
 */
export default function home({ source, go }) {
  const hall = h("div", { class: "exhibits" }, spinner());
  const runs = runList(source, () => look());
  const problem = h("div", {});
  const element = h(
    "div",
    { class: "home" },
    h("h1", {}, t("home.title")),
    h("p", { class: "lead" }, t("home.lead")),
    problem,
    hall,
    source.can.train
      ? h(
          "p",
          { class: "own-folder" },
          h("span", {}, t("home.folder")),
          " ",
          button(t("home.folder_verb"), () => set({ new: "folder" })),
        )
      : null,
    h(
      "section",
      { class: "my-runs", "aria-labelledby": "my-runs" },
      h("h2", { id: "my-runs" }, t("home.runs")),
      runs.element,
    ),
  );
  /** @type {Map<string, ReturnType<typeof exhibit>>} */
  const cards = new Map();
  /** @type {Home | null} */
  let known = null;
  /** @type {ReturnType<typeof openForm> | null} */
  let form = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;
  let isClosed = false;
  const latest = newest();

  const start = async (/** @type {TaskInfo} */ task, /** @type {HTMLButtonElement} */ pressed) => {
    try {
      const { run } = await busy(source.post("/runs", { task: task["name"] }), pressed);
      if (!isClosed) go({ view: "run", run });
    } catch (error) {
      say(errorText(error), "bad");
    }
  };
  const pieces = showpieces(source, () => {
    if (known && !isClosed) showCards(known);
  });
  const showCards = (/** @type {Home} */ home) => {
    for (const task of home.tasks) {
      const run = showpiece(home.runs, task["name"]);
      cards.get(task["name"])?.update(task, { run, ...pieces.of(run?.run) });
    }
  };
  const show = (/** @type {Home} */ home) => {
    known = home;
    fill(problem);
    const inOrder = [...home.tasks].sort((a, b) => ORDER.indexOf(a["name"]) - ORDER.indexOf(b["name"]));
    for (const task of inOrder) {
      const name = task["name"];
      if (!cards.has(name)) {
        cards.set(
          name,
          exhibit(task, { onStart: (pressed) => start(task, pressed), onChoose: () => set({ new: name }) }),
        );
        fill(
          hall,
          [...cards.values()].map((card) => card.element),
        );
      }
    }
    showCards(home);
    pieces.follow(home.tasks.flatMap((task) => showpiece(home.runs, task["name"]) ?? []));
    runs.update(home.runs);
    follow(state());
  };
  const look = () =>
    latest(source.get("/home"), show, (error) => {
      if (!known) fill(hall);
      fill(problem, errorBox(error, look));
    });
  const lookAgain = async () => {
    if (!document.hidden) await look();
    const isLive = known?.runs.some((run) => ALIVE.includes(run.state));
    if (!isClosed) again = setTimeout(lookAgain, isLive ? LIVE_MS : QUIET_MS);
  };
  const follow = (/** @type {Record<string, string>} */ values) => {
    if (values["new"] && !form && known) {
      form = openForm(source, known.tasks, known.runs);
      form.closed.then(() => void (form = null));
    }
    if (!values["new"]) form?.close();
  };
  lookAgain();
  return {
    element,
    update: follow,
    close() {
      isClosed = true;
      clearTimeout(again);
      form?.close();
      for (const card of cards.values()) card.close();
    },
  };
}

/**
 * The run that an exhibit shows: one that is training, else the newest that has pictures, else the newest.
 * @param {Summary[]} runs the newest first
 * @param {string} task
 */
function showpiece(runs, task) {
  const own = runs.filter((run) => run.task === task).sort((a, b) => b.changed_at - a.changed_at);
  return own.find((run) => ALIVE.includes(run.state)) ?? own.find((run) => run.thumbnail) ?? own[0];
}
