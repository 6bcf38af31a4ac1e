// Times one prediction of tuplenet and of onnxruntime-web, in Node.js and in Chromium, and of native tuplenet:
// `scripts/web --bench`.
//
//   node main.mjs FOLDER NATIVE CHROMIUM [ROUNDS] [TURN]
//
// FOLDER has the packages of npm and the files of the contenders, NATIVE is their program `native`. In each of ROUNDS rounds
// every contender runs for TURN milliseconds, while all others wait. First each one's logits must be those of `native`.

import assert from "node:assert/strict";
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { launch, serve } from "../../examples/web/browser.mjs";

const [folder, program, executablePath, rounds = 31, turn = 100] = process.argv.slice(2);
const NETWORKS = ["784-32-10", "784-128-10"];
const LIBRARIES = { tuplenet: "tuplenet", repeated: "tuplenet, 64 predictions per call", onnxruntime: "onnxruntime-web" };
const HOSTS = { node, page };
// Milliseconds before the first round, in which the engine optimises what is called often: onnxruntime-web needs 20,000 calls.
const WARM_UP = 2000;
// The share of the largest logit by which logits may differ.
const TOLERANCE = 1e-5;

const server = await serve(folder);
const browser = await launch(folder, executablePath);
const { version } = JSON.parse(readFileSync(join(folder, "node_modules/onnxruntime-web/package.json")));

// A contender is an object with `call(name, argument)` and `end()`; `contender.mjs` has the functions.
function native(network) {
  const child = spawn(program, ["serve", folder, network], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const call = async (name, argument) => {
    child.stdin.write(`${name === "time" ? argument : name}\n`);
    const numbers = (await lines.next()).value.split(" ").map(Number);
    return name === "time" ? numbers[0] : numbers;
  };
  return { call, end: () => child.stdin.end() };
}

async function node(library, network) {
  const child = fork(join(import.meta.dirname, "node.mjs"), [join(folder, "contender.mjs"), library, network]);
  // A child that fails has printed why.
  child.on("exit", (code) => code === 0 || process.exit(1));
  const answer = async () => (await once(child, "message"))[0];
  assert.equal(await answer(), "ready");
  const call = (...words) => {
    child.send(words);
    return answer();
  };
  return { call, end: () => child.disconnect() };
}

async function page(library, network) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}contender.mjs`);
  await page.evaluate(
    async ([library, network]) => {
      const { contender } = await import("./contender.mjs");
      window.functions = await contender(library, network);
    },
    [library, network],
  );
  const call = (...words) => page.evaluate(([name, argument]) => window.functions[name](argument), words);
  return { call, end: () => context.close() };
}

// The largest difference, as a share of the largest logit.
function difference(logits, expected) {
  assert.equal(logits.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...logits.map((logit, i) => Math.abs(logit - expected[i]))) / largest;
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [least, median, most] = [0, (sorted.length - 1) >> 1, sorted.length - 1].map((i) => sorted[i].toPrecision(3));
  return `${median} (${least}-${most})`;
}

// Milliseconds of all cores so far in which they were not idle.
const busy = () => os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);

async function measure(network) {
  const contenders = [{ host: "native", library: "tuplenet", ...native(network) }];
  for (const host of Object.keys(HOSTS)) {
    for (const library of Object.keys(LIBRARIES)) contenders.push({ host, library, ...(await HOSTS[host](library, network)) });
  }
  const expected = await contenders[0].call("logits");
  for (const each of contenders) {
    each.differs = difference(await each.call("logits"), expected);
    assert.ok(each.differs <= TOLERANCE, `${network}, ${each.host}, ${each.library}: logits differ by ${each.differs}`);
    each.times = [];
    await each.call("time", WARM_UP);
  }
  const [begun, busyBefore] = [performance.now(), busy()];
  for (let round = 0; round < rounds; round++) {
    for (const each of contenders) each.times.push(await each.call("time", Number(turn)));
  }
  const passed = performance.now() - begun;
  // One core is the contender's.
  const others = Math.max(0, (busy() - busyBefore - passed) / (passed * os.cpus().length));
  for (const each of contenders) await each.end();
  report(network, contenders, others);
}

function report(network, contenders, others) {
  console.log(`\n${network}; other programs used ${(100 * others).toFixed(1)} % of all cores\n`);
  console.log("| | µs | to native | to tuplenet there | differs by |");
  console.log("| --- | ---: | ---: | ---: | ---: |");
  for (const each of contenders) {
    const ratio = (other) => spread(each.times.map((time, round) => time / other.times[round]));
    const ours = contenders.find(({ host, library }) => host === each.host && library === "tuplenet");
    const name = each.host === "native" ? "tuplenet" : LIBRARIES[each.library];
    const where = { native: "native", node: "Node.js", page: "Chromium" }[each.host];
    const ratios = [contenders[0], ours].map((other) => (other === each ? "" : ratio(other)));
    console.log(`| ${name}, ${where} | ${spread(each.times)} | ${ratios.join(" | ")} | ${each.differs.toExponential(0)} |`);
  }
}

try {
  console.log(`${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model}, ${os.cpus().length} cores, load ${os.loadavg()[0]}`);
  console.log(`Node.js ${process.version}, Chromium ${browser.version()}, onnxruntime-web ${version}`);
  console.log(`${rounds} rounds of ${turn} ms; median (min-max)`);
  for (const network of NETWORKS) await measure(network);
} finally {
  await browser.close();
  server.close();
}
