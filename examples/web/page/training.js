// The tab that trains a network.

import { paintTiles } from "./picture.js";

const EPOCHS = 30;
const STEPS = EPOCHS * 400; // 20,000 digits in batches of 50
const MOST = 2.5; // of the loss; that of guessing is ln 10 = 2.3

export function startTraining() {
  const find = (id) => document.getElementById(id);
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const curve = find("curve");
  const button = find("train");
  let points = [];
  let weights = null;
  let isRunning = false;
  let begun = 0;
  let isScheduled = false;

  const redraw = () => {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(() => {
      isScheduled = false;
      // In the units of the curve's viewBox, 300 x 150.
      const place = ({ steps, loss }) => `${(300 * steps) / STEPS},${150 - (150 * Math.min(loss, MOST)) / MOST}`;
      curve.setAttribute("points", points.map(place).join(" "));
      if (weights) paintTiles(find("weights"), weights);
    });
  };

  const end = (text) => {
    isRunning = false;
    button.textContent = "Train again";
    find("progress").textContent = text;
  };

  const seconds = () => ((performance.now() - begun) / 1000).toFixed(1);

  worker.addEventListener("message", ({ data }) => {
    if (data.failed) {
      end(`The training failed: ${data.failed}`);
    } else if (data.ended) {
      end(`${find("accuracy").textContent} of new digits read after ${find("epoch").textContent} epochs, ${seconds()} s.`);
    } else if (data.weights) {
      weights = data.weights;
      find("epoch").textContent = data.epoch;
      if (data.epoch === 0) begun = performance.now();
      else find("accuracy").textContent = `${(100 * data.accuracy).toFixed(1)} %`;
      find("progress").textContent = "Training …";
    } else {
      points.push(data);
      find("loss").textContent = data.loss.toFixed(3);
    }
    redraw();
  });
  worker.addEventListener("error", (event) => end(`The training failed: ${event.message}`));

  button.addEventListener("click", () => {
    if (isRunning) return worker.postMessage({ stop: true });
    isRunning = true;
    button.textContent = "Stop";
    [points, weights] = [[], null];
    for (const id of ["accuracy", "loss"]) find(id).textContent = "–";
    find("progress").textContent = "Drawing 21,000 digits …";
    worker.postMessage({ begin: EPOCHS });
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
