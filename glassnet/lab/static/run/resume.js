// Going on with a training that has ended: a dialog that asks for how long.

import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { runPath } from "../source/source.js";
import { busy, button, dialog, errorBox, field, select } from "../widgets.js";

/** @typedef {import("../source/source.js").Source} Source */

/** @typedef {{step: number, elapsedS: number}} Reached budgets count from the beginning of a training */

const UNITS = ["minutes", "steps"];

/**
 * @param {Source} source
 * @param {string} run
 * @param {Reached} reached
 * @returns {Promise<boolean>} whether it goes on
 */
export async function resume(source, run, reached) {
  const amount = h("input", { type: "number", dir: "ltr", min: 0, step: "any", value: "2" });
  const unit = select({ value: "minutes", options: UNITS.map((name) => [name, t(`form.${name}`)]) });
  unit.setAttribute("aria-label", t("form.budget_unit"));
  const errors = h("div", {});
  let goesOn = false;
  const start = button(t("resume.verb"), () => send(), { class: "primary" });
  const send = async () => {
    try {
      const before = unit.value === "steps" ? reached.step : reached.elapsedS / 60;
      await busy(source.post(runPath(run, "resume"), { [unit.value]: before + Number(amount.value) }), start);
      goesOn = true;
      opened.close();
    } catch (error) {
      fill(errors, errorBox(error));
    }
  };
  const length = field(t("resume.amount"), h("div", { class: "amount" }, amount, unit));
  const form = h(
    "form",
    { class: "start-form" },
    h("p", {}, t("resume.text")),
    length,
    errors,
    h("p", { class: "buttons" }, start),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  const opened = dialog(t("resume.title"), form);
  amount.select();
  await opened.closed;
  return goesOn;
}
