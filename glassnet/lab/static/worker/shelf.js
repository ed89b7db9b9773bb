// What a training in a tab keeps: in the browser's own database, or in memory where there is none to be had.

const [DATABASE, STORE] = ["glassnet", "kept"];

/**
 * @typedef {object} Shelf
 * @property {(key: string, value: any) => Promise<void>} put
 * @property {(key: string) => Promise<any>} get undefined where nothing is kept
 * @property {(prefix: string) => Promise<string[]>} keys
 * @property {() => Promise<void>} clear
 * @property {boolean} isLasting whether it outlasts the tab
 */

/**
 * @param {string} place of all keys, so that other networks of the same site have their own
 * @param {boolean} mayLast
 * @returns {Promise<Shelf>}
 */
export async function openShelf(place, mayLast) {
  try {
    if (mayLast) return lasting(await opened(), `${place}/`);
  } catch {
    // A private window may have no database.
  }
  return passing();
}

/**
 * @param {IDBDatabase} database
 * @param {string} place
 * @returns {Shelf}
 */
function lasting(database, place) {
  const within = (/** @type {string} */ prefix) => IDBKeyRange.bound(place + prefix, `${place}${prefix}\uffff`);
  const store = (/** @type {IDBTransactionMode} */ mode) => database.transaction(STORE, mode).objectStore(STORE);
  return {
    isLasting: true,
    put: async (key, value) => void (await answered(store("readwrite").put(value, place + key))),
    get: (key) => answered(store("readonly").get(place + key)),
    keys: async (prefix) =>
      (await answered(store("readonly").getAllKeys(within(prefix)))).map((key) => String(key).slice(place.length)),
    clear: async () => void (await answered(store("readwrite").delete(within("")))),
  };
}

/** @returns {Shelf} */
function passing() {
  /** @type {Map<string, any>} */
  const kept = new Map();
  return {
    isLasting: false,
    put: async (key, value) => void kept.set(key, value),
    get: async (key) => kept.get(key),
    keys: async (prefix) => [...kept.keys()].filter((key) => key.startsWith(prefix)).sort(),
    clear: async () => kept.clear(),
  };
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => void request.result.createObjectStore(STORE);
  return answered(request);
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
