// A slider that nudges the weight, and the loss answering.

import { lineChart } from "../chart.js";
import { fill, h, ltr } from "../dom.js";
import { number, t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { button, errorText, newest, slider } from "../widgets.js";
import { signed } from "./path.js";
import { chapter } from "./story.js";

const WAIT_MS = 60; // between two questions while the slider moves

/**
 * @param {import("../store.js").RunStore} store
 * @param {import("./story.js").Story} story
 * @param {number | null} step
 */
export function nudgeCard(store, story, step) {
  const { value: values, loss: losses } = story.curve;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const chart = lineChart({
    title: t("weight.curve"),
    xLabel: t("weight.value"),
    series: [
      { label: t("weight.loss"), color: "--accent", format: (loss) => number(loss, 6) },
      { label: t("weight.tangent"), color: "--series-5", dash: [6, 4], format: (loss) => number(loss, 6) },
    ],
    description: t("weight.curve_label", { loss: number(story.loss, 4), value: number(story.value, 4) }),
    heightRem: 15,
  });
  const tangent = values.map((value) => story.loss + story.slope_by_backpropagation * (value - story.value));
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const margin = (most - least) * 0.3;
  chart.update(values, [losses, tangent.map((loss) => (loss < least - margin || loss > most + margin ? null : loss))]);
  const answer = h("p", { class: "weight-answer", "aria-live": "polite" });
  const latest = newest();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  // The slider moves in larger steps than a nudge is.
  let now = story.value;

  const tell = (/** @type {number} */ value, /** @type {number | null} */ loss) => {
    chart.setCursor(value);
    const by = loss === null ? null : loss - story.loss;
    fill(
      answer,
      h("span", {}, t("weight.now"), " ", ltr(number(value, 5))),
      h("strong", {}, t("weight.loss"), " ", ltr(number(loss, 8))),
      by === null ? null : changeOf(by),
    );
  };
  const ask = (/** @type {number} */ value) => {
    now = value;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const params = { name: story.weight, value: String(value), step, batch_size: story.batch_size };
      const asked = store.source.get(runPath(store.run, "weight", "loss"), params);
      void latest(
        asked,
        (found) => tell(found.value, found.loss),
        (error) => void fill(answer, errorText(error)),
      );
    }, WAIT_MS);
  };
  const range = { min: low, max: high, value: story.value };
  const knob = slider({ label: t("weight.slider"), ...range, format: (x) => number(x, 5), onInput: ask });
  const nudge = (/** @type {number} */ by) => () => {
    const value = by === 0 ? story.value : now + by;
    knob.set(value);
    ask(value);
  };
  tell(story.value, story.loss);
  const canAsk = store.source.can.steer || store.source.can.upload;
  const element = chapter(
    t("weight.nudge"),
    h("p", {}, t("weight.nudge_lead")),
    knob.element,
    canAsk
      ? h(
          "p",
          { class: "buttons" },
          button(ltr(`− ${story.epsilon}`), nudge(-story.epsilon)),
          button(ltr(`+ ${story.epsilon}`), nudge(story.epsilon)),
          button(t("weight.back"), nudge(0), { class: "quiet" }),
        )
      : null,
    answer,
    chart.element,
  );
  const close = () => {
    clearTimeout(waiting);
    chart.close();
  };
  return { element, close };
}

/** @param {number} by how much the loss is another */
function changeOf(by) {
  if (by === 0) return h("span", { class: "soft" }, t("weight.same"));
  return h("span", { class: by > 0 ? "up" : "down" }, ltr(`${by > 0 ? "▲" : "▼"} ${signed(by)}`));
}
