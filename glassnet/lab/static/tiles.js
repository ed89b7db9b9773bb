// Pictures as the network has them, on canvases: crisp at any size, ink dark on light.

import { h } from "./dom.js";

/** @typedef {import("./source/source.js").Pixels} Pixels */

/** @type {WeakMap<object, Uint8Array>} */
const decoded = new WeakMap();

/**
 * The bytes of base64 that belongs to an answer; decoded once.
 * @param {object} owner
 * @param {string} text
 */
export function bytesOf(owner, text) {
  const known = decoded.get(owner);
  if (known) return known;
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  decoded.set(owner, bytes);
  return bytes;
}

/**
 * One of the pictures, each pixel `scale` pixels wide and high. It is decoration until somebody labels it.
 * @param {Pixels} pixels
 * @param {number} index
 * @param {{scale?: number, isInk?: boolean}} [how]
 * @returns {HTMLCanvasElement}
 */
export function drawPixels(pixels, index, { scale = 1, isInk = pixels.is_ink ?? false } = {}) {
  const [, , height, width] = pixels.shape;
  const small = h("canvas", { width, height, class: "pixels" });
  painted(small, imageOf(pixels, index, isInk));
  if (scale === 1) return small;
  const large = h("canvas", { width: width * scale, height: height * scale, class: "pixels" });
  const context = /** @type {CanvasRenderingContext2D} */ (large.getContext("2d"));
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

/**
 * All pictures in a grid; as buttons where one can be picked.
 * @param {Pixels} pixels
 * @param {object} [how]
 * @param {string[]} [how.captions] what is written below each
 * @param {(index: number) => void} [how.onPick]
 * @param {(index: number) => string} [how.label] of the buttons, where there are no captions
 * @returns {HTMLElement}
 */
export function pictureGrid(pixels, { captions, onPick, label } = {}) {
  const one = (/** @type {number} */ index) => {
    const content = [drawPixels(pixels, index), captions ? h("span", { class: "caption" }, captions[index]) : null];
    if (!onPick) return h("figure", { class: "picture" }, content);
    const props = { type: "button", class: "picture", "aria-label": label?.(index) };
    return h("button", { ...props, on: { click: () => onPick(index) } }, content);
  };
  return h("div", { class: "picture-grid" }, Array.from({ length: pixels.shape[0] }, (_, index) => one(index)));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ImageData} image
 */
export function painted(canvas, image) {
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
}

/**
 * @param {Pixels} pixels
 * @param {number} index
 * @param {boolean} isInk
 */
function imageOf(pixels, index, isInk) {
  const [, channels, height, width] = pixels.shape;
  const [bytes, area] = [bytesOf(pixels, pixels.pixels), height * width];
  const image = new ImageData(width, height);
  const start = index * channels * area;
  for (let place = 0; place < area; place += 1) {
    for (let color = 0; color < 3; color += 1) {
      const byte = bytes[start + (channels === 3 ? color : 0) * area + place] ?? 0;
      image.data[4 * place + color] = isInk ? 255 - byte : byte;
    }
    image.data[4 * place + 3] = 255;
  }
  return image;
}
