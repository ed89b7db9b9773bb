// Server-sent events out of a stream of bytes. fetch is used, since EventSource cannot send the token.

/** @typedef {{event: string, data: string, id: string | null}} Message */

/**
 * Takes pieces of text as they come, and gives the messages that are complete.
 * @returns {(piece: string) => Message[]}
 */
export function messageParser() {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop() ?? "";
    return blocks.map(parsed).filter((message) => message.data !== "" || message.event !== "message");
  };
}

/**
 * @param {string} block
 * @returns {Message}
 */
function parsed(block) {
  let [event, id] = ["message", /** @type {string | null} */ (null)];
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const [name, value] = colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
    if (name === "event") event = value;
    if (name === "id") id = value;
    if (name === "data") data.push(value);
  }
  return { event, data: data.join("\n"), id };
}

/**
 * Read a response to its end.
 * @param {Response} response
 * @param {(message: Message) => void} onMessage
 */
export async function readMessages(response, onMessage) {
  if (!response.body) return;
  const reader = response.body.getReader();
  const [decoder, take] = [new TextDecoder(), messageParser()];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const message of take(decoder.decode(value, { stream: true }))) onMessage(message);
  }
}
