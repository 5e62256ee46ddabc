const PAUSE = 50; // milliseconds from one question to the next while the pen moves
const AHEAD = 3; // questions on their way then, so that a slow network does not slow them down
const PATIENCE = 5_000; // milliseconds until a question without an answer is asked anew
const RETRY = 1_000;

// `server` has read({canvas, drawn, inside}) and keep({canvas, digit}), as app.py has; `collectsIn` names the folder
// in which keep() stores drawings, "" if there is none.
function sketchpad(element, server, collectsIn) {
  const $ = (selector) => element.querySelector(selector);
  const answers = makeAnswers(element);
  const paper = makePaper(element, changed);
  let stale = false; // whether the paper has changed since the last question
  let asked = 0; // questions are numbered,
  let settled = 0; // and answers up to this number come too late to be shown
  let onTheWay = 0;
  let nextAt = 0;
  let timer;

  function changed(why) {
    stale = true;
    $(".invitation").hidden = !paper.isBlank();
    if (why !== "stroke") {
      nextAt = 0;
      remember();
    }
    if (why === "other") {
      settled = asked;
      answers.warn("");
    }
    if (paper.isBlank()) {
      answers.show(null);
      answers.say("The paper is blank.");
    }
    next();
  }

  function next() {
    clearTimeout(timer);
    if (!stale || paper.isBlank()) return;
    const early = nextAt - performance.now();
    if (early > 0) timer = setTimeout(next, early);
    else if (onTheWay < AHEAD || !paper.isMoving()) ask();
  }

  async function ask() {
    const number = ++asked;
    stale = false;
    nextAt = performance.now() + PAUSE;
    onTheWay += 1;
    const question = { canvas: paper.sketch(), drawn: paper.isDrawn(), inside: $("details").open };
    const answer = await Promise.race([server.read(question), sleep(PATIENCE)]);
    onTheWay -= 1;
    if (number > settled && answer) {
      settled = number;
      answers.warn(answer.error ?? "");
      if (!answer.error) answers.show(answer);
      if (!answer.error && number === asked && !stale && !paper.isMoving()) say(answer);
    } else if (number === asked && !answer) {
      answers.warn("The server does not answer. Your drawing is kept; it is asked again.");
      nextAt = performance.now() + RETRY;
      stale = true;
    }
    next();
  }

  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const say = (answer) => answers.say(answer.digit === null ? words(answer) : `A ${answer.digit}, ${words(answer)}`);

  function remember() {
    for (const content of [paper.content(), { strokes: [], picture: paper.sketch() }]) {
      try {
        return sessionStorage.setItem("drawing", JSON.stringify(content));
      } catch {} // full, or forbidden
    }
  }

  async function take(file) {
    try {
      await paper.show(file);
    } catch {
      answers.warn(`${file.name} is no picture that this browser can read. Take a PNG or JPEG.`);
    }
  }

  $("#undo").addEventListener("click", paper.undo);
  $("#clear").addEventListener("click", paper.clear);
  $("details").addEventListener("toggle", () => {
    stale = true;
    next();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) paper.undo();
    else if (event.key === "Escape") paper.clear();
    else return;
    event.preventDefault();
  });

  $("#file").addEventListener("change", ({ target }) => {
    if (target.files.length) take(target.files[0]);
    target.value = "";
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData.files[0];
    if (file) take(file);
  });
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });

  for (const example of element.querySelectorAll(".examples button")) {
    example.addEventListener("click", () => paper.draw([...example.querySelectorAll("path")].map(points)));
  }

  function points(path) {
    const count = Math.ceil(path.getTotalLength() / 5);
    return Array.from({ length: count + 1 }, (_, i) => {
      const { x, y } = path.getPointAtLength((path.getTotalLength() * i) / count);
      return [x, y];
    });
  }

  if (collectsIn) {
    $(".wrong").hidden = false;
    $("#stores").textContent =
      `Read wrongly? Click what it is: that stores this drawing and the digit, nothing else, in ${collectsIn} on the ` +
      "server, to train on.";
    for (let digit = 0; digit < 10; digit++) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
      button.addEventListener("click", () => keep(digit));
      $(".wrong div").append(button);
    }
  }

  async function keep(digit) {
    if (paper.isBlank()) return;
    const kept = await server.keep({ canvas: paper.sketch(), digit });
    answers.warn(kept?.error ?? (kept ? "" : "The server does not answer; the drawing is not stored."));
    if (kept?.kept) $("#stores").textContent = `Stored as a ${digit}, the ${kept.kept}. drawing in ${collectsIn}.`;
  }

  try {
    const drawing = JSON.parse(sessionStorage.getItem("drawing"));
    if (drawing && (drawing.strokes.length || drawing.picture)) paper.restore(drawing);
  } catch {} // forbidden
}
