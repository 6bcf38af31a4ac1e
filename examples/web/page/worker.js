// Runs the training module of ../training, so that the page stays responsive. Messages to it are { begin: epochs } and
// { stop: true }; those from it are in the order of the training.

let wasm;
let goal = 0; // the number of epochs to train
const bytes = (at, length) => new Uint8Array(wasm.memory.buffer, at, length);

const page = {
  progress: (steps, loss) => postMessage({ steps, loss }),
  failed: (message, length) => postMessage({ failed: new TextDecoder().decode(bytes(message, length)) }),
};

async function load() {
  const response = await fetch(new URL("training.wasm", import.meta.url));
  if (!response.ok) throw new Error(`training.wasm: ${response.status} ${response.statusText}`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), { page });
  wasm = instance.exports;
}
const loaded = load();

// A copy, as a message takes it away.
const weights = () => new Float32Array(wasm.memory.buffer, wasm.weights(), 32 * 784).slice();

async function train(epochs) {
  await loaded;
  goal = epochs;
  if (!wasm.begin()) return;
  postMessage({ epoch: 0, weights: weights() });
  for (let epoch = 1; epoch <= goal; epoch++) {
    const accuracy = wasm.epoch();
    if (Number.isNaN(accuracy)) return;
    postMessage({ epoch, accuracy, weights: weights() });
    await new Promise((resolve) => setTimeout(resolve)); // messages
  }
  postMessage({ ended: true });
}

addEventListener("message", ({ data }) => {
  if (data.stop) goal = 0;
  else train(data.begin).catch((error) => postMessage({ failed: String(error.message ?? error) }));
});
