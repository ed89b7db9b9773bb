// Words, numbers and durations in the language of the page. Knows nothing of the page itself.

/** @typedef {string | Record<string, string>} Entry a text, or texts by the categories of Intl.PluralRules */

export const LANGUAGES = [
  { code: "en", name: "English", direction: "ltr" },
  { code: "he", name: "עברית", direction: "rtl" },
];

/** @type {{code: string, catalogue: Record<string, Entry>, phrases: Record<string, string>}} */
const current = { code: "en", catalogue: {}, phrases: {} };

/**
 * @param {string} code
 * @param {Record<string, Entry>} catalogue
 * @param {Record<string, string>} [phrases] of the engine's messages, by the English ones
 */
export function setLanguage(code, catalogue, phrases = {}) {
  Object.assign(current, { code, catalogue, phrases });
}

/** The code of the language of the page: "en" or "he". */
export function language() {
  return current.code;
}

/** Those of the engine's messages, by the English ones; none in English. */
export function phrases() {
  return current.phrases;
}

/** "rtl" or "ltr". */
export function direction() {
  return LANGUAGES.find((one) => one.code === current.code)?.direction ?? "ltr";
}

/**
 * The text of a key, with `{name}` replaced by its value.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = current.catalogue[key];
  if (entry === undefined) return missing(key);
  if (typeof entry === "string") return filled(entry, values);
  const amount = Number(values["n"]);
  const category = new Intl.PluralRules(current.code).select(Number.isFinite(amount) ? amount : 0);
  const text = entry[category] ?? entry["other"];
  return text === undefined ? missing(key) : filled(text, values);
}

/**
 * The text of a key for n things; `{n}` is the number as people write it.
 * @param {string} key
 * @param {number} n
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function count(key, n, values = {}) {
  const entry = current.catalogue[key];
  if (entry === undefined) return missing(key);
  const category = new Intl.PluralRules(current.code).select(n);
  const text = typeof entry === "string" ? entry : (entry[category] ?? entry["other"]);
  return text === undefined ? missing(key) : filled(text, { ...values, n: number(n) });
}

/**
 * Whether there is a text of that key, for texts that only some things have.
 * @param {string} key
 */
export function has(key) {
  return current.catalogue[key] !== undefined;
}

/**
 * A number: with that many digits after the point, or, where none are asked for, whole numbers in full and others to
 * three significant digits. What is no finite number is a dash.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function number(value, digits) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return formatter(formOf(value, digits)).format(value);
}

/**
 * A share from 0 to 1 as a percentage.
 * @param {number | null | undefined} share
 * @param {number} [digits]
 */
export function percent(share, digits = 0) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  return formatter({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}

/**
 * "42 s", "3:07 min" or "1:02:09 h".
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
  if (whole < 60) return t("unit.seconds", { n: number(whole) });
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return t("unit.minutes", { n: `${minutes}:${two(whole % 60)}` });
  return t("unit.hours", { n: `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}` });
}

/**
 * When something was, as people say it: "3 minutes ago", or the date.
 * @param {number} unixS
 * @param {number} [nowS]
 */
export function ago(unixS, nowS = Date.now() / 1000) {
  const seconds = Math.max(0, nowS - unixS);
  const relative = new Intl.RelativeTimeFormat(current.code, { numeric: "auto" });
  if (seconds < 60) return relative.format(0, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return new Intl.DateTimeFormat(current.code, { dateStyle: "medium" }).format(new Date(unixS * 1000));
}

/** @type {Map<string, Intl.NumberFormat>} */
const formatters = new Map();

/** @param {Intl.NumberFormatOptions} options */
function formatter(options) {
  const key = current.code + JSON.stringify(options);
  let made = formatters.get(key);
  // What is rounded to 0 has no sign.
  if (!made) formatters.set(key, (made = new Intl.NumberFormat(current.code, { signDisplay: "negative", ...options })));
  return made;
}

/**
 * @param {number} value
 * @param {number | undefined} digits
 * @returns {Intl.NumberFormatOptions}
 */
function formOf(value, digits) {
  if (digits !== undefined) return { minimumFractionDigits: digits, maximumFractionDigits: digits };
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return { maximumFractionDigits: 0 };
  if (value !== 0 && Math.abs(value) < 1e-5) return { notation: "scientific", maximumSignificantDigits: 3 };
  return Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 };
}

/**
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @param {string} key */
function missing(key) {
  console.error(`expected a text for "${key}" in ${current.code}.json; got none`);
  return key;
}
