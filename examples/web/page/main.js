// Starts the page, or says why it cannot.

import { model } from "./model.js";
import { startReading } from "./reading.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
let training = null;

function report(error) {
  const place = document.getElementById("error");
  place.textContent = `The page cannot start: ${error.message ?? error}. It needs WebAssembly with 128-bit SIMD.`;
  place.hidden = false;
}

function select(tab) {
  for (const each of tabs) {
    const isSelected = each === tab;
    each.setAttribute("aria-selected", isSelected);
    each.tabIndex = isSelected ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).hidden = !isSelected;
  }
  // What trains is loaded only where it is wanted.
  if (tab.id === "tab-training") {
    training ??= import("./training.js").then(({ startTraining }) => startTraining());
    training.catch(report);
  }
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => select(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = tabs.at((i + step) % tabs.length);
    next.focus();
    select(next);
  });
}
select(tabs.find((tab) => `#${tab.getAttribute("aria-controls")}` === location.hash) ?? tabs[0]);

try {
  startReading(await model);
} catch (error) {
  report(error);
}
