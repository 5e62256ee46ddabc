// Draws strokes as grey pixels, the input of the networks. The page does not read its canvas back, because browsers
// that hinder fingerprinting return false pixels or none.
const MAX_URL_LENGTH = 15_000; // characters of a data URL; keeps a question below 16 kB
const MAX_DEVIATION = 0.05; // pixels between the curve and the lines that replace it

// Returns a function that draws strokes, lists of points, as {grey, width, height}. It keeps what it drew, so that a
// growing drawing costs only its new points.
function makePixels() {
  const finished = new Uint8Array(WIDTH * HEIGHT); // shows the strokes `drawn`, up to point `reached` of the last one
  let drawn = null;
  let reached = 0;

  return function pixels(strokes) {
    if (drawn === null || drawn.some((points, i) => points !== strokes[i])) {
      finished.fill(255);
      drawn = [];
    }
    for (let i = Math.max(0, drawn.length - 1); i < strokes.length; i++) {
      const points = strokes[i];
      if (i === drawn.length) {
        drawn.push(points);
        reached = 0;
        inkLine(finished, ...points[0], ...points[0]);
      }
      const last = points.length - (i === strokes.length - 1 ? 2 : 1); // the next point bends the newest curve
      for (; reached < last; reached++) inkCurve(finished, bezier(points, reached + 1));
    }
    const grey = finished.slice();
    const newest = strokes[strokes.length - 1] ?? [];
    if (newest.length > 1) inkCurve(grey, bezier(newest, newest.length - 1));
    return { grey, width: WIDTH, height: HEIGHT };
  };
}

function inkCurve(grey, [x0, y0, x1, y1, x2, y2, x3, y3]) {
  const bend = Math.max(Math.hypot(x0 - 2 * x1 + x2, y0 - 2 * y1 + y2), Math.hypot(x1 - 2 * x2 + x3, y1 - 2 * y2 + y3));
  const lines = Math.max(1, Math.ceil(Math.sqrt((0.75 * bend) / MAX_DEVIATION)));
  let [fromX, fromY] = [x0, y0];
  for (let i = 1; i <= lines; i++) {
    const [t, s] = [i / lines, 1 - i / lines];
    const x = s ** 3 * x0 + 3 * s * s * t * x1 + 3 * s * t * t * x2 + t ** 3 * x3;
    const y = s ** 3 * y0 + 3 * s * s * t * y1 + 3 * s * t * t * y2 + t ** 3 * y3;
    inkLine(grey, fromX, fromY, x, y);
    [fromX, fromY] = [x, y];
  }
}

// Darkens the pixels that the round pen covers on its way along a line. At its rim it covers them in part.
function inkLine(grey, fromX, fromY, toX, toY) {
  const inner = PEN_WIDTH / 2 - 0.5;
  const [acrossX, acrossY] = [toX - fromX, toY - fromY];
  const square = acrossX * acrossX + acrossY * acrossY || 1;
  const first = (from, to) => Math.max(0, Math.floor(Math.min(from, to) - inner - 1));
  const last = (from, to, side) => Math.min(side - 1, Math.ceil(Math.max(from, to) + inner + 1));
  const [left, right, bottom] = [first(fromX, toX), last(fromX, toX, WIDTH), last(fromY, toY, HEIGHT)];
  for (let row = first(fromY, toY); row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const i = row * WIDTH + column;
      if (grey[i] === 0) continue;
      const x = column + 0.5 - fromX;
      const y = row + 0.5 - fromY;
      const share = Math.min(1, Math.max(0, (x * acrossX + y * acrossY) / square));
      const awayX = x - share * acrossX;
      const awayY = y - share * acrossY;
      const level = Math.max(0, Math.round(255 * (Math.sqrt(awayX * awayX + awayY * awayY) - inner)));
      if (level < grey[i]) grey[i] = level;
    }
  }
}

// The data URL of a sketch, which is {grey, width, height} of strokes, or {url, width, height} of a picture. That of
// strokes takes at most MAX_URL_LENGTH characters: a full page is sent in fewer levels of grey.
async function sketchUrl(sketch) {
  if (sketch.url) return sketch.url;
  for (const bits of [8, 4, 2]) {
    const url = await compressedUrl(sketch, bits);
    if (url.length <= MAX_URL_LENGTH) return url;
  }
  return compressedUrl(sketch, 1);
}
