// Between two runs of a graph a worker listens: whatever else it has to do goes on.

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const breathing = [];
channel.port1.onmessage = () => breathing.shift()?.();

/** Let messages in; a timer would wait for milliseconds. */
export function breath() {
  return new Promise((resolve) => {
    breathing.push(() => resolve(null));
    channel.port2.postMessage(null);
  });
}
