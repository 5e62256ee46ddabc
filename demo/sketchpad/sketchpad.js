const PAUSE = 50; // milliseconds from one question to the next while the pen moves
const PATIENCE = 5_000; // until a question that is not answered is asked anew

// `server` has read({canvas, drawn, inside}) and keep({canvas, digit}), as app.py has; `collectsIn` names the folder
// in which keep() stores drawings, "" if there is none.
function sketchpad(element, server, collectsIn) {
  const $ = (selector) => element.querySelector(selector);
  const answers = makeAnswers(element);
  const paper = makePaper(element, changed);
  let asking = false;
  let stale = false; // whether the paper has changed since the last question
  let version = 0; // of what the pen did not merely go on drawing
  let wake = () => {};

  function changed(why) {
    stale = true;
    $(".invitation").hidden = !paper.isBlank();
    if (why !== "stroke") {
      wake();
      remember();
    }
    if (why === "other") {
      version += 1;
      answers.warn("");
    }
    if (paper.isBlank()) {
      answers.show(null);
      answers.say("The paper is blank.");
    }
    if (!asking) ask();
  }

  // One question at a time, each of the newest drawing: no answer overtakes another, and the last one is to the last.
  async function ask() {
    asking = true;
    while (stale && !paper.isBlank()) {
      stale = false;
      const started = performance.now();
      const asked = version;
      const question = { canvas: paper.sketch(), drawn: paper.isDrawn(), inside: $("details").open };
      const answer = await Promise.race([server.read(question), sleep(PATIENCE)]);
      if (!answer) {
        answers.warn("The server does not answer. Your drawing is kept; it is asked again.");
        stale = true;
        await sleep(1_000);
      } else if (asked === version) {
        answers.warn(answer.error ?? "");
        if (!answer.error) answers.show(answer);
        if (!answer.error && !stale && !paper.isMoving()) say(answer);
      }
      if (paper.isMoving()) await Promise.race([sleep(PAUSE - (performance.now() - started)), woken()]);
    }
    asking = false;
  }

  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const woken = () => new Promise((resolve) => (wake = resolve));

  const say = (answer) => answers.say(answer.digit === null ? words(answer) : `A ${answer.digit}, ${words(answer)}`);

  function remember() {
    try {
      sessionStorage.setItem("drawing", JSON.stringify(paper.content()));
    } catch {
      sessionStorage.removeItem("drawing"); // too large: it lives as long as the page
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
    if (!asking) ask();
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
  } catch {
    sessionStorage.removeItem("drawing");
  }
}
