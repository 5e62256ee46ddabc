// The smooth curve of a stroke. Between two points it is a Bézier curve.
const CORNER_COSINE = Math.cos(Math.PI / 3); // sharper turns stay corners

// The curve from point `i` - 1 to point `i`: its start, both control points, and its end.
function bezier(points, i) {
  const [[x, y], [toX, toY]] = [points[i - 1], points[i]];
  const third = Math.hypot(toX - x, toY - y) / 3;
  const [outX, outY] = direction(points, i - 1);
  const [inX, inY] = direction(points, i);
  return [x, y, x + third * outX, y + third * outY, toX - third * inX, toY - third * inY, toX, toY];
}

// Draws strokes with a round pen, which the context keeps.
function paintStrokes(context, strokes) {
  context.strokeStyle = "black";
  context.lineWidth = PEN_WIDTH;
  context.lineCap = context.lineJoin = "round";
  strokes.forEach((points) => paintCurve(context, points, 0));
}

// Draws the smooth curve through `points`, starting at index `from`.
function paintCurve(context, points, from) {
  context.beginPath();
  context.moveTo(...points[from]);
  if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]); // a line of length 0 would leave no dot
  for (let i = from + 1; i < points.length; i++) {
    context.bezierCurveTo(...bezier(points, i).slice(2));
    if (i % 1000 === 0) {
      context.stroke(); // the browser needs seconds for a path of a million points
      context.beginPath();
      context.moveTo(...points[i]);
    }
  }
  context.stroke();
}

// The direction of the curve at point `i`, a unit vector; [0, 0] at the start and at corners. The end continues as a
// circle.
function direction(points, i) {
  if (i === 0) return [0, 0];
  if (i === points.length - 1) return mirrored(direction(points, i - 1), points[i - 1], points[i]);
  const [[fromX, fromY], [x, y], [toX, toY]] = [points[i - 1], points[i], points[i + 1]];
  const before = Math.hypot(x - fromX, y - fromY);
  const after = Math.hypot(toX - x, toY - y);
  const [inX, inY, outX, outY] = [(x - fromX) / before, (y - fromY) / before, (toX - x) / after, (toY - y) / after];
  if (inX * outX + inY * outY < CORNER_COSINE) return [0, 0];
  const length = Math.hypot(inX + outX, inY + outY);
  return [(inX + outX) / length, (inY + outY) / length];
}

function mirrored([x, y], [fromX, fromY], [toX, toY]) {
  const [acrossX, acrossY] = [toX - fromX, toY - fromY];
  const twice = (2 * (x * acrossX + y * acrossY)) / (acrossX ** 2 + acrossY ** 2);
  return [twice * acrossX - x, twice * acrossY - y];
}
