const SIDE = 280; // the sketch has SIDE x SIDE pixels; points and PEN are in these
const PEN = 20;
const NEAR = 1; // a point as near as this to the last one adds nothing
const FULL = 50_000; // points of a stroke: the paper is black by then
const CORNER = Math.cos(Math.PI / 3); // sharper turns than this stay corners
const STEP = 10; // of the arrow keys
const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1],
  PageUp: [1, -1],
  End: [-1, 1],
  PageDown: [1, 1],
};
const SMALLEST = 8; // pixels a side of a picture
const LARGEST = 15_000; // characters of a data URL, so that a question stays under 16 KB

// What is on the paper: strokes, each a list of points [x, y], or a picture, a data URL.
// changed(why) is called with "moved" for the pen, "lifted", "full" if its stroke takes no more points, and "replaced" if
// another drawing lies there; say(text) tells where the keyboard's pen is.
function makePaper(element, changed, say) {
  const canvas = element.querySelector("canvas");
  const picture = element.querySelector(".picture");
  const cursor = element.querySelector(".cursor");
  const screen = canvas.getContext("2d");
  const sketch = canvasOf(SIDE, SIDE);
  const states = [{ strokes: [], picture: "" }];
  let pointer = null; // the pointer that draws, by the event that put it down
  let pen = null; // where the keyboard's is, in `at`, and whether it is down

  const now = () => states.at(-1);
  const isBlank = () => !now().strokes.length && !now().picture;

  function paint(points, from) {
    for (const context of [screen, sketch]) paintCurve(context, points, from);
  }

  function redraw() {
    for (const context of [screen, sketch]) {
      const { width, height } = context.canvas;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      if (context === sketch) fillBehind(sketch, "white");
      context.scale(width / SIDE, height / SIDE);
      context.lineWidth = PEN;
      context.lineCap = context.lineJoin = "round";
    }
    now().strokes.forEach((points) => paint(points, 0));
    picture.hidden = !now().picture;
    if (now().picture) picture.src = now().picture;
  }

  function put(state) {
    pointer = pen = null;
    cursor.hidden = true;
    states.push(state);
    redraw();
    changed("replaced");
  }

  function begin(point) {
    const { strokes, picture: former } = now();
    states.push({ strokes: [...strokes, [point]], picture: "" });
    if (former) redraw();
    else paint([point], 0);
    changed("moved");
  }

  function extend(points) {
    const stroke = now().strokes.at(-1);
    const before = stroke.length;
    for (const point of points) {
      const last = stroke.at(-1);
      const far = Math.hypot(point[0] - last[0], point[1] - last[1]) > NEAR;
      if (far && stroke.length < FULL) stroke.push(point);
    }
    if (stroke.length === before) return;
    paint(stroke, Math.max(0, before - 2)); // the curve's last part bends with the next point
    changed(stroke.length < FULL ? "moved" : "full");
  }

  function lifted() {
    redraw(); // the curve as it is now, without the bends it had before its next point was known
    changed("lifted");
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * SIDE) / box.width;
    const y = ((event.clientY - box.top) * SIDE) / box.height;
    return [Math.round(10 * x) / 10, Math.round(10 * y) / 10];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const palm = pointer?.pointerType === "touch" && event.pointerType === "pen";
    if (pointer && !palm) return;
    if (palm) {
      states.pop();
      redraw();
    }
    lift();
    fit(); // the window may have come to a finer screen
    pointer = event;
    canvas.setPointerCapture(event.pointerId);
    begin(place(event));
  });

  // Else the browser may take a quick stroke for a fling, and the next tap for its end.
  canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer?.pointerId || event.buttons === 0) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    extend((coalesced.length ? coalesced : [event]).map(place));
  });

  canvas.addEventListener("lostpointercapture", (event) => {
    if (event.pointerId !== pointer?.pointerId) return;
    pointer = null;
    lifted();
  });

  function lift() {
    const down = pen?.down;
    pen = null;
    cursor.hidden = true;
    if (down) lifted();
  }

  function point() {
    pen ??= { at: [SIDE / 2, SIDE / 4], down: false };
    cursor.hidden = false;
    cursor.classList.toggle("down", pen.down);
    cursor.style.left = `${(100 * pen.at[0]) / SIDE}%`;
    cursor.style.top = `${(100 * pen.at[1]) / SIDE}%`;
    const [across, down] = pen.at.map((value) => Math.round((100 * value) / SIDE));
    return `Pen ${pen.down ? "down" : "up"}, ${across} % across, ${down} % down`;
  }

  canvas.addEventListener("blur", lift);
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible") && !pointer) point();
  });

  canvas.addEventListener("keydown", (event) => {
    if (pointer || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault();
    point();
    if (step) {
      pen.at = pen.at.map((value, axis) => Math.min(SIDE, Math.max(0, value + STEP * step[axis])));
      if (pen.down) extend([pen.at]);
    } else if (!event.repeat) {
      pen.down = !pen.down;
      if (pen.down) begin(pen.at);
      else lifted();
    }
    say(point());
  });

  function fit() {
    const pixels = Math.round(canvas.clientWidth * devicePixelRatio);
    if (!pixels || pixels === canvas.width) return;
    canvas.width = canvas.height = pixels;
    redraw();
  }

  new ResizeObserver(fit).observe(canvas);
  redraw();

  return {
    isBlank,
    isDrawn: () => now().strokes.length > 0,
    isMoving: () => Boolean(pointer || pen?.down),
    content: now,
    // What the networks get, as a data URL.
    sketch: () => now().picture || encoded(sketch.canvas, "image/png"),
    clear: () => isBlank() || put({ strokes: [], picture: "" }),
    draw: (strokes) => put({ strokes, picture: "" }),
    undo() {
      if (states.length === 1) return;
      states.pop();
      put(states.pop());
    },
    restore(content) {
      for (let i = 1; i < content.strokes.length; i++)
        states.push({ strokes: content.strokes.slice(0, i), picture: "" });
      put(content);
    },
    show: (url) => put({ strokes: [], picture: url }),
  };
}

class TooSmall extends Error {}

// An image file as a data URL, as small as the networks need it, on white or, if it is light on nothing, on black.
async function small(file) {
  const image = await createImageBitmap(file);
  if (Math.min(image.width, image.height) < SMALLEST) throw new TooSmall();
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(SMALLEST, Math.round(side * scale)));
  const context = canvasOf(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const dark = data.some((_, i) => i % 4 === 0 && data[i + 3] > 128 && data[i] + data[i + 1] + data[i + 2] < 384);
  fillBehind(context, dark ? "white" : "black");
  return encoded(context.canvas, "image/jpeg");
}

const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");

function fillBehind(context, colour) {
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

// A data URL of at most LARGEST characters: of `type`, or a JPEG of lower quality.
function encoded(canvas, type) {
  let url = canvas.toDataURL(type, 0.9);
  for (let quality = 0.9; url.length > LARGEST && quality > 0; quality -= 0.2)
    url = canvas.toDataURL("image/jpeg", quality);
  return url;
}

// Draws the smooth curve through `points`, from the one numbered `from` on.
function paintCurve(context, points, from) {
  context.beginPath();
  context.moveTo(...points[from]);
  if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]); // without length it would leave no dot
  for (let i = from + 1; i < points.length; i++) {
    const [[x, y], [toX, toY]] = [points[i - 1], points[i]];
    const third = Math.hypot(toX - x, toY - y) / 3;
    const [outX, outY] = direction(points, i - 1);
    const [inX, inY] = direction(points, i);
    context.bezierCurveTo(x + third * outX, y + third * outY, toX - third * inX, toY - third * inY, toX, toY);
    if (i % 1000 === 0) {
      context.stroke(); // a path of a million points takes the browser seconds
      context.beginPath();
      context.moveTo(toX, toY);
    }
  }
  context.stroke();
}

// Of the curve at a point, as a unit vector; [0, 0] at its start and at corners. At its end it goes on as a circle.
function direction(points, i) {
  if (i === 0) return [0, 0];
  if (i === points.length - 1) return mirrored(direction(points, i - 1), points[i - 1], points[i]);
  const [[fromX, fromY], [x, y], [toX, toY]] = [points[i - 1], points[i], points[i + 1]];
  const before = Math.hypot(x - fromX, y - fromY);
  const after = Math.hypot(toX - x, toY - y);
  const [inX, inY, outX, outY] = [(x - fromX) / before, (y - fromY) / before, (toX - x) / after, (toY - y) / after];
  if (inX * outX + inY * outY < CORNER) return [0, 0];
  const length = Math.hypot(inX + outX, inY + outY);
  return [(inX + outX) / length, (inY + outY) / length];
}

function mirrored([x, y], [fromX, fromY], [toX, toY]) {
  const [acrossX, acrossY] = [toX - fromX, toY - fromY];
  const twice = (2 * (x * acrossX + y * acrossY)) / (acrossX ** 2 + acrossY ** 2);
  return [twice * acrossX - x, twice * acrossY - y];
}
