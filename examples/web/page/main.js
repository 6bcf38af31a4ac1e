// Starts the page, or says why it cannot.

import { model } from "./model.js";
import { startReading } from "./reading.js";

try {
  startReading(await model);
} catch (error) {
  const place = document.getElementById("error");
  place.textContent = `This page needs WebAssembly with 128-bit SIMD: ${error.message ?? error}`;
  place.hidden = false;
}
