// Examples that arrive piece by piece: a training begins with the first piece and goes on as the others come.

import { ITEM_BYTES, bytesOf, fromBytes, isDType, sizeOf, zeros } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./engine.js").FetchFile} FetchFile */
/** @typedef {{file: string, sha256: string, bytes: number, count: number, filter: string | null}} Chunk */
/** @typedef {{dtype: string, shape: number[], chunks: Chunk[]}} ArrayDescription `shape` is of one example */
/** @typedef {{count: number, arrays: Record<string, ArrayDescription>}} Description */

const DIFFERENCES = "differences";
const FETCHED_AHEAD = 3;

/** The examples of a page; of each array as many as have come so far, from the first on. */
export class Examples {
  /** @type {Map<string, Store>} */
  #stores = new Map();
  /** @type {{num: number, resolve: () => void, reject: (error: unknown) => void}[]} */
  #waiting = [];
  #fetchFile;
  #loading = /** @type {Promise<void> | null} */ (null);
  #failure = /** @type {{error: unknown} | null} */ (null);

  /** @param {Description} description @param {FetchFile} fetchFile */
  constructor(description, fetchFile) {
    this.count = description.count;
    this.#fetchFile = fetchFile;
    for (const [name, array] of Object.entries(description.arrays)) {
      this.#stores.set(name, new Store(name, array, description.count));
    }
  }

  /** How many examples can be taken, from the first on. */
  get available() {
    return Math.min(this.count, ...[...this.#stores.values()].map((store) => store.filled));
  }

  /** @param {string} name */
  has(name) {
    return this.#stores.has(name);
  }

  /** Bring all pieces, the small arrays first; over when all are there. Asked again, it goes on where it failed. */
  load() {
    if (this.#failure) this.#loading = null;
    this.#failure = null;
    this.#loading ??= this.#loadAll().catch((error) => {
      this.#failure = { error };
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      throw error;
    });
    return this.#loading;
  }

  /** Until `num` examples can be taken; fails where loading does. @param {number} num @returns {Promise<void>} */
  whenAvailable(num) {
    const wanted = Math.min(num, this.count);
    if (this.available >= wanted) return Promise.resolve();
    if (this.#failure) return Promise.reject(this.#failure.error);
    const { promise, resolve, reject } = deferred();
    this.#waiting.push({ num: wanted, resolve, reject });
    return promise;
  }

  /**
   * The examples at these positions, one after the other.
   * @param {string} name
   * @param {ArrayLike<number>} positions
   * @returns {Tensor}
   */
  take(name, positions) {
    const store = this.#stores.get(name);
    if (store) return store.take(positions);
    const names = [...this.#stores.keys()].join(", ");
    throw new Error(`expected one of the arrays ${names}; got '${name}'. To fix: export the page anew.`);
  }

  async #loadAll() {
    const stores = [...this.#stores.values()].sort((a, b) => a.chunks.length - b.chunks.length);
    const left = stores.flatMap((store) => store.chunks.slice(store.numChunks).map((chunk) => ({ store, chunk })));
    /** @type {Promise<Uint8Array>[]} */
    const coming = [];
    for (const [i, { store, chunk }] of left.entries()) {
      for (const next of left.slice(i + coming.length, i + FETCHED_AHEAD)) {
        const fetched = this.#fetchFile(next.chunk.file, next.chunk.sha256);
        fetched.catch(() => {}); // it is told when its turn comes
        coming.push(fetched);
      }
      const bytes = await /** @type {Promise<Uint8Array>} */ (coming.shift());
      store.add(await decode(bytes, { ...chunk, dtype: store.dtype, shape: store.shape }));
      this.#tell();
    }
    this.#tell();
  }

  #tell() {
    const { available } = this;
    this.#waiting = this.#waiting.filter(({ num, resolve }) => {
      if (num <= available) resolve();
      return num > available;
    });
  }
}

/** One array of the examples, as long as all of them, filled from the front. */
class Store {
  filled = 0;
  numChunks = 0;

  /** @param {string} name @param {ArrayDescription} array @param {number} count */
  constructor(name, array, count) {
    const counted = array.chunks.reduce((sum, chunk) => sum + chunk.count, 0);
    if (counted !== count) {
      throw new Error(
        `expected pieces of '${name}' with ${count} examples together; got ${counted}. To fix: export the page anew.`,
      );
    }
    this.name = name;
    this.shape = array.shape;
    this.dtype = known(array.dtype);
    this.chunks = array.chunks;
    this.size = sizeOf(array.shape);
    this.data = zeros(this.dtype, count * this.size);
    this.bytes = bytesOf(this.data);
  }

  /** The next piece. @param {Uint8Array} bytes */
  add(bytes) {
    this.bytes.set(bytes, this.filled * this.size * ITEM_BYTES[this.dtype]);
    this.filled += /** @type {Chunk} */ (this.chunks[this.numChunks]).count;
    this.numChunks += 1;
  }

  /** @param {ArrayLike<number>} positions @returns {Tensor} */
  take(positions) {
    const rowBytes = this.size * ITEM_BYTES[this.dtype];
    const taken = new Uint8Array(positions.length * rowBytes);
    for (let i = 0; i < positions.length; i += 1) {
      const position = /** @type {number} */ (positions[i]);
      if (!(position >= 0 && position < this.filled)) throw this.#missing(position);
      taken.set(this.bytes.subarray(position * rowBytes, (position + 1) * rowBytes), i * rowBytes);
    }
    return { dtype: this.dtype, shape: [positions.length, ...this.shape], data: fromBytes(this.dtype, taken) };
  }

  /** @param {number} position */
  #missing(position) {
    return new Error(
      `expected a place among the ${this.filled} examples of '${this.name}' that are here; got ${position}. ` +
        "To fix: wait until it is available.",
    );
  }
}

/**
 * What a file of examples holds: the bytes of their numbers.
 * @param {Uint8Array} bytes
 * @param {{file: string, dtype: string, shape: number[], count: number, filter: string | null}} description
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function decode(bytes, { file, dtype, shape, count, filter }) {
  const content = await unzipped(bytes, count * sizeOf(shape) * ITEM_BYTES[known(dtype)], file);
  if (filter === null) return content;
  if (filter !== DIFFERENCES || dtype !== "uint8" || shape.length < 2 || shape.length > 3) {
    throw damaged(file, "pictures as differences", `'${filter}' of ${dtype} (${shape.join(", ")})`);
  }
  restore(content, shape);
  return content;
}

/** Of differences the pictures again, in place. @param {Uint8Array} pixels @param {number[]} shape */
function restore(pixels, shape) {
  const width = shape.at(-1) ?? 1;
  const area = (shape.at(-2) ?? 1) * width;
  for (let start = 0; start < pixels.length; start += width) {
    let sum = 0;
    for (let i = start; i < start + width; i += 1) pixels[i] = sum = (sum + at(pixels, i)) & 0xff;
  }
  for (let start = 0; start < pixels.length; start += area) {
    for (let i = start + width; i < start + area; i += 1) pixels[i] = at(pixels, i) + at(pixels, i - width);
  }
  if (shape.length !== 3 || shape[0] !== 3) return;
  for (let start = 0; start < pixels.length; start += 3 * area) {
    for (let i = start; i < start + area; i += 1) {
      const green = at(pixels, i + area);
      pixels[i] = at(pixels, i) + green;
      pixels[i + 2 * area] = at(pixels, i + 2 * area) + green;
    }
  }
}

/** @param {Uint8Array} list @param {number} i */
const at = (list, i) => /** @type {number} */ (list[i]);

/**
 * Exactly `size` bytes; no more are kept, whatever the file says of itself.
 * @param {Uint8Array} bytes
 * @param {number} size
 * @param {string} file
 */
async function unzipped(bytes, size, file) {
  const content = new Uint8Array(size);
  let filled = 0;
  const stream = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]).stream();
  const reader = stream.pipeThrough(new DecompressionStream("gzip")).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw damaged(file, `${size} zipped bytes`, `damaged ones after ${filled} (${error.message})`);
    });
    if (done) break;
    if (filled + value.length > size) {
      void reader.cancel().catch(() => {});
      throw damaged(file, `${size} bytes`, "more");
    }
    content.set(value, filled);
    filled += value.length;
  }
  if (filled !== size) throw damaged(file, `${size} bytes`, `${filled}`);
  return content;
}

/** @param {string} file @param {string} expected @param {string} got */
const damaged = (file, expected, got) =>
  new Error(`expected ${expected} in ${file}; got ${got}. To fix: load the page again, or export it anew.`);

/** @param {string} dtype */
function known(dtype) {
  if (isDType(dtype)) return dtype;
  throw new Error(`expected examples of numbers that are known; got ${dtype}. To fix: export the page anew.`);
}

function deferred() {
  let resolve = () => {};
  let reject = (/** @type {unknown} */ _) => {};
  const promise = /** @type {Promise<void>} */ (
    new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    })
  );
  return { promise, resolve, reject };
}
