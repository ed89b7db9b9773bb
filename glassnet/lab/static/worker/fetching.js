// Files of an exported network, each checked against the sum that the manifest has of it, where the browser can.

const NUM_TRIES = 4;
const FIRST_WAIT_MS = 500;

/**
 * @param {string} base the address of the exported network
 * @returns {import("./engine.js").FetchFile}
 */
export function fetching(base) {
  return async (file, sha256) => {
    const bytes = await fetched(new URL(file, base).href, NUM_TRIES);
    // Only pages that are reached safely have the means to check.
    if (sha256 && globalThis.crypto?.subtle && (await sumOf(bytes)) !== sha256) {
      throw new Error(`expected ${file} as it was exported; got other bytes. To fix: load the page again.`);
    }
    return bytes;
  };
}

/**
 * The bytes of what was compressed by gzip.
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream
 */
export async function unzipped(stream) {
  return new Uint8Array(await new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

/**
 * @param {string} address
 * @param {number} tries
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function fetched(address, tries) {
  for (let i = 1; ; i += 1) {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      if (i >= tries) {
        const got = error instanceof Error ? error.message : String(error);
        throw new Error(`expected ${address}; got '${got}'. To fix: see whether the site can be reached.`);
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS * 2 ** (i - 1)));
    }
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sumOf(bytes) {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
