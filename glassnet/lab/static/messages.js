// What the engine says of a failure, "expected ...; got .... To fix: ...", in the language of the page.
//
// The engine speaks English. For another language there is a list of phrases: notices, and the parts of such messages,
// with {0}, {1} for their values. A part that the list lacks stays as it is.

import { language, phrases, t } from "./i18n.js";

/** @typedef {{like: RegExp, letters: number, text: string}} Pattern a phrase with values, in both languages */
/** @typedef {{text: string, letters: number}} Known and how many letters of the English it stands for */

const MESSAGE = /^expected (.*?)(?:; got:? (.*?))?(?:\. To fix: (.*?))?\.?$/s;
const LETTERS_IN_A_VALUE = 8; // a pattern with fewer would take apart what is a name or a path

/** @type {{of: Record<string, string> | null, list: Pattern[]}} */
const patterns = { of: null, list: [] };

/**
 * @param {string} message
 * @returns {string}
 */
export function translated(message) {
  if (language() === "en") return message;
  const [, expected, got, fix] = MESSAGE.exec(message) ?? [];
  if (expected === undefined) return sentence(message);
  const parts = [
    t("message.expected", { what: phrase(expected) }),
    got ? t("message.got", { what: phrase(got) }) : null,
    fix ? t("message.fix", { what: phrase(fix) }) : null,
  ];
  return parts.filter(Boolean).join(" ");
}

/** What is no complaint, such as a notice. @param {string} text */
function sentence(text) {
  const [, words, dot] = /** @type {RegExpExecArray} */ (/^(.*?)(\.?)$/s.exec(text));
  const other = known(words ?? "", LETTERS_IN_A_VALUE);
  return other ? other.text + dot : text;
}

/** A part of a complaint. @param {string} text */
const phrase = (text) => (known(text, 1) ?? isolated(text)).text;

/**
 * What a text is by a phrase, the one that leaves the fewest letters as they are.
 * @param {string} text
 * @param {number} leastLetters that a pattern has to have
 * @returns {Known | null}
 */
function known(text, leastLetters) {
  const whole = Object.hasOwn(phrases(), text) ? phrases()[text] : undefined;
  if (whole !== undefined) return { text: whole, letters: lettersOf(text) };
  /** @type {Known | null} */
  let best = null;
  for (const pattern of patternsOf(phrases())) {
    const match = pattern.letters < leastLetters ? null : pattern.like.exec(text);
    if (!match) continue;
    const values = match.slice(1).map((value) => known(value, LETTERS_IN_A_VALUE) ?? isolated(value));
    const letters = values.reduce((sum, value) => sum + value.letters, pattern.letters);
    if (best && best.letters >= letters) continue;
    best = { text: pattern.text.replace(/\{(\d+)\}/g, (_, i) => values[Number(i)]?.text ?? ""), letters };
  }
  return best;
}

/** As it is, from left to right or the other way, whatever stands around it. @param {string} text @returns {Known} */
const isolated = (text) => ({ text: `\u2068${text}\u2069`, letters: 0 });

/** @param {Record<string, string>} list */
function patternsOf(list) {
  if (patterns.of === list) return patterns.list;
  patterns.of = list;
  patterns.list = Object.entries(list).flatMap(([english, text]) => {
    const pieces = english.split(/\{\d+\}/);
    if (pieces.length === 1) return [];
    const like = new RegExp(`^${pieces.map(escaped).join("(.*?)")}$`, "s");
    return [{ like, letters: lettersOf(pieces.join("")), text }];
  });
  return patterns.list;
}

/** @param {string} text */
const lettersOf = (text) => text.replace(/[^a-z]/gi, "").length;

/** @param {string} text */
const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
