const [WIDTH, HEIGHT] = [420, 280]; // of the sketch in pixels; all other lengths are in these pixels
const PEN_WIDTH = 8; // one digit may fill the paper, and digits from a tenth of its height on are not blots
const MIN_DISTANCE = 1; // a new point must be farther than this from the last one
const MAX_POINTS = 50_000; // of a stroke; by then the paper is black
const TAP_DISTANCE = 6; // a pointer that moves less does not replace a picture
const PINCH_TIME = 250; // milliseconds between two fingers that zoom
const KEY_STEP = 10; // distance that an arrow key moves the pen
const KEY_DIRECTIONS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-1, -1],
  PageUp: [1, -1],
  End: [-1, 1],
  PageDown: [1, 1],
};

// The paper holds strokes, each a list of points [x, y], or a picture: data URLs of what is read and of what is shown,
// in colour, and the size of what is read. It calls changed(reason) when the pen "moved" or was "lifted", when a stroke
// is "full" and takes no more points, and when the drawing was "replaced". announce(text) receives the position of the
// keyboard's pen.
function makePaper(element, changed, announce) {
  const canvas = element.querySelector("canvas");
  const picture = element.querySelector(".picture");
  const cursor = element.querySelector(".cursor");
  const screen = canvas.getContext("2d");
  const pixels = makePixels();
  const states = [{ strokes: [], picture: "" }];
  let undone = []; // states that redo() brings back, the next one last
  let pointer = null; // the pointerdown event of the pointer that draws
  let start = null; // where that pointer touched a picture, until it moves
  let pen = null; // the keyboard's pen: its position `at`, and whether it is `down`

  const content = () => states.at(-1);
  const isBlank = () => !content().strokes.length && !content().picture;

  // The paper is painted, not styled: browsers and extensions that force dark pages darken styles, but not the ink.
  function redraw() {
    const { width, height } = canvas;
    screen.setTransform(width / WIDTH, 0, 0, height / HEIGHT, 0, 0);
    screen.clearRect(0, 0, WIDTH, HEIGHT);
    screen.fillStyle = "white";
    if (!content().picture) screen.fillRect(0, 0, WIDTH, HEIGHT);
    paintStrokes(screen, content().strokes);
    picture.hidden = !content().picture;
    if (content().picture) picture.src = content().shown ?? content().picture;
  }

  function push(state) {
    states.push(state);
    undone = [];
  }

  function replace(state) {
    pointer = start = null;
    if (pen) pen.down = false;
    if (!cursor.hidden) showPen();
    push(state);
    redraw();
    changed("replaced");
  }

  function begin(point) {
    const { strokes, picture: previousPicture } = content();
    push({ strokes: [...strokes, [point]], picture: "" });
    if (previousPicture) redraw();
    else paintCurve(screen, [point], 0);
    changed(previousPicture ? "replaced" : "moved");
  }

  function extend(points) {
    const stroke = content().strokes.at(-1);
    const before = stroke.length;
    for (const point of points) {
      const last = stroke.at(-1);
      const isFar = Math.hypot(point[0] - last[0], point[1] - last[1]) > MIN_DISTANCE;
      if (isFar && stroke.length < MAX_POINTS) stroke.push(point);
    }
    if (stroke.length === before) return;
    paintCurve(screen, stroke, Math.max(0, before - 2)); // each new point bends the curve's last part
    changed(stroke.length < MAX_POINTS ? "moved" : "full");
  }

  function finishStroke() {
    redraw(); // removes old bends, painted before their next point was known
    changed("lifted");
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * WIDTH) / box.width;
    const y = ((event.clientY - box.top) * HEIGHT) / box.height;
    return [Math.round(10 * x) / 10, Math.round(10 * y) / 10];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointer?.pointerType === "touch" && event.pointerType === "pen") dropStroke(); // that was the palm
    if (pointer) return;
    liftPen();
    fitScreen(); // the window may have moved to a screen of higher resolution
    pointer = event;
    canvas.setPointerCapture(event.pointerId);
    if (content().picture) start = position(event);
    else begin(position(event));
  });

  function dropStroke() {
    pointer = null;
    if (start) return (start = null);
    states.pop();
    redraw();
    changed("replaced");
  }

  // Two fingers on the paper zoom, but not if the later one is a palm.
  canvas.parentElement.addEventListener(
    "touchstart",
    (event) => {
      const fingers = [...event.touches].filter(({ target }) => event.currentTarget.contains(target));
      if (fingers.length < 2 || pointer?.pointerType !== "touch") return;
      if (event.timeStamp - pointer.timeStamp < PINCH_TIME) dropStroke();
      else event.preventDefault();
    },
    { passive: false },
  );

  // Otherwise the browser may treat a quick stroke as a fling, and the next tap as its end.
  canvas.addEventListener(
    "touchmove",
    (event) => pointer && event.cancelable && event.preventDefault(), // a zoom that has begun cannot be cancelled
    { passive: false },
  );

  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer?.pointerId || event.buttons === 0) return;
    if (start) {
      const [x, y] = position(event);
      if (Math.hypot(x - start[0], y - start[1]) < TAP_DISTANCE) return;
      begin(start);
      start = null;
    }
    const coalesced = event.getCoalescedEvents?.() ?? [];
    extend((coalesced.length ? coalesced : [event]).map(position));
  });

  canvas.addEventListener("lostpointercapture", (event) => {
    if (event.pointerId !== pointer?.pointerId) return;
    pointer = null;
    if (!start) finishStroke();
    start = null;
  });

  canvas.addEventListener("contextmenu", (event) => pointer && event.preventDefault()); // of a finger that rests

  function liftPen() {
    const wasDown = pen?.down;
    if (pen) pen.down = false;
    cursor.hidden = true;
    if (wasDown) finishStroke();
  }

  // Shows the keyboard's pen and returns its position as text.
  function showPen() {
    pen ??= { at: [WIDTH / 2, HEIGHT / 4], down: false };
    cursor.hidden = false;
    cursor.classList.toggle("down", pen.down);
    const [across, down] = [(100 * pen.at[0]) / WIDTH, (100 * pen.at[1]) / HEIGHT];
    Object.assign(cursor.style, { left: `${across}%`, top: `${down}%` });
    return `Pen ${pen.down ? "down" : "up"}, ${Math.round(across)} % across, ${Math.round(down)} % down`;
  }

  canvas.addEventListener("blur", liftPen);
  canvas.addEventListener("focus", () => {
    if (canvas.matches(":focus-visible") && !pointer) showPen();
  });

  canvas.addEventListener("keydown", (event) => {
    if (pointer || event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = KEY_DIRECTIONS[event.key];
    if (!direction && event.key !== " ") return;
    event.preventDefault();
    if (!direction && event.repeat) return;
    showPen();
    if (direction) {
      const size = [WIDTH, HEIGHT];
      pen.at = pen.at.map((value, axis) => Math.min(size[axis], Math.max(0, value + KEY_STEP * direction[axis])));
    } else pen.down = !pen.down;
    announce(showPen()); // before the answer, which may be known already
    if (direction) {
      if (pen.down) extend([pen.at]);
    } else if (pen.down) begin(pen.at);
    else finishStroke();
  });

  function fitScreen() {
    const sides = [canvas.clientWidth, canvas.clientHeight];
    const [width, height] = sides.map((side) => Math.round(side * devicePixelRatio));
    if (!width || !height || (width === canvas.width && height === canvas.height)) return;
    Object.assign(canvas, { width, height });
    redraw();
  }

  new ResizeObserver(fitScreen).observe(canvas);
  redraw();

  return {
    isBlank,
    isMoving: () => Boolean((pointer && !start) || pen?.down),
    canUndo: () => states.length > 1,
    content,
    // The input of the networks, as sketchUrl() describes it.
    sketch() {
      const { picture: url, width, height, strokes } = content();
      return url ? { url, width, height } : pixels(strokes);
    },
    newestPoint: () => content().strokes.at(-1)?.at(-1),
    clear: () => isBlank() || replace({ strokes: [], picture: "" }),
    draw: (strokes) => replace({ strokes, picture: "" }),
    undo() {
      if (states.length === 1) return;
      const later = [...undone, states.pop()];
      replace(states.pop());
      undone = later;
    },
    redo() {
      if (!undone.length) return;
      const later = undone.slice(0, -1);
      replace(undone.at(-1));
      undone = later;
    },
    restore(drawing) {
      for (let i = 1; i < drawing.strokes.length; i++)
        states.push({ strokes: drawing.strokes.slice(0, i), picture: "" });
      replace(drawing);
    },
    show: (picture) => replace({ strokes: [], ...picture }),
  };
}
