// Where graphs run in a browser: onnxruntime-web, compiled to WebAssembly or on WebGPU. Knows nothing of trainings.

import { unzipped } from "./fetching.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */
/** @typedef {"wasm" | "webgpu"} Backend */

/**
 * @typedef {object} Choice where to run
 * @property {Backend} backend
 * @property {number} numThreads of wasm
 */

/**
 * @typedef {object} GraphFile as the manifest has it
 * @property {string} file
 * @property {string} sha256
 * @property {Record<string, {dtype: string, shape: number[]}>} inputs
 * @property {Record<string, {dtype: string, shape: number[]}>} outputs
 * @property {Record<string, import("./inputs.js").Kind>} random
 */

/** @typedef {(file: string, sha256?: string) => Promise<Uint8Array>} FetchFile */

const LIBRARIES = {
  wasm: { module: "ort.wasm.min.mjs", binary: "ort-wasm.bin" },
  webgpu: { module: "ort.webgpu.min.mjs", binary: "ort-wasm-asyncify.bin" },
};

/** What is said when threads or a GPU are not there: the page has the words. */
export class UnavailableError extends Error {}

/** Where it ran is no more: there is no memory left, or the GPU is gone. */
export class LostError extends Error {}

/** How many threads of wasm there can be: memory is shared only by pages that are isolated from others. */
export function mostThreads() {
  return globalThis.crossOriginIsolated ? Math.max(1, navigator.hardwareConcurrency ?? 1) : 1;
}

/** One instance of the library; a worker has one, since the number of threads is fixed with the first session. */
export class Engine {
  /** @type {Map<string, Promise<RunnableGraph>>} */
  #graphs = new Map();
  // One at a time, whoever asks: the library has one place for what it computes.
  #queue = /** @type {Promise<unknown>} */ (Promise.resolve());

  /**
   * @param {any} ort
   * @param {Choice} choice
   * @param {Record<string, GraphFile>} files by the name of the graph
   * @param {FetchFile} fetchFile
   */
  constructor(ort, choice, files, fetchFile) {
    this.ort = ort;
    this.choice = choice;
    this.files = files;
    this.fetchFile = fetchFile;
  }

  /**
   * @param {object} how
   * @param {Choice} how.choice
   * @param {string} how.library the address of the directory of onnxruntime-web
   * @param {Record<string, GraphFile>} how.files
   * @param {FetchFile} how.fetchFile
   */
  static async open({ choice, library, files, fetchFile }) {
    const { module, binary } = LIBRARIES[choice.backend];
    if (choice.backend === "webgpu" && !(await hasGpu())) throw new UnavailableError("no WebGPU");
    const [ort, wasm] = await Promise.all([import(new URL(module, library).href), fetchBinary(new URL(binary, library))]);
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.wasmPaths = library;
    ort.env.wasm.numThreads = choice.backend === "wasm" ? choice.numThreads : 1;
    ort.env.logLevel = "error";
    return new Engine(ort, choice, files, fetchFile);
  }

  /** @param {string} name */
  has(name) {
    return name in this.files;
  }

  /**
   * The graph of that name, made ready once.
   * @param {string} name
   * @returns {Promise<RunnableGraph>}
   */
  graph(name) {
    let found = this.#graphs.get(name);
    if (!found) {
      found = this.#open(name);
      found.catch(() => this.#graphs.delete(name));
      this.#graphs.set(name, found);
    }
    return found;
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  inTurn(work) {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  /**
   * Give back what a graph holds.
   * @param {string} name
   */
  async forget(name) {
    const found = this.#graphs.get(name);
    this.#graphs.delete(name);
    await (await found)?.release();
  }

  /** @param {string} name */
  async #open(name) {
    const file = this.files[name];
    if (!file) throw new Error(`expected a graph out of ${Object.keys(this.files).join(", ")}; got ${name}.`);
    const options = {
      executionProviders: [this.choice.backend],
      // Our graphs leave the library's passes nothing that steps would notice, and a session is ready much sooner
      // without them; but on a GPU it brings them into another layout, and what that adds wants to be tidied.
      graphOptimizationLevel: this.choice.backend === "wasm" ? "disabled" : "extended",
      extra: { session: { set_denormal_as_zero: "1" } },
    };
    const model = await this.fetchFile(file.file, file.sha256);
    const session = await this.inTurn(() => this.ort.InferenceSession.create(model, options)).catch((error) => {
      throw new LostError(textOf(error));
    });
    return new RunnableGraph(this, session, file);
  }
}

/** A graph that is ready to run. */
export class RunnableGraph {
  /**
   * @param {Engine} engine
   * @param {any} session
   * @param {GraphFile} file
   */
  constructor(engine, session, file) {
    this.engine = engine;
    this.session = session;
    this.inputs = file.inputs;
    this.outputs = file.outputs;
    this.random = file.random;
  }

  /**
   * @param {Record<string, Tensor>} feeds more than the graph takes is left out
   * @returns {Promise<Record<string, Tensor>>}
   */
  async run(feeds) {
    /** @type {Record<string, any>} */
    const given = {};
    for (const name of this.session.inputNames) {
      const tensor = feeds[name];
      if (!tensor) throw new Error(`expected the input ${name}; got none.`);
      given[name] = new this.engine.ort.Tensor(tensor.dtype, tensor.data, tensor.shape);
    }
    const results = await this.engine.inTurn(() => this.session.run(given)).catch((error) => {
      throw new LostError(textOf(error));
    });
    /** @type {Record<string, Tensor>} */
    const told = {};
    for (const [name, value] of Object.entries(results)) {
      told[name] = { dtype: value.type, shape: [...value.dims], data: value.data };
    }
    return told;
  }

  release() {
    return this.engine.inTurn(() => this.session.release());
  }
}

/** Whether there is a GPU that may be asked; a page on a machine without has the interface and no adapter. */
export async function hasGpu() {
  const gpu = /** @type {any} */ (navigator).gpu;
  return Boolean(gpu && (await gpu.requestAdapter().catch(() => null)));
}

/** @param {unknown} error compiled code throws numbers as well */
const textOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {URL} address of the compiled library, compressed by gzip */
async function fetchBinary(address) {
  const response = await fetch(address);
  if (!response.ok || !response.body) throw new Error(`expected ${address.pathname}; got ${response.status}.`);
  return unzipped(response.body);
}
