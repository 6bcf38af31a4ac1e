// The WebAssembly module of ../src/exports.rs.

const PIXELS = 28 * 28;
const DIGITS = 10;
// Browsers round their clocks, some to a millisecond: that many predictions take about one.
const TIMES = 1024;

async function load() {
  const response = await fetch(new URL("web.wasm", import.meta.url));
  if (!response.ok) throw new Error(`web.wasm: ${response.status} ${response.statusText}`);
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer());
  const wasm = instance.exports;
  // The module never grows its memory, so these views stay valid.
  const floats = (at, length) => new Float32Array(wasm.memory.buffer, at, length);
  const side = wasm.side();
  return {
    side,
    drawing: new Uint8Array(wasm.memory.buffer, wasm.drawing(), side * side),
    pixels: floats(wasm.pixels(), PIXELS),
    logits: floats(wasm.logits(), DIGITS),
    probabilities: floats(wasm.probabilities(), DIGITS),
    attributions: floats(wasm.attributions(), PIXELS),
    // Reads `drawing`. Returns the digit and the microseconds of one prediction, or null without ink.
    read() {
      if (!wasm.scan()) return null;
      const begun = performance.now();
      wasm.predict(TIMES);
      const microseconds = ((performance.now() - begun) * 1000) / TIMES;
      return { digit: wasm.explain(), microseconds, times: TIMES };
    },
  };
}

export const model = load();
