// Tests the page in Chromium: `scripts/web --test`. Draws digits with the mouse, a finger and the keyboard, and compares what
// the modules compute with the results of native programs and with those of the module without SIMD.
//
//   node test.mjs PAGE WORK PROGRAMS CHROMIUM
//
// WORK has playwright-core and the module without SIMD, PROGRAMS the native programs. Screenshots are written to
// PAGE/../tmp/web.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { launch, serve } from "./browser.mjs";

const [folder, work, programs, executablePath] = process.argv.slice(2);
const server = await serve(folder);
const { url } = server;

// Strokes in a unit square, y downwards.
const arc = (x, y, rx, ry, from, to) =>
  Array.from({ length: 25 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
const DIGITS = {
  0: [arc(0.5, 0.5, 0.2, 0.34, -90, 270)],
  1: [[[0.42, 0.25], [0.55, 0.13], [0.55, 0.87]]],
  2: [[...arc(0.5, 0.34, 0.22, 0.2, -170, 30), [0.28, 0.85], [0.78, 0.85]]],
  3: [[...arc(0.48, 0.32, 0.2, 0.18, -150, 90), ...arc(0.48, 0.68, 0.22, 0.19, -90, 150)]],
  4: [[[0.4, 0.15], [0.25, 0.55], [0.75, 0.55]], [[0.62, 0.3], [0.6, 0.88]]],
  7: [[[0.25, 0.18], [0.75, 0.18], [0.45, 0.87]]],
};

const browser = await launch(work, executablePath);

// A page in a browser profile of its own; it fails on errors that the page logs, and on requests to elsewhere.
async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1080, height: 660 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => assert.notEqual(message.type(), "error", message.text()));
  page.on("pageerror", (error) => assert.fail(error));
  page.on("request", (request) => assert.ok(/^data:/.test(request.url()) || request.url().startsWith(url), request.url()));
  await page.goto(url);
  await page.waitForFunction(() => document.querySelectorAll("#probabilities li").length === 10);
  return page;
}

async function draw(page, strokes) {
  await page.click("#clear:enabled", { timeout: 500 }).catch(() => {});
  const { x, y, width } = await page.locator("#drawing").boundingBox();
  for (const [first, ...rest] of strokes) {
    const place = ([u, v]) => [x + u * width, y + v * width];
    await page.mouse.move(...place(first));
    await page.mouse.down();
    for (const point of rest) await page.mouse.move(...place(point), { steps: 4 });
    await page.mouse.up();
  }
  return state(page);
}

// After the next frame: what the page shows, and what the module has computed.
const state = (page) =>
  page.evaluate(async () => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    const model = await (await import("./model.js")).model;
    const text = (selector) => document.querySelector(selector).textContent;
    return {
      answer: text(".answer"),
      time: text("#time"),
      percents: [...document.querySelectorAll("#probabilities .percent")].map((each) => parseFloat(each.textContent)),
      pixels: [...model.pixels],
      logits: [...model.logits],
      attributions: [...model.attributions],
    };
  });

// The logits and attributions of the native program for the same pixels.
function natively(pixels) {
  const values = execFileSync(join(programs, "native"), { input: `${pixels.join(" ")}\n` }).toString().trim().split(" ").map(Number);
  return { logits: values.slice(0, 10), attributions: values.slice(10) };
}

const largestDifference = (a, b) => {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
};

async function digitsAreReadAsNatively() {
  const page = await open();
  for (const [digit, strokes] of Object.entries(DIGITS)) {
    const shown = await draw(page, strokes);
    const expected = natively(shown.pixels);
    const difference = largestDifference(shown.logits, expected.logits);
    console.log(`${digit}: read as ${shown.answer}, ${Math.max(...shown.percents)} %; logits differ by ${difference}; ${shown.time}`);
    assert.equal(shown.answer, digit);
    assert.ok(difference <= 1e-5, `${difference}`);
    assert.ok(largestDifference(shown.attributions, expected.attributions) <= 1e-5);
    assert.ok(Math.max(...shown.attributions.map(Math.abs)) > 0.1);
    assert.ok(shown.attributions.every((value, i) => value === 0 || shown.pixels[i] > 0), "only ink is coloured");
    const sum = shown.percents.reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 100) < 0.6, `${sum} %`);
    assert.match(shown.time, /^[\d.]+ µs per prediction/);
  }
  await page.click("#undo");
  assert.equal((await state(page)).answer, "–");
  assert.ok(await page.isDisabled("#undo"));
  await draw(page, DIGITS[3]);
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, "../tmp/web/light.png"), fullPage: true });
  await page.context().close();
}

// Both modules round in the same places.
async function simdIsBitIdentical() {
  const files = [join(folder, "web.wasm"), join(work, "scalar.wasm")].map((path) => readFileSync(path));
  assert.notDeepEqual(...files);
  const modules = await Promise.all(files.map(async (file) => (await WebAssembly.instantiate(file)).instance.exports));
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 50; round++) {
    const drawing = Uint8Array.from({ length: modules[0].side() ** 2 }, () => (random() < round / 50 ? 256 * random() : 0));
    const [simd, scalar] = modules.map((wasm) => {
      new Uint8Array(wasm.memory.buffer, wasm.drawing(), drawing.length).set(drawing);
      wasm.scan();
      wasm.predict(1);
      wasm.explain();
      return [wasm.logits(), wasm.probabilities()].map((at) => [...new Uint32Array(wasm.memory.buffer, at, 10)]);
    });
    assert.deepEqual(simd, scalar);
  }
}

async function theKeyboardDraws() {
  const page = await open();
  const focused = () => page.evaluate(() => document.activeElement.id);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "tab-reading");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "drawing");
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  await press("ArrowUp", 9);
  await press("Space");
  await press("ArrowDown", 18);
  await press("Space");
  await press("ArrowRight", 5); // lifted, it draws nothing
  const one = await state(page);
  assert.equal(one.answer, "1");
  await page.waitForFunction(() => /^Read as 1, /.test(document.getElementById("announcement").textContent));
  assert.ok(await page.isVisible("#pen"));
  await press("Backspace");
  assert.equal((await state(page)).answer, "–");
  await press("Tab");
  assert.notEqual(await focused(), "drawing", "the focus can leave");
  await page.context().close();
}

async function aFingerDraws() {
  const page = await open({ hasTouch: true, viewport: { width: 320, height: 640 } });
  const { x, y } = await page.locator("#drawing").boundingBox();
  await page.touchscreen.tap(x + 100, y + 100);
  assert.notEqual((await state(page)).answer, "–");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, "nothing is wider than a telephone");
  await page.context().close();
}

async function darkModeIsDarkAndReadsTheSame() {
  const [light, dark] = await Promise.all([open({ colorScheme: "light" }), open({ colorScheme: "dark" })]);
  const [a, b] = [await draw(light, DIGITS[2]), await draw(dark, DIGITS[2])];
  assert.deepEqual(b.logits, a.logits);
  const brightness = (page) =>
    page.evaluate(() => {
      const sum = (color) => color.match(/\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b);
      const style = (selector) => getComputedStyle(document.querySelector(selector));
      const [corner] = document.getElementById("seen").getContext("2d").getImageData(0, 0, 1, 1).data;
      return { page: sum(style("body").backgroundColor), ink: sum(style("#drawing").color), corner };
    });
  const [l, d] = [await brightness(light), await brightness(dark)];
  assert.ok(d.page < 150 && d.ink > 600 && d.corner < 50, JSON.stringify(d));
  assert.ok(l.page > 600 && l.ink < 150 && l.corner > 200, JSON.stringify(l));
  await dark.screenshot({ path: join(folder, "../tmp/web/dark.png"), fullPage: true });
  // A change while the page is open repaints both canvases.
  await dark.emulateMedia({ colorScheme: "light" });
  await state(dark);
  assert.deepEqual(await brightness(dark), l);
  await light.context().close();
  await dark.context().close();
}

async function aNetworkIsTrainedAsNatively() {
  const page = await open();
  await page.evaluate(() => {
    window.losses = [];
    window.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => data.loss === undefined || window.losses.push(data.loss));
      }
    };
  });
  await page.focus("#tab-reading");
  await page.keyboard.press("ArrowRight");
  assert.ok(await page.isVisible("#train"));
  assert.ok(!(await page.isVisible("#drawing")));
  await page.click("#train");
  await page.waitForFunction(() => document.getElementById("train").textContent === "Train again", null, { timeout: 120_000 });
  const text = (id) => page.textContent(`#${id}`);
  console.log(await text("progress"));
  assert.equal(await text("epoch"), "30");
  assert.ok(parseFloat(await text("accuracy")) > 80);
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, "../tmp/web/training.png"), fullPage: true });

  const epochs = execFileSync(join(programs, "losses")).toString().trim().split("\n");
  const natively = epochs.flatMap((line) => line.split(" ").slice(1).map(Number));
  const found = await page.evaluate(() => window.losses);
  const difference = largestDifference(found.slice(0, natively.length), natively);
  console.log(`${natively.length} losses of ${epochs.length} epochs differ by ${difference}`);
  assert.ok(difference < 1e-4, `${difference}`);
  const points = await page.evaluate(() => document.getElementById("curve").points.numberOfItems);
  assert.equal(points, found.length);
  const colors = await page.evaluate(() => {
    const { data } = document.getElementById("weights").getContext("2d").getImageData(0, 0, 231, 115);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colors > 500, `${colors} colours of weights`);

  // Again, and stopped.
  await page.click("#train");
  await page.waitForFunction(() => Number(document.getElementById("epoch").textContent) === 2);
  await page.click("#train");
  await page.waitForFunction(() => document.getElementById("train").textContent === "Train again");
  assert.ok(Number(await text("epoch")) < 30);
  await page.context().close();
}

async function aMissingModuleIsReported() {
  const page = await (await browser.newContext()).newPage();
  await page.route("**/web.wasm", (route) => route.fulfill({ status: 404 }));
  await page.goto(url);
  await page.waitForSelector("#error:visible");
  assert.match(await page.textContent("#error"), /web\.wasm: 404/);
}

try {
  for (const test of [
    simdIsBitIdentical, digitsAreReadAsNatively, theKeyboardDraws, aFingerDraws, darkModeIsDarkAndReadsTheSame,
    aNetworkIsTrainedAsNatively, aMissingModuleIsReported,
  ]) {
    await test();
    console.log(`ok ${test.name}`);
  }
} finally {
  await browser.close();
  server.close();
}
