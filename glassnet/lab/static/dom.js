// Elements as expressions. Text is only ever set as text, never parsed.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[]} Children */
/** @typedef {{[name: string]: any, nodeType?: undefined}} Props */

const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "open", "multiple"]);

/**
 * An HTML element. Of the props, `class` names classes, `on` has listeners by event, `data` has data attributes, and
 * `value`, `checked` and the like are properties; all others are attributes, left out where null or false.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props | Children} [props]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  finish(element, props, children);
  return element;
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props | Children} [props]
 * @param {...Children} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, props, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  finish(element, props, children);
  return element;
}

/**
 * Replace all that is in an element.
 * @template {Element} E
 * @param {E} element
 * @param {...Children} children
 * @returns {E}
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/**
 * Something that reads from left to right in any language: a number, a name, code.
 * @param {...Children} children
 */
export function ltr(...children) {
  return h("bdi", { dir: "ltr" }, ...children);
}

/**
 * @param {Element} element
 * @param {Props | Children | undefined} props
 * @param {Children[]} children
 */
function finish(element, props, children) {
  const hasProps = isProps(props);
  if (hasProps) setProps(element, props);
  element.append(...nodes(hasProps ? children : [props, ...children]));
  // A select takes its value only once its options are there.
  if (hasProps && props.value !== undefined) Object.assign(element, { value: props.value });
}

/**
 * @param {unknown} props
 * @returns {props is Props}
 */
function isProps(props) {
  return typeof props === "object" && props !== null && !(props instanceof Node) && !Array.isArray(props);
}

/**
 * @param {Element} element
 * @param {Props} props
 */
function setProps(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      for (const [key, text] of Object.entries(value)) element.setAttribute(`data-${key}`, String(text));
    } else if (PROPERTIES.has(name)) {
      Object.assign(element, { [name]: value });
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/**
 * @param {Children[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    found.push(child instanceof Node ? child : String(child));
  }
  return found;
}
