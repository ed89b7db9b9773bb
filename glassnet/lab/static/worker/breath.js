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

const SHARE_MS = 50;
let breathed = 0;

/** Let messages in, if that is long ago: for work that a training beside it should not stretch. */
export async function breathAtTimes() {
  if (performance.now() - breathed < SHARE_MS) return;
  await breath();
  breathed = performance.now();
}
