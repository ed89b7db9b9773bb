// The state of a training: under its own name each tensor, as in a checkpoint, or packed, as the step's graph has it.

import { below } from "./inputs.js";
import { checked, shapeText, sizeOf } from "./tensors.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {import("./tensors.js").Spec} Spec */
/** @typedef {{name: string, shape: number[]}} Member of a pack, in which all lie end to end */
/** @typedef {{inputs: Record<string, Spec>}} StepGraph */
/** @typedef {{packs: Record<string, Member[]>, carried: string[], graphs: Record<string, StepGraph>}} Manifest */

/**
 * What the step carries, from tensors by name; all others are left out.
 * @param {Record<string, Tensor>} named
 * @param {Manifest} manifest
 * @returns {Record<string, Tensor>}
 */
export function packed(named, manifest) {
  const specs = specsOf(manifest);
  return Object.fromEntries(
    manifest.carried.map((carried) => {
      const place = placeOf(carried, manifest);
      const spec = specOf(specs, carried);
      return [carried, place ? joined(named, place, spec) : checked(named[carried], spec, carried)];
    }),
  );
}

/**
 * Every tensor of what the step carries under its own name: views, not copies.
 * @param {Record<string, Tensor>} carried
 * @param {Manifest} manifest
 * @returns {Record<string, Tensor>}
 */
export function named(carried, manifest) {
  const specs = specsOf(manifest);
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  for (const name of manifest.carried) {
    const tensor = checked(carried[name], specOf(specs, name), name);
    const place = placeOf(name, manifest);
    if (place) Object.assign(tensors, parted(tensor, place));
    else tensors[name] = tensor;
  }
  return tensors;
}

/** What draws and predicts: averages and buffers, by their names in the model. @param {Record<string, Tensor>} named */
export const weightsOf = (named) => ({ ...below("averages", named), ...below("buffers", named) });

/** @typedef {{kind: string, members: Member[]}} Place `kind`: parameters, averages or a moment of the optimizer */

/** Which pack a name means; none if it is a tensor by itself. @param {string} name @param {Manifest} manifest */
function placeOf(name, { packs }) {
  const slash = name.lastIndexOf("/");
  const members = name.startsWith("buffers/") ? undefined : packs[name.slice(slash + 1)];
  return members ? { kind: name.slice(0, slash), members } : null;
}

/**
 * @param {Record<string, Tensor>} named
 * @param {Place} place
 * @param {Spec} spec of the pack; one of a single matrix keeps an axis
 * @returns {Tensor}
 */
function joined(named, { kind, members }, spec) {
  const data = new Float32Array(sizeOf(spec.shape));
  let start = 0;
  for (const { name, shape } of members) {
    const full = `${kind}/${name}`;
    const tensor = checked(named[full], { dtype: "float32", shape }, full);
    data.set(/** @type {Float32Array} */ (tensor.data), start);
    start += sizeOf(shape);
  }
  return checked({ dtype: "float32", shape: spec.shape, data }, spec, kind);
}

/** @param {Tensor} tensor @param {Place} place */
function parted({ data }, { kind, members }) {
  /** @type {Record<string, Tensor>} */
  const tensors = {};
  let start = 0;
  for (const { name, shape } of members) {
    const size = sizeOf(shape);
    const part = /** @type {Float32Array} */ (data).subarray(start, start + size);
    tensors[`${kind}/${name}`] = { dtype: "float32", shape, data: part };
    start += size;
  }
  return tensors;
}

/** The inputs of the step, the same whatever its batch size. @param {Manifest} manifest */
function specsOf({ graphs, packs }) {
  const [, step] = Object.entries(graphs).find(([name]) => name.startsWith("step/")) ?? [];
  if (!step) {
    const got = Object.keys(graphs).join(", ") || "none";
    throw new Error(`expected a graph of a training step; got ${got}. To fix: export the page anew.`);
  }
  for (const [pack, members] of Object.entries(packs)) {
    const size = members.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const { shape } = specOf(step.inputs, `parameters/${pack}`);
    if (size !== sizeOf(shape)) {
      throw new Error(
        `expected tensors of ${sizeOf(shape)} numbers in '${pack}' ${shapeText(shape)}; got ${size}. ` +
          "To fix: export the page anew.",
      );
    }
  }
  return step.inputs;
}

/** @param {Record<string, Spec>} specs @param {string} name @returns {Spec} */
function specOf(specs, name) {
  const spec = specs[name];
  if (spec) return spec;
  throw new Error(`expected a training step that carries '${name}'; got none. To fix: export the page anew.`);
}
