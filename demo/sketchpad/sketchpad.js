const SIDE = 280; // the sketch that is sent has SIDE x SIDE pixels; points and BRUSH are in these
const BRUSH = 20;
const PAUSE = 40; // milliseconds between two sketches while the pen moves

const canvas = element.querySelector("canvas");
const invitation = element.querySelector(".invitation");
const screen = canvas.getContext("2d");
const paper = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
const sketch = paper.getContext("2d", { willReadFrequently: true });
let strokes = [];
let pointer = null;
let timer = null;

screen.scale(canvas.width / SIDE, canvas.height / SIDE);
screen.lineWidth = BRUSH;
screen.lineCap = screen.lineJoin = "round";

function point(event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
}

function paint(points) {
  screen.beginPath();
  screen.moveTo(...points[0]);
  for (const next of points) screen.lineTo(...next);
  screen.stroke();
}

function send() {
  clearTimeout(timer);
  timer = null;
  invitation.hidden = strokes.length > 0;
  if (strokes.length) {
    sketch.fillStyle = "white";
    sketch.fillRect(0, 0, SIDE, SIDE);
    sketch.drawImage(canvas, 0, 0, SIDE, SIDE);
  }
  props.value = strokes.length ? paper.toDataURL("image/png") : "";
  trigger("input");
}

function redraw() {
  pointer = null;
  screen.clearRect(0, 0, SIDE, SIDE);
  strokes.forEach(paint);
  send();
}

canvas.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  pointer = event.pointerId;
  canvas.setPointerCapture(pointer);
  strokes.push([point(event)]);
  paint(strokes.at(-1));
  send();
});

canvas.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer || event.buttons === 0) return;
  const stroke = strokes.at(-1);
  const added = (event.getCoalescedEvents?.() ?? []).map(point);
  stroke.push(...(added.length ? added : [point(event)]));
  paint(stroke.slice(-added.length - 2));
  timer ??= setTimeout(send, PAUSE);
});

canvas.addEventListener("lostpointercapture", (event) => {
  if (event.pointerId !== pointer) return;
  pointer = null;
  send();
});

element.querySelector("#undo").addEventListener("click", () => {
  strokes.pop();
  redraw();
});

element.querySelector("#clear").addEventListener("click", () => {
  strokes = [];
  redraw();
});
