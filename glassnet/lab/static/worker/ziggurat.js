// The tables of the normal distribution's ziggurat: 256 layers of equal area, in the form that NumPy draws from.

const NUM_LAYERS = 256;
const NUM_STEPS = 2 ** 23; // the width of a layer in steps of a 23-bit number

/** Where the lowest layer ends and the tail begins (Marsaglia & Tsang 2000, doi:10.18637/jss.v005.i08). */
export const TAIL_START = 3.6541528853610088;

/** @param {number} x */
const density = (x) => Math.exp(-0.5 * x * x);

/**
 * Of each layer how wide a step is (`widths`), below which step a number is surely under the curve (`limits`), and how
 * high the curve is at the layer's end (`heights`).
 */
export function ziggurat() {
  const edges = edgesOf();
  const limits = new Uint32Array(NUM_LAYERS);
  for (let i = 0; i < NUM_LAYERS; i += 1) {
    const inner = i === 0 ? TAIL_START : i === 1 ? 0 : at(edges, i - 1);
    limits[i] = Math.round((inner / at(edges, i)) * NUM_STEPS);
  }
  const heights = Float32Array.from(edges, density);
  heights[0] = 1;
  return { limits, widths: Float32Array.from(edges, (edge) => edge / NUM_STEPS), heights };
}

/** The right end of each layer; of layer 0, which holds the tail, as if it were a rectangle. */
function edgesOf() {
  const area = 0.004928673233974658; // r f(r) and the tail: each layer has as much
  const edges = new Float64Array(NUM_LAYERS);
  edges[0] = area / density(TAIL_START);
  edges[NUM_LAYERS - 1] = TAIL_START;
  for (let i = NUM_LAYERS - 2; i > 0; i -= 1) {
    const above = at(edges, i + 1);
    edges[i] = Math.sqrt(-2 * Math.log(area / above + density(above)));
  }
  return edges;
}

/** @param {Float64Array} list @param {number} i */
const at = (list, i) => /** @type {number} */ (list[i]);
