// The tab that reads a digit at every stroke.

import { Drawing } from "./drawing.js";
import { paint } from "./picture.js";

const SAID_AFTER = 600; // milliseconds without a stroke, so that a screen reader is not interrupted by every one

export function startReading(model) {
  const find = (id) => document.getElementById(id);
  const announcement = find("announcement");
  const rows = Array.from({ length: 10 }, (_, digit) => row(digit));
  find("probabilities").append(...rows.map(({ item }) => item));

  let timer = 0;
  const say = (text, after) => {
    clearTimeout(timer);
    timer = setTimeout(() => (announcement.textContent = text), after);
  };

  const update = () => {
    const begun = performance.now();
    drawing.copyInk(model.drawing);
    const read = model.read();
    show(read);
    const milliseconds = performance.now() - begun;
    find("time").textContent = read
      ? `${read.microseconds.toFixed(1)} µs per prediction, on one core. Scaling, ${read.times.toLocaleString("en")} predictions, gradient and ` +
        `pictures of this stroke: ${milliseconds.toFixed(1)} ms.`
      : "";
  };

  const show = (read) => {
    const isEmpty = drawing.isEmpty;
    find("undo").disabled = find("clear").disabled = isEmpty;
    find("invitation").hidden = !isEmpty;
    paint(find("seen"), model.pixels, read ? model.attributions : null);
    const percent = (digit) => `${(100 * model.probabilities[digit]).toFixed(1)} %`;
    for (const { item, bar, text, digit } of rows) {
      item.classList.toggle("best", digit === read?.digit);
      bar.style.transform = `scaleX(${read ? model.probabilities[digit] : 0})`;
      text.textContent = read ? percent(digit) : "";
    }
    document.querySelector(".answer").textContent = read ? read.digit : "–";
    document.querySelector(".certainty").textContent = read ? percent(read.digit) : "";
    document.querySelector(".winner").textContent = read ? `a ${read.digit}` : "the digit";
    const words = read ? `Read as ${read.digit}, ${percent(read.digit)}` : "No digit yet";
    find("seen").setAttribute("aria-label", `The digit in 28 by 28 pixels. ${words}`);
    if (read) say(words, SAID_AFTER);
  };

  const drawing = new Drawing(find("drawing"), find("pen"), update, (text) => say(text, 0));
  find("undo").addEventListener("click", () => drawing.undo());
  find("clear").addEventListener("click", () => {
    drawing.clear();
    say("Cleared", 0);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawing.redraw());
  update();
}

function row(digit) {
  const item = document.createElement("li");
  const [name, track, bar, text] = ["digit", "track", "bar", "percent"].map((kind) => {
    const part = document.createElement("span");
    part.className = kind;
    return part;
  });
  name.textContent = digit;
  track.append(bar);
  item.append(name, track, text);
  return { item, bar, text, digit };
}
