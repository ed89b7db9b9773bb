// The page in which all take turns: a worker for each that trains, made once and kept.

/** @type {Map<string, Worker>} */
const workers = new Map();

/**
 * @param {string} name of the contestant
 * @param {{script: string}} options what its script is told
 * @returns {Promise<{losses: number[]}>} of the first steps
 */
window.prepare = (name, options) => {
  workers.set(name, new Worker(`contestants/${options.script}`, { type: "module", name }));
  return ask(name, { prepare: options });
};

/**
 * @param {string} name
 * @param {number} seconds for which it trains at least
 * @returns {Promise<{images: number, seconds: number}>}
 */
window.turn = (name, seconds) => ask(name, { seconds });

/** @param {string} name */
window.leave = (name) => {
  workers.get(name)?.terminate();
  workers.delete(name);
};

/**
 * @param {string} name
 * @param {object} question
 */
function ask(name, question) {
  const worker = workers.get(name);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = (event) => reject(new Error(event.message || `${name} did not start`));
    worker.postMessage(question);
  });
}
