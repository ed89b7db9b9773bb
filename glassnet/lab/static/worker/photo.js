// A picture that somebody gave, as the network takes it: its middle square, in the size of those it learned from.

/** What is wrong with a request, as the server of the lab says it. */
export class RequestError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {number} status
   */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/**
 * @param {Blob} blob
 * @param {number[]} shape (C, H, W), C 1 or 3
 * @param {boolean} isInk whether 255 is ink: of drawings on paper it is the other way round
 * @returns {Promise<Uint8Array>} in that shape
 */
export async function decodePhoto(blob, shape, isInk) {
  const [channels = 3, height = 1, width = 1] = shape;
  const picture = await createImageBitmap(blob).catch(() => null);
  if (!picture) {
    throw new RequestError("bad_data", "expected a picture; got something else. To fix: choose another file.", 422);
  }
  const side = Math.min(picture.width / width, picture.height / height);
  const [w, h] = [side * width, side * height];
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (picture.width - w) / 2, (picture.height - h) / 2, w, h, 0, 0, width, height);
  picture.close();
  const { data } = context.getImageData(0, 0, width, height);
  const planes = planesOf(data, channels, height * width);
  return isInk && mean(planes) > 127 ? planes.map((one) => 255 - one) : planes;
}

/**
 * @param {Uint8ClampedArray} rgba
 * @param {number} channels
 * @param {number} size
 */
function planesOf(rgba, channels, size) {
  const planes = new Uint8Array(channels * size);
  for (let i = 0; i < size; i += 1) {
    const [r, g, b] = [rgba[4 * i] ?? 0, rgba[4 * i + 1] ?? 0, rgba[4 * i + 2] ?? 0];
    if (channels === 1) planes[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    else [planes[i], planes[size + i], planes[2 * size + i]] = [r, g, b];
  }
  return planes;
}

/** @param {Uint8Array} values */
function mean(values) {
  return values.reduce((sum, one) => sum + one, 0) / values.length;
}
