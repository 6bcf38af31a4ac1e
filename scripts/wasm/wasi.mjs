// Runs a test program of the target wasm32-wasip1: `node wasi.mjs PROGRAM ARGUMENTS...`. It has what such a program calls of
// WASI, the system interface, without files; Node's own `node:wasi` crashes at the end of most runs (Node 20).
//
// Source: https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md

import { randomFillSync } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";

const [OK, BAD_DESCRIPTOR, NOT_SUPPORTED] = [0, 8, 52];

const args = process.argv.slice(2);
const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);

let memory;
const bytes = (at, length) => new Uint8Array(memory.buffer, at, length);
const numbers = () => new DataView(memory.buffer);

// The number of strings, and of bytes of all of them with a zero after each.
const sizes = (strings) => (count, size) => {
  numbers().setUint32(count, strings.length, true);
  numbers().setUint32(size, Buffer.byteLength(strings.join("\0")) + 1, true);
  return OK;
};

const list = (strings) => (pointers, at) => {
  for (const [i, text] of strings.entries()) {
    const encoded = Buffer.from(`${text}\0`);
    numbers().setUint32(pointers + 4 * i, at, true);
    bytes(at, encoded.length).set(encoded);
    at += encoded.length;
  }
  return OK;
};

const functions = {
  args_sizes_get: sizes(args),
  args_get: list(args),
  environ_sizes_get: sizes(environment),
  environ_get: list(environment),
  clock_time_get(_clock, _precision, at) {
    numbers().setBigUint64(at, process.hrtime.bigint(), true);
    return OK;
  },
  random_get(at, length) {
    randomFillSync(bytes(at, length));
    return OK;
  },
  fd_write(descriptor, vectors, count, written) {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const [at, length] = [0, 4].map((offset) => numbers().getUint32(vectors + 8 * i + offset, true));
      total += writeSync(descriptor, bytes(at, length));
    }
    numbers().setUint32(written, total, true);
    return OK;
  },
  fd_prestat_get: () => BAD_DESCRIPTOR, // no folders
  proc_exit: (code) => process.exit(code),
};
const system = new Proxy(functions, { get: (_, name) => functions[name] ?? (() => NOT_SUPPORTED) });

const { instance } = await WebAssembly.instantiate(readFileSync(args[0]), { wasi_snapshot_preview1: system });
({ memory } = instance.exports);
instance.exports._start();
