// What the story of a weight consists of, and the frame of its chapters.

import { h } from "../dom.js";
import { translated } from "../messages.js";
import { freshId } from "../widgets.js";

/**
 * @typedef {object} Term
 * @property {number | null} example
 * @property {string | null} label
 * @property {number[]} place
 * @property {number} signal
 * @property {number} blame
 * @property {number} term
 * @property {[number, number, number, number] | null} patch top, left, bottom, right
 */

/**
 * @typedef {object} Story as GET /api/runs/{run}/weight has it
 * @property {number} step
 * @property {string} weight
 * @property {string} tensor
 * @property {number[]} index
 * @property {number[]} shape
 * @property {number} weights
 * @property {number} value
 * @property {number | null} averaged
 * @property {number} share_smaller
 * @property {{step: number, value: number}[]} history
 * @property {number} batch_size
 * @property {string[]} notices
 * @property {number} epsilon
 * @property {"float32"} [precision] of a page that has no lab behind it; else float64
 * @property {number} loss
 * @property {number} loss_up
 * @property {number} loss_down
 * @property {{value: number[], loss: number[]}} curve
 * @property {number} slope_by_nudge
 * @property {number} slope_by_backpropagation
 * @property {number} corners
 * @property {string[]} doubts
 * @property {{calls: string[], terms: number, nonzero: number, positive: number, negative: number, sum: number,
 *   by_example: number[] | null, largest: Term[]}} chain_rule
 * @property {string} optimizer
 * @property {{name: string, value: number, words: string, is_change: boolean}[]} parts
 * @property {number | null} change
 * @property {number | null} expected_change_of_loss
 * @property {number | null} loss_after
 * @property {number | null} loss_after_this_weight_alone
 * @property {(import("../source/source.js").Pixels | null)[]} pictures
 * @property {{previous: string | null, next: string | null}} neighbors
 */

/**
 * @param {string} title
 * @param {...import("../dom.js").Children} content
 */
export function chapter(title, ...content) {
  const id = freshId();
  return h("section", { class: "panel weight-chapter", "aria-labelledby": id }, h("h2", { id }, title), ...content);
}

/**
 * Sentences of the server, which are in English.
 * @param {string[]} texts
 */
export function said(texts) {
  return texts.map((text) => h("p", { class: "hint", dir: "auto" }, translated(text)));
}
