// Pictures of pixels in the page's colours.

const SIDE = 28;
const GAP = 1; // between tiles

const color = (name) => {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
};

const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

// A colour between `base` and that of a sign, for a share from -1 to 1.
function blend(base, share, [positive, negative]) {
  const hue = share < 0 ? negative : positive;
  return base.map((value, c) => value + Math.abs(share) * (hue[c] - value));
}

// Paints `ink`, from 0 to 1, in grey, and `signed` values in two colours over it: each by the square root of its share of the
// largest, which keeps small ones visible.
export function paint(canvas, ink, signed) {
  const [paper, grey, ...signs] = ["--paper", "--quiet", "--for", "--against"].map(color);
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  const most = (signed && largest(signed)) || 1;
  ink.forEach((value, i) => {
    const base = paper.map((from, c) => from + 0.55 * value * (grey[c] - from));
    const share = (signed?.[i] ?? 0) / most;
    image.data.set([...blend(base, Math.sign(share) * Math.sqrt(Math.abs(share)), signs), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

// Paints `values`, `[tiles, 28, 28]`, as tiles, each relative to its largest value.
export function paintTiles(canvas, values) {
  const [paper, ...signs] = ["--paper", "--for", "--against"].map(color);
  const context = canvas.getContext("2d");
  const step = SIDE + GAP;
  const columns = Math.floor((canvas.width + GAP) / step);
  for (let tile = 0; tile * SIDE * SIDE < values.length; tile++) {
    const weights = values.subarray(tile * SIDE * SIDE, (tile + 1) * SIDE * SIDE);
    const most = largest(weights) || 1;
    const image = context.createImageData(SIDE, SIDE);
    weights.forEach((value, i) => image.data.set([...blend(paper, value / most, signs), 255], 4 * i));
    context.putImageData(image, (tile % columns) * step, Math.floor(tile / columns) * step);
  }
}
