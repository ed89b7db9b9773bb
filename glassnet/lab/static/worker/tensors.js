// Tensors as the graphs take and give them: numbers in rows, a shape and a kind of number.

/** @typedef {"float32" | "uint8" | "int64" | "bool"} DType */
/** @typedef {Float32Array | Uint8Array | BigInt64Array} Data */
/** @typedef {{dtype: DType, shape: number[], data: Data}} Tensor */
/** @typedef {{dtype: string, shape: number[]}} Spec */

export const ITEM_BYTES = /** @type {const} */ ({ float32: 4, uint8: 1, int64: 8, bool: 1 });
const KINDS = { float32: Float32Array, uint8: Uint8Array, int64: BigInt64Array, bool: Uint8Array };

/** @param {string} name @returns {name is DType} */
export function isDType(name) {
  return Object.hasOwn(ITEM_BYTES, name);
}

/** How many numbers a shape has. @param {readonly number[]} shape */
export const sizeOf = (shape) => shape.reduce((size, length) => size * length, 1);

/** As people write it. @param {readonly number[]} shape */
export const shapeText = (shape) => `(${shape.join(", ")})`;

/** Numbers that are all 0. @param {string} dtype @param {number} size @returns {Data} */
export function zeros(dtype, size) {
  return new KINDS[known(dtype)](size);
}

/**
 * The numbers in little-endian bytes, as every machine with a browser keeps them; without a copy where they lie well.
 * @param {string} dtype
 * @param {Uint8Array} bytes
 * @returns {Data}
 */
export function fromBytes(dtype, bytes) {
  const kind = KINDS[known(dtype)];
  const isAligned = bytes.byteOffset % kind.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = isAligned ? bytes : bytes.slice();
  return new kind(/** @type {ArrayBuffer} */ (buffer), byteOffset, bytes.byteLength / kind.BYTES_PER_ELEMENT);
}

/** The bytes of the numbers, not copied. @param {Data} data */
export const bytesOf = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** @param {number[]} shape @param {Float32Array} data @returns {Tensor} */
export const float32 = (shape, data) => ({ dtype: "float32", shape, data });

/** A scalar (). @param {number} value */
export const scalar = (value) => float32([], Float32Array.of(value));

/** Each number as one. @param {Record<string, number>} numbers @returns {Record<string, Tensor>} */
export const scalars = (numbers) =>
  Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, scalar(number)]));

/** As NumPy and Python round: halves to the even number. @param {number} x */
export function rounded(x) {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

/** Where a number lies among all of its tensor. @param {readonly number[]} index @param {readonly number[]} shape */
export const raveled = (index, shape) => index.reduce((place, i, axis) => place * (shape[axis] ?? 1) + i, 0);

/** The number of a tensor that has one. @param {Tensor | undefined} tensor */
export const valueOf = (tensor) => Number(tensor?.data[0]);

/**
 * Complains unless the tensor is what is asked for.
 * @param {Tensor | undefined} tensor
 * @param {Spec} spec
 * @param {string} name
 * @returns {Tensor}
 */
export function checked(tensor, spec, name) {
  if (tensor && tensor.dtype === spec.dtype && shapeText(tensor.shape) === shapeText(spec.shape)) return tensor;
  const got = tensor ? `${tensor.dtype} ${shapeText(tensor.shape)}` : "none";
  throw new Error(
    `expected ${name} to be ${spec.dtype} ${shapeText(spec.shape)}; got ${got}. ` +
      "To fix: take files of one and the same export.",
  );
}

/** @param {string} dtype @returns {DType} */
function known(dtype) {
  if (isDType(dtype)) return dtype;
  throw new Error(
    `expected numbers of one of the kinds ${Object.keys(KINDS).join(", ")}; got ${dtype}. ` +
      "To fix: export the page anew with the same version of glassnet.",
  );
}
