// What a graph is fed with beside examples: random numbers, and weights under their names.

/** @typedef {import("./tensors.js").Tensor} Tensor */

/**
 * The random inputs that a graph asks for, in its order.
 * @param {{random: Record<string, "uniform" | "normal">, inputs: Record<string, {shape: number[]}>}} graph
 * @param {{uniform: (n: number) => Float32Array, normal: (n: number) => Float32Array}} source
 * @returns {Record<string, Tensor>}
 */
export function drawnInputs(graph, source) {
  /** @type {Record<string, Tensor>} */
  const drawn = {};
  for (const [name, kind] of Object.entries(graph.random)) {
    const shape = graph.inputs[name]?.shape ?? [];
    const size = shape.reduce((a, b) => a * b, 1);
    drawn[name] = { dtype: "float32", shape, data: kind === "normal" ? source.normal(size) : source.uniform(size) };
  }
  return drawn;
}

/**
 * Tensors as `kind/name`.
 * @param {string} kind
 * @param {Record<string, Tensor>} tensors
 * @returns {Record<string, Tensor>}
 */
export function under(kind, tensors) {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${kind}/${name}`, tensor]));
}

/**
 * Those named `kind/name`, as `name`.
 * @param {string} kind
 * @param {Record<string, Tensor>} tensors
 * @returns {Record<string, Tensor>}
 */
export function below(kind, tensors) {
  const inside = Object.entries(tensors).filter(([name]) => name.startsWith(`${kind}/`));
  return Object.fromEntries(inside.map(([name, tensor]) => [name.slice(kind.length + 1), tensor]));
}
