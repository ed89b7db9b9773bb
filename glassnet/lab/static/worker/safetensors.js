// Files of named tensors, read with care: they may come from anywhere.

import { ITEM_BYTES, bytesOf, fromBytes, sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").DType} DType */
/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {{tensors: Record<string, Tensor>, metadata: Record<string, string>}} Content */

/** @type {Record<DType, string>} */
const CODES = { float32: "F32", uint8: "U8", int64: "I64", bool: "BOOL" };
const DTYPES = new Map(Object.entries(CODES).map(([dtype, code]) => [code, /** @type {DType} */ (dtype)]));
const LENGTH_BYTES = 8;
const MOST_HEADER_BYTES = 10_000_000;
const MOST_AXES = 32;
const ALIGNMENT = 8;
const METADATA = "__metadata__";

/**
 * The tensors lie in the file's own bytes where they are aligned, else in copies.
 * @param {Uint8Array} bytes
 * @returns {Content}
 */
export function read(bytes) {
  const { header, start } = headerOf(bytes);
  const data = bytes.subarray(start);
  /** @type {[string, Tensor][]} */
  const tensors = [];
  /** @type {[number, number][]} */
  const places = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    const { dtype, shape, begin, end } = entryOf(name, entry);
    if (end > data.length) {
      throw unreadable(`data of '${name}' up to byte ${end}`, `${data.length} bytes: the file is cut off`);
    }
    places.push([begin, end]);
    tensors.push([name, { dtype, shape, data: fromBytes(dtype, data.subarray(begin, end)) }]);
  }
  checkPlaces(places, data.length);
  return { tensors: Object.fromEntries(tensors), metadata: metadataOf(header[METADATA]) };
}

/**
 * @param {Record<string, Tensor>} tensors
 * @param {Record<string, string>} [metadata]
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function write(tensors, metadata = {}) {
  // Wide numbers first, so that each lies at a multiple of its width.
  const sorted = Object.entries(tensors).sort(
    ([a, { dtype: one }], [b, { dtype: other }]) => ITEM_BYTES[other] - ITEM_BYTES[one] || (a < b ? -1 : 1),
  );
  /** @type {[string, unknown][]} */
  const entries = Object.keys(metadata).length ? [[METADATA, metadata]] : [];
  let size = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    if (data.length !== sizeOf(shape)) {
      throw unreadable(`'${name}' to have ${sizeOf(shape)} numbers`, `${data.length}`);
    }
    entries.push([name, { dtype: CODES[dtype], shape, data_offsets: [size, size + data.byteLength] }]);
    size += data.byteLength;
  }
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT;
  let start = LENGTH_BYTES + headerBytes;
  const file = new Uint8Array(start + size).fill(0x20, LENGTH_BYTES, start);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(header, LENGTH_BYTES);
  for (const [, { data }] of sorted) {
    file.set(bytesOf(data), start);
    start += data.byteLength;
  }
  return file;
}

/** @param {Uint8Array} bytes */
function headerOf(bytes) {
  if (bytes.length < LENGTH_BYTES) throw unreadable("the length of a header", `a file of ${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const start = LENGTH_BYTES + Number(length);
  if (length > MOST_HEADER_BYTES || start > bytes.length) {
    const most = Math.min(MOST_HEADER_BYTES, bytes.length - LENGTH_BYTES);
    throw unreadable(`a header of at most ${most} bytes`, `a length of ${length}`);
  }
  const header = parsed(bytes.subarray(LENGTH_BYTES, start));
  if (!isObject(header)) throw unreadable("a header that lists tensors by name", "something else");
  return { header, start };
}

/** @param {Uint8Array} header @returns {unknown} */
function parsed(header) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch {
    throw unreadable("a header in JSON", "something else");
  }
}

/** @param {string} name @param {unknown} entry */
function entryOf(name, entry) {
  const { dtype: code, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
  const dtype = DTYPES.get(String(code));
  if (!dtype) throw unreadable(`'${name}' to be one of ${[...DTYPES.keys()].join(", ")}`, shown(code));
  if (!areLengths(shape) || shape.length > MOST_AXES) throw unreadable(`a shape of '${name}'`, shown(shape));
  const size = sizeOf(shape) * ITEM_BYTES[dtype];
  const [begin, end] = areLengths(offsets) && offsets.length === 2 ? offsets : [];
  if (begin === undefined || end === undefined || end - begin !== size) {
    throw unreadable(`offsets of '${name}' that are ${size} bytes apart`, shown(offsets));
  }
  return { dtype, shape, begin, end };
}

/** Each byte belongs to one tensor. @param {[number, number][]} places @param {number} size */
function checkPlaces(places, size) {
  let reached = 0;
  for (const [begin, end] of places.sort(([a, b], [c, d]) => a - c || b - d)) {
    if (begin !== reached) throw unreadable(`a tensor that begins at byte ${reached}`, `one that begins at ${begin}`);
    reached = end;
  }
  if (reached !== size) throw unreadable(`${reached} bytes of tensors`, `${size}`);
}

/** @param {unknown} metadata @returns {Record<string, string>} */
function metadataOf(metadata) {
  if (metadata === undefined) return {};
  if (!isObject(metadata) || !Object.values(metadata).every((text) => typeof text === "string")) {
    throw unreadable("metadata of texts", shown(metadata));
  }
  return /** @type {Record<string, string>} */ (metadata);
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @returns {value is number[]} */
function areLengths(value) {
  return Array.isArray(value) && value.every((length) => Number.isSafeInteger(length) && length >= 0);
}

/** A few words of what a stranger wrote. @param {unknown} value */
const shown = (value) => (JSON.stringify(value) ?? "none").slice(0, 60);

/** @param {string} expected @param {string} got */
const unreadable = (expected, got) =>
  new Error(`expected ${expected}; got ${got}. To fix: choose a whole file of safetensors, as glassnet writes it.`);
