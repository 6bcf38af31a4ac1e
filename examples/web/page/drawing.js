// A canvas to draw on with a mouse, a finger, a stylus or the keyboard. Ink is what is not transparent.

const PEN = 22; // pixels of 280: two of MNIST's, once the digit is scaled
const STEP = 10;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Drawing {
  #canvas;
  #context;
  #pen; // the mark of the keyboard's pen
  #at; // where that is
  #isDown = false;
  #strokes = [];
  #pointer = null; // the id of the one that draws
  #changed;
  #isScheduled = false;

  // `changed` is called before a frame is shown, `said` with what a screen reader should say of the pen.
  constructor(canvas, pen, changed, said) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.#pen = pen;
    this.#at = [canvas.width / 2, canvas.height / 2];
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.#release(event));
    }
    canvas.addEventListener("keydown", (event) => this.#key(event, said));
    canvas.addEventListener("blur", () => this.#lift());
    this.#show();
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  // Copies the opacity of each pixel.
  copyInk(bytes) {
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    for (let i = 0; i < bytes.length; i++) bytes[i] = data[4 * i + 3];
  }

  undo() {
    this.#lift();
    this.#strokes.pop();
    this.redraw();
  }

  clear() {
    this.#lift();
    this.#strokes = [];
    this.redraw();
  }

  // Once per frame, however many events there are.
  redraw() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      this.#draw();
      this.#changed();
    });
  }

  #draw() {
    const context = this.#context;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.strokeStyle = context.fillStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    for (const [first, ...rest] of this.#strokes) {
      // A dot: browsers differ on whether a line without a length has round ends.
      context.beginPath();
      context.arc(...first, PEN / 2, 0, 2 * Math.PI);
      context.fill();
      context.beginPath();
      context.moveTo(...first);
      for (const point of rest) context.lineTo(...point);
      context.stroke();
    }
  }

  #press(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#lift();
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#strokes.push([this.#place(event)]);
    this.redraw();
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const places = (events.length ? events : [event]).map((each) => this.#place(each));
    this.#strokes.at(-1).push(...places);
    this.redraw();
  }

  #release(event) {
    if (event.pointerId === this.#pointer) this.#pointer = null;
  }

  #place(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [
      ((event.clientX - left) * this.#canvas.width) / width,
      ((event.clientY - top) * this.#canvas.height) / height,
    ];
  }

  #key(event, said) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = ARROWS[event.key];
    if (direction) {
      const size = this.#canvas.width;
      this.#at = this.#at.map((value, i) => Math.min(size, Math.max(0, value + STEP * direction[i])));
      if (this.#isDown) {
        this.#strokes.at(-1).push(this.#at);
        this.redraw();
      }
    } else if (event.key === " " && !event.repeat) {
      this.#isDown = !this.#isDown;
      if (this.#isDown) this.#strokes.push([this.#at]);
      said(this.#isDown ? "Pen down" : "Pen up");
      this.redraw();
    } else if (event.key === "Backspace") {
      this.undo();
    } else if (event.key === "Delete") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault(); // of scrolling
    this.#show();
  }

  #lift() {
    this.#isDown = false;
    this.#pointer = null;
    this.#show();
  }

  #show() {
    const [x, y] = this.#at.map((value) => `${(100 * value) / this.#canvas.width}%`);
    this.#pen.style.left = x;
    this.#pen.style.top = y;
    this.#pen.classList.toggle("down", this.#isDown);
  }
}
