const SIDE = 280; // the sketch has SIDE x SIDE pixels; points and PEN are in these
const PEN = 20;
const NEAR = 1; // a point as near as this to the last one adds nothing
const FULL = 50_000; // points of a stroke: the paper is black by then
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
