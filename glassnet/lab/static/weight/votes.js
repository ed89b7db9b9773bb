// The slope as a vote: what each example says of the weight, up where it would lower it, down where it would raise it.

import { h, svg } from "../dom.js";
import { number, t } from "../i18n.js";
import { signed } from "./path.js";

const [WIDTH, HEIGHT, GAP] = [640, 120, 2];

/** @param {number[]} byExample */
export function votes(byExample) {
  const most = Math.max(...byExample.map(Math.abs)) || 1;
  const pitch = WIDTH / byExample.length;
  const bars = byExample.map((vote, i) => {
    const height = Math.max(1, (Math.abs(vote) / most) * (HEIGHT / 2 - 1));
    const at = { x: i * pitch + GAP / 2, y: vote > 0 ? HEIGHT / 2 - height : HEIGHT / 2 };
    const title = svg("title", {}, `${t("weight.example", { n: number(i) })}: ${signed(vote)}`);
    const sign = vote > 0 ? "positive" : "negative";
    return svg("rect", { ...at, width: Math.max(1, pitch - GAP), height, class: `weight-vote ${sign}` }, title);
  });
  const lowering = byExample.filter((vote) => vote > 0).length;
  const raising = byExample.filter((vote) => vote < 0).length;
  const sides = { lower: number(lowering), raise: number(raising) };
  const told = t("weight.votes_told", { num: number(byExample.length), ...sides });
  const middle = svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2, class: "weight-vote-line" });
  const how = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "weight-votes" };
  return h(
    "figure",
    { class: "weight-votes-figure" },
    h("figcaption", {}, h("h3", {}, t("weight.votes")), h("p", {}, told)),
    svg("svg", { ...how, role: "img", "aria-label": told }, bars, middle),
  );
}
