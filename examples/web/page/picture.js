// Pictures of pixels in the page's colours.

const color = (name) => {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
};

// Paints `ink`, from 0 to 1, in grey, and `signed` values, each relative to the largest, in two colours over it.
export function paint(canvas, ink, signed) {
  const [paper, grey, positive, negative] = ["--paper", "--quiet", "--for", "--against"].map(color);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const largest = signed ? signed.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : 0;
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    // The square root keeps small values visible.
    const share = largest > 0 ? Math.sqrt(Math.abs(signed[i]) / largest) : 0;
    const hue = signed?.[i] < 0 ? negative : positive;
    for (let c = 0; c < 3; c++) {
      const base = paper[c] + 0.55 * ink[i] * (grey[c] - paper[c]);
      image.data[4 * i + c] = base + share * (hue[c] - base);
    }
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
