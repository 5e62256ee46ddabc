const QUESTION_INTERVAL = 50; // milliseconds between two questions while the pen moves
const MAX_IN_FLIGHT = 3; // questions without an answer while the pen moves; more than 1 hides a slow network
const ANSWER_TIMEOUT = 5_000; // milliseconds until an unanswered question is asked again
const RETRY_DELAY = 1_000; // milliseconds until the next question if the server is busy or cannot be reached

// `server` has read({sketch, drawn, inside}), keep({sketch, digit}) and takeBack(name). schemas.py describes the answers,
// sketchUrl() the sketch. A refusal is {error}, or {problem} if the page shall ask again. `silence` says that no answer
// comes, `urls` are the addresses for programs, if there are any. keep() stores drawings in `correctionsFolder`; ""
// disables corrections.
function sketchpad(element, server, correctionsFolder) {
  const $ = (selector) => element.querySelector(selector);
  const answers = makeAnswers(element);
  const paper = makePaper(element, changed, answers.announce);
  let changedSinceAsked = false;
  let newestAsked = 0; // number of the newest question
  let newestShown = 0; // answers to questions up to this number are ignored
  let inFlight = 0; // questions without an answer
  let maxInFlight = MAX_IN_FLIGHT; // 1 while questions wait for those of others
  let nextAt = 0; // earliest time of the next question, by performance.now()
  let timer;

  function changed(reason) {
    changedSinceAsked = true;
    answers.showNotice(reason === "full" ? "This stroke is full. Lift the pen and go on." : "");
    $(".invitation").hidden = !paper.isBlank();
    if (reason === "replaced") {
      newestShown = newestAsked;
      answers.showProblem("");
      answers.setOutdated(!paper.isBlank());
    }
    if (paper.isBlank()) {
      answers.show(null);
      answers.announce("The paper is blank.");
    }
    if (reason === "replaced" || reason === "lifted") {
      nextAt = 0;
      saveDrawing();
    }
    if (correctionsFolder) showCorrections();
    askNext();
  }

  function askNext() {
    clearTimeout(timer);
    if (!changedSinceAsked || paper.isBlank()) return;
    const delay = nextAt - performance.now();
    if (delay > 0) timer = setTimeout(askNext, delay);
    else if (inFlight < (paper.isMoving() ? maxInFlight : 2 * maxInFlight)) ask();
  }

  async function ask() {
    const number = ++newestAsked;
    changedSinceAsked = false;
    inFlight += 1;
    let isTimedOut = false;
    nextAt = performance.now() + QUESTION_INTERVAL;
    const timeout = setTimeout(() => {
      inFlight -= 1; // makes room for the next question
      isTimedOut = true;
      askAgain(number);
    }, ANSWER_TIMEOUT);
    const question = { sketch: paper.sketch(), drawn: paper.isDrawn(), inside: $("details").open };
    const answer = await server.read(question).catch(() => null);
    clearTimeout(timeout);
    if (!isTimedOut) inFlight -= 1;
    if (answer?.error || answer?.probabilities) receive(number, answer);
    else {
      nextAt = performance.now() + RETRY_DELAY * (0.5 + Math.random());
      askAgain(number, answer?.problem);
    }
    askNext();
  }

  function receive(number, answer) {
    if (number <= newestShown) return;
    newestShown = number;
    maxInFlight = answer.waited > QUESTION_INTERVAL ? 1 : MAX_IN_FLIGHT;
    answers.showProblem(answer.error ?? "");
    if (answer.error) return;
    answers.show(answer);
    answers.setOutdated(false);
    if (number === newestAsked && !changedSinceAsked && !paper.isMoving()) {
      answers.announce(answer.digit === null ? describe(answer) : `A ${answer.digit}, ${describe(answer)}`);
    }
  }

  function askAgain(number, problem = server.silence) {
    if (number <= newestShown || number < newestAsked) return;
    answers.showProblem(`${problem} Your drawing is kept; the page asks again.`);
    answers.setOutdated(true);
    changedSinceAsked = true;
    askNext();
  }

  // Saves the drawing for a reload of the page; without its strokes if they are too large.
  function saveDrawing() {
    for (const content of [paper.content(), { strokes: [], picture: sketchUrl(paper.sketch()) }]) {
      try {
        return sessionStorage.setItem("drawing", JSON.stringify(content));
      } catch {} // the storage is full or forbidden
    }
  }

  let newestFile = 0; // only the newest chosen file is shown

  async function showFile(file) {
    const number = ++newestFile;
    const before = paper.content();
    try {
      const picture = await readPicture(file);
      if (number === newestFile && paper.content() === before) paper.show(picture);
    } catch (error) {
      if (error instanceof TooSmall)
        answers.showNotice(`${file.name} is too small: a picture must have 8 pixels or more each way.`);
      else if (error instanceof FalsePixels)
        answers.showNotice(
          "This browser does not let the page read the pixels of a picture, as a protection against fingerprinting. " +
            "Allow this site to extract canvas data, and choose the picture again. In Firefox, Tor Browser and " +
            "LibreWolf, the icon of a picture beside the address asks for that. Drawing works without it.",
        );
      else
        answers.showNotice(
          `This browser cannot read ${file.name} as a picture: it is damaged, too large, or of a kind that the browser ` +
            "does not know. Choose a PNG or JPEG.",
        );
    }
  }

  $("#undo").addEventListener("click", paper.undo);
  $("#clear").addEventListener("click", paper.clear);
  $("details").addEventListener("toggle", ({ target }) => {
    changedSinceAsked ||= target.open;
    askNext();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body && !element.contains(event.target)) return;
    const isZ = event.code === "KeyZ" || event.key.toLowerCase() === "z";
    if (isZ && (event.ctrlKey || event.metaKey) && !event.shiftKey) paper.undo();
    else if (event.key === "Escape") paper.clear();
    else return;
    event.preventDefault();
  });

  $("#file").addEventListener("change", ({ target }) => {
    if (target.files.length) showFile(target.files[0]);
    target.value = "";
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files.length) showFile(clipboardData.files[0]);
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) showFile(event.dataTransfer.files[0]);
    else answers.showNotice("That is not a file. Save the picture first, then drop the file here.");
  });

  for (const example of element.querySelectorAll(".examples button")) {
    example.addEventListener("click", () => paper.draw([...example.querySelectorAll("path")].map(points)));
  }

  // Points along an SVG path.
  function points(path) {
    const count = Math.ceil(path.getTotalLength() / 5);
    return Array.from({ length: count + 1 }, (_, i) => {
      const { x, y } = path.getPointAtLength((path.getTotalLength() * i) / count);
      return [x, y];
    });
  }

  const correctionButtons = Array.from({ length: correctionsFolder ? 10 : 0 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => keep(digit));
    return button;
  });
  $(".wrong div").append(...correctionButtons);
  $(".wrong").hidden = !correctionsFolder;
  if (correctionsFolder) showCorrections();

  // Shows what a click on a digit does; without a drawing the digits are disabled.
  function showCorrections() {
    for (const button of correctionButtons) button.disabled = paper.isBlank();
    $("#stores").textContent =
      "Wrong answer? Click the right digit. That stores this drawing and the digit, nothing else, in " +
      `${correctionsFolder} on the server, as training data.`;
  }

  const inTime = (answer) =>
    Promise.race([answer.catch(() => null), new Promise((resolve) => setTimeout(resolve, ANSWER_TIMEOUT))]);

  let newestKept; // the name of the drawing that this page stored last, and its digit

  async function keep(digit) {
    for (const button of correctionButtons) button.disabled = true; // until the drawing changes or storing fails
    const kept = await inTime(server.keep({ sketch: paper.sketch(), digit }));
    if (kept?.name) {
      newestKept = { name: kept.name, digit };
      showStored(`Stored as a ${digit}. ${correctionsFolder} now holds ${kept.kept}.`);
      $("#take-back").focus(); // the disabled button loses the focus
    } else {
      showCorrections();
      answers.showNotice(kept?.error ?? "The server does not answer; the drawing is not stored.");
    }
  }

  $("#take-back").addEventListener("click", async ({ target }) => {
    target.disabled = true;
    const { name, digit } = newestKept;
    const taken = await inTime(server.takeBack(name));
    target.disabled = false;
    if (taken?.kept === undefined)
      return answers.showNotice(taken?.error ?? "The server does not answer; the drawing is still stored.");
    newestKept = undefined;
    showCorrections();
    showStored(`Taken back: the ${digit} is no longer stored. ${correctionsFolder} now holds ${taken.kept}.`);
    correctionButtons[digit].focus();
  });

  function showStored(text) {
    $("#stores").textContent = text;
    $("#take-back").hidden = !newestKept;
    $("#take-back").textContent = `Take back the stored ${newestKept?.digit}`;
    answers.announce(text);
  }

  if (server.urls) {
    $(".programs").hidden = false;
    $("#predict").textContent = server.urls.predict;
    $("#example").textContent =
      `curl -o digit.png ${server.urls["digit.png"]}\ncurl -F image=@digit.png ${server.urls.predict}`;
    $("#described").href = server.urls["openapi.json"];
    $("#models").textContent = server.urls.mcp
      ? `For language models it is a tool of the Model Context Protocol, at ${server.urls.mcp}`
      : "python -m demo --mcp serves it to language models, too.";
  }

  try {
    const drawing = JSON.parse(sessionStorage.getItem("drawing"));
    if (drawing && (drawing.strokes.length || drawing.picture)) paper.restore(drawing);
  } catch {} // the storage is forbidden
}
