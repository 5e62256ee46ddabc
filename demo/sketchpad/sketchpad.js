const PAUSE = 50; // milliseconds from one question to the next while the pen moves
const AHEAD = 3; // questions on their way then, so that a slow network does not slow them down; 1 if a crowd does
const PATIENCE = 5_000; // milliseconds until a question without an answer is asked anew
const RETRY = 1_000; // milliseconds until the next question to a server that cannot be reached, or is busy

// `server` has read({canvas, drawn, inside}) and keep({canvas, digit}), as schemas.py describes them; what they refuse
// is {error}, or {busy}. `collectsIn` names the folder in which keep() stores drawings, "" if there is none.
function sketchpad(element, server, collectsIn) {
  const $ = (selector) => element.querySelector(selector);
  const answers = makeAnswers(element);
  const paper = makePaper(element, changed, answers.say);
  let stale = false; // whether the paper has changed since the last question
  let asked = 0; // questions are numbered,
  let settled = 0; // and answers up to this number come too late to be shown
  let onTheWay = 0;
  let ahead = AHEAD;
  let nextAt = 0;
  let timer;

  function changed(why) {
    stale = true;
    answers.tell(why === "full" ? "This stroke is full. Lift the pen and go on." : "");
    $(".invitation").hidden = !paper.isBlank();
    if (why === "replaced") {
      settled = asked;
      answers.warn("");
      answers.outdated(!paper.isBlank());
    }
    if (paper.isBlank()) {
      answers.show(null);
      answers.say("The paper is blank.");
    }
    if (why === "replaced" || why === "lifted") {
      nextAt = 0;
      remember();
    }
    if (collectsIn) invite();
    next();
  }

  function next() {
    clearTimeout(timer);
    if (!stale || paper.isBlank()) return;
    const early = nextAt - performance.now();
    if (early > 0) timer = setTimeout(next, early);
    else if (onTheWay < (paper.isMoving() ? ahead : 2 * ahead)) ask();
  }

  async function ask() {
    const number = ++asked;
    stale = false;
    onTheWay += 1;
    let isLate = false;
    nextAt = performance.now() + PAUSE;
    const late = setTimeout(() => {
      onTheWay -= 1; // or no other would be asked
      isLate = true;
      unanswered(number);
    }, PATIENCE);
    const question = { canvas: paper.sketch(), drawn: paper.isDrawn(), inside: $("details").open };
    const answer = await server.read(question).catch(() => null);
    clearTimeout(late);
    if (!isLate) onTheWay -= 1;
    if (answer?.error || answer?.probabilities) take(number, answer);
    else {
      nextAt = performance.now() + RETRY * (0.5 + Math.random());
      unanswered(number, answer?.busy);
    }
    next();
  }

  function take(number, answer) {
    if (number <= settled) return;
    settled = number;
    ahead = answer.waited > PAUSE ? 1 : AHEAD;
    answers.warn(answer.error ?? "");
    if (answer.error) return;
    answers.show(answer);
    answers.outdated(false);
    if (number === asked && !stale && !paper.isMoving()) {
      answers.say(answer.digit === null ? words(answer) : `A ${answer.digit}, ${words(answer)}`);
    }
  }

  function unanswered(number, busy) {
    if (number <= settled || number < asked) return;
    answers.warn(`The server ${busy ? "is busy" : "does not answer"}. Your drawing is kept; it is asked again.`);
    answers.outdated(true);
    stale = true;
    next();
  }

  function remember() {
    for (const content of [paper.content(), { strokes: [], picture: paper.sketch() }]) {
      try {
        return sessionStorage.setItem("drawing", JSON.stringify(content));
      } catch {} // full, or forbidden
    }
  }

  let shown = 0; // pictures, to show only the last that was chosen

  async function show(file) {
    const number = ++shown;
    const before = paper.content();
    try {
      const url = await small(file);
      if (number === shown && paper.content() === before) paper.show(url);
    } catch (error) {
      answers.tell(
        error instanceof TooSmall
          ? `${file.name} is too small: a picture must have 8 pixels or more each way.`
          : `${file.name} is no picture that this browser can read. Take a PNG or JPEG.`,
      );
    }
  }

  $("#undo").addEventListener("click", paper.undo);
  $("#clear").addEventListener("click", paper.clear);
  $("details").addEventListener("toggle", ({ target }) => {
    stale ||= target.open;
    next();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body && !element.contains(event.target)) return;
    const z = event.code === "KeyZ" || event.key.toLowerCase() === "z";
    if (z && (event.ctrlKey || event.metaKey) && !event.shiftKey) paper.undo();
    else if (event.key === "Escape") paper.clear();
    else return;
    event.preventDefault();
  });

  $("#file").addEventListener("change", ({ target }) => {
    if (target.files.length) show(target.files[0]);
    target.value = "";
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files.length) show(clipboardData.files[0]);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) show(event.dataTransfer.files[0]);
    else answers.tell("That is no file. Save the picture first, then drop the file here.");
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

  const corrections = Array.from({ length: collectsIn ? 10 : 0 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => keep(digit));
    return button;
  });
  $(".wrong div").append(...corrections);
  $(".wrong").hidden = !collectsIn;
  if (collectsIn) invite();

  function invite() {
    for (const button of corrections) button.disabled = paper.isBlank();
    $("#stores").textContent =
      `Read wrongly? Click what it is: that stores this drawing and the digit, nothing else, in ${collectsIn} on the ` +
      "server, to train on.";
  }

  async function keep(digit) {
    for (const button of corrections) button.disabled = true; // until the drawing changes, or nothing was stored
    const correction = { canvas: paper.sketch(), digit };
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    const kept = await Promise.race([server.keep(correction).catch(() => null), late]);
    if (kept?.kept) {
      const text = `Stored as a ${digit}. ${collectsIn} holds ${kept.kept} now.`;
      $("#stores").textContent = text;
      answers.say(text);
    } else {
      invite();
      answers.tell(kept?.error ?? "The server does not answer; the drawing is not stored.");
    }
  }

  try {
    const drawing = JSON.parse(sessionStorage.getItem("drawing"));
    if (drawing && (drawing.strokes.length || drawing.picture)) paper.restore(drawing);
  } catch {} // forbidden
}
