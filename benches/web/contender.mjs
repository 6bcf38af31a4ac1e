// A library that predicts digits, in Node.js or in a page, with the files beside this one. `contender` returns the functions
// that `main.mjs` calls: `logits()`, those of all digits, and `time(milliseconds)`, the microseconds of one prediction.

const PIXELS = 28 * 28;
const CLASSES = 10;
// Predictions of a call in which the module itself repeats them.
const REPEATED = 64;

async function read(name) {
  const url = new URL(name, import.meta.url);
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return response.arrayBuffer();
}

// Each library is a function of a digit's index, which returns its logits or a promise of them.
const libraries = {
  // As a page calls it: copies the digit into the module, and reads the logits there.
  async tuplenet(network, digits, times = 1) {
    const { instance } = await WebAssembly.instantiate(await read(`${network}.wasm`));
    const wasm = instance.exports;
    const pixels = new Float32Array(wasm.memory.buffer, wasm.pixels(), PIXELS);
    const logits = new Float32Array(wasm.memory.buffer, wasm.logits(), CLASSES);
    return (index) => {
      pixels.set(digits[index]);
      wasm.predict(times);
      return logits;
    };
  },

  repeated: (network, digits) => libraries.tuplenet(network, digits, REPEATED),

  // The smallest build, of the WebAssembly backend only, on one thread. Its input tensors are made once.
  async onnxruntime(network, digits) {
    const ort = await import("./node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
    ort.env.wasm.numThreads = 1;
    const model = new Uint8Array(await read(`${network}.onnx`));
    const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
    const inputs = digits.map((digit) => ({ input: new ort.Tensor("float32", digit, [1, PIXELS]) }));
    return async (index) => (await session.run(inputs[index])).logits.data;
  },
};

export async function contender(library, network) {
  const bytes = new Uint8Array(await read("digits.f32"));
  const digits = Array.from({ length: bytes.length / (4 * PIXELS) }, (_, i) =>
    new Float32Array(bytes.slice(4 * PIXELS * i, 4 * PIXELS * (i + 1)).buffer),
  );
  const predict = await libraries[library](network, digits);
  return {
    async logits() {
      const all = [];
      for (let i = 0; i < digits.length; i++) all.push(...(await predict(i)));
      return all;
    },
    async time(milliseconds) {
      let count = 0;
      const begun = performance.now();
      let passed;
      // Browsers round their clocks to 0.1 ms, so a turn is much longer.
      do {
        for (let i = 0; i < digits.length; i++) {
          const logits = predict(i);
          if (logits instanceof Promise) await logits;
        }
        count += digits.length * (library === "repeated" ? REPEATED : 1);
        passed = performance.now() - begun;
      } while (passed < milliseconds);
      return (passed * 1000) / count;
    },
  };
}
