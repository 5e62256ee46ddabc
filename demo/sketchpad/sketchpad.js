const QUESTION_INTERVAL = 50; // milliseconds between two questions while the pen moves
const MAX_IN_FLIGHT = 3; // questions without an answer while the pen moves; more than 1 hides a slow network
const ANSWER_TIMEOUT = 5_000; // milliseconds until an unanswered question is asked again
const RETRY_DELAY = 1_000; // milliseconds until the next question if the server is busy or cannot be reached
const MAX_DOUBLINGS = 3; // of that delay, one after each failure
const DONE_TIME = 1_500; // milliseconds for which a button says what it did

// `server` has read({sketch, inside, forms}), and for corrections what corrections.js asks. schemas.py describes the
// answers, sketchUrl() the sketch; `inside` is the digit whose feature maps are wanted, or null, and `forms` whether the
// digits' forms are. A refusal is {error}, or {problem} if the page shall ask again, at the earliest after `delay`
// milliseconds if that is given. `silence` says that no answer comes. `urls` are the addresses for programs, and `card`
// that of the model card, if there are any. The server stores corrections in `correctionsFolder`; "" disables that.
function sketchpad(element, server, correctionsFolder) {
  const $ = (selector) => element.querySelector(selector);
  let reading = null; // the newest answer, and the sketch that it is about
  let readSketch = null;
  const answers = makeAnswers(element);
  const paper = makePaper(element, changed, answers.announce);
  const number = makeNumber(element, chosen);
  const inside = makeInside(element, server);
  const readForm = (sketch) => server.read({ sketch, inside: null, forms: true });
  const learning = makeLearning(readForm, formsChanged, answers.showNotice);
  const forms = makeForms(element, learning, readForm, answers);
  const corrections = makeCorrections(element, server, correctionsFolder, learning, answers, correctable, formOf, inTime);
  let changedSinceAsked = false;
  let isAnnounced = false; // whether the reading of the drawing as it is was spoken
  let newestAsked = 0; // number of the newest question
  let newestShown = 0; // answers to questions up to this number are ignored
  let newestRead = 0; // number of the question that the reading answers
  let inFlight = 0; // questions without an answer
  let maxInFlight = MAX_IN_FLIGHT; // 1 while questions wait for those of others
  let failures = 0; // questions in a row that got no answer
  let nextAt = 0; // earliest time of the next question, by performance.now()
  let timer;

  function changed(reason) {
    if (reason === "lifted" && reading && isCurrent()) {
      saveDrawing();
      settle(); // the pen had rested before it was lifted, and what it wrote is read
      return;
    }
    changedSinceAsked = true;
    isAnnounced = false;
    inside.forget();
    answers.showNotice(reason === "full" ? "This stroke is full. Lift the pen and go on." : "");
    showState();
    number.followPen();
    if (reason === "replaced") {
      newestShown = newestAsked;
      answers.showProblem("");
      answers.setOutdated(!paper.isBlank());
      number.hideBoxes();
    }
    if (paper.isBlank()) {
      reading = readSketch = null;
      showReading();
      answers.announce("The paper is blank.");
    }
    if (reason === "replaced" || reason === "lifted") {
      if (!failures) nextAt = 0;
      saveDrawing();
    }
    corrections.show();
    askNext();
  }

  function formsChanged() {
    forms.show();
    corrections.show();
    changedSinceAsked = true;
    askNext();
  }

  function showState() {
    $(".invitation").hidden = !paper.isBlank();
    $("#clear").classList.toggle("idle", paper.isBlank());
    $("#undo").classList.toggle("idle", !paper.canUndo());
  }

  function askNext() {
    clearTimeout(timer);
    if (!changedSinceAsked || paper.isBlank()) return;
    const delay = nextAt - performance.now();
    if (delay > 0) timer = setTimeout(askNext, delay);
    else if (inFlight < (paper.isMoving() ? maxInFlight : 2 * maxInFlight)) ask();
  }

  async function ask() {
    const asked = ++newestAsked;
    changedSinceAsked = false;
    inFlight += 1;
    let isTimedOut = false;
    nextAt = performance.now() + QUESTION_INTERVAL;
    const question = {
      sketch: paper.sketch(),
      inside: $(".inside").open ? Math.max(0, number.selected()) : null,
      forms: learning.forms().length > 0,
      moving: paper.isMoving(),
    };
    const timeout = setTimeout(() => {
      inFlight -= 1; // makes room for the next question
      isTimedOut = true;
      if (!question.sketch.url) askAgain(asked);
      else if (isOpen(asked)) answers.showProblem(`${server.silence} Your picture is kept.`); // it is sent only once
    }, ANSWER_TIMEOUT);
    const answer = await server.read(question).catch(() => null);
    clearTimeout(timeout);
    if (!isTimedOut) inFlight -= 1;
    if (answer?.error || answer?.digits) {
      failures = 0;
      receive(asked, question, answer);
    } else {
      const delay = answer?.delay ?? RETRY_DELAY * 2 ** Math.min(failures, MAX_DOUBLINGS);
      nextAt = performance.now() + delay * (1 + Math.random() / 2); // not all pages at once
      if (isOpen(asked)) failures += 1;
      askAgain(asked, answer?.problem);
    }
    askNext();
  }

  function receive(asked, { sketch, inside: opened }, answer) {
    if (asked <= newestShown) return;
    newestShown = asked;
    maxInFlight = answer.waited > QUESTION_INTERVAL ? 1 : MAX_IN_FLIGHT;
    answers.showProblem(answer.error ?? "");
    if (answer.error) return;
    learning.apply(answer);
    [reading, readSketch, newestRead] = [answer, sketch, asked];
    showReading();
    answers.setOutdated(false);
    corrections.show();
    if (opened !== null && opened !== number.selected() && reading.digits.length) changedSinceAsked = true;
    if (isCurrent() && !paper.isMoving()) settle();
  }

  // The drawing is at rest, and its reading is shown.
  function settle() {
    if (!isAnnounced) answers.announce(spoken(reading));
    isAnnounced = true;
    const digit = reading.digits[number.selected()];
    if (digit?.pixels) inside.explain(digit, readSketch, reading.digits.length === 1);
  }

  // Whether the reading is that of the drawing as it is.
  const isCurrent = () => newestRead === newestAsked && !changedSinceAsked;

  function showReading() {
    number.show(reading, readSketch, paper.newestPoint());
    answers.show(reading, number.selected());
    inside.showLayers(reading?.digits[number.selected()], paper.isBlank());
  }

  // A person chose a digit of the number.
  function chosen() {
    answers.show(reading, number.selected());
    inside.showLayers(reading?.digits[number.selected()], paper.isBlank());
    inside.forget();
    corrections.show();
    lookInside();
  }

  function lookInside() {
    if (!$(".inside").open) return inside.forget();
    changedSinceAsked = true;
    askNext();
  }

  // What a click on the right digit corrects.
  function correctable() {
    if (paper.isBlank() || !reading?.digits.length) return null;
    const [index, count] = [number.selected(), reading.digits.length];
    const sketch = count > 1 ? { url: reading.digits[index].image } : readSketch;
    return { sketch, index, count, content: paper.content() };
  }

  // The form of a correctable digit, without the digit. The drawing may be newer than the answer that is shown.
  async function formOf({ index, count }) {
    const isKnown = isCurrent() && reading.digits[index].form;
    const { digits, model, error } = isKnown ? reading : await readForm(paper.sketch());
    if (digits?.length === count) return { ...digits[index].form, model };
    return { error: error ?? "The drawing has changed meanwhile. Click again." };
  }

  // Whether a question is the newest, and not answered.
  const isOpen = (asked) => asked > newestShown && asked === newestAsked;

  function askAgain(asked, problem = server.silence) {
    if (!isOpen(asked)) return;
    answers.showProblem(`${problem} Your drawing is kept; the page asks again.`);
    answers.setOutdated(true);
    changedSinceAsked = true;
    askNext();
  }

  // Saves the drawing for a reload of the page; without its strokes if they are too large.
  function saveDrawing() {
    for (const content of [paper.content, contentAsPicture]) {
      try {
        return sessionStorage.setItem("drawing", JSON.stringify(content()));
      } catch {} // the storage is full or forbidden
    }
  }

  function contentAsPicture() {
    const { url, ...pixels } = paper.sketch();
    return { strokes: [], picture: url ?? pngUrl(pixels), width: pixels.width, height: pixels.height };
  }

  $("#undo").addEventListener("click", paper.undo);
  $("#clear").addEventListener("click", paper.clear);
  $(".inside").addEventListener("toggle", lookInside);
  document.addEventListener("keydown", (event) => {
    if (event.target !== document.body && !element.contains(event.target)) return;
    const command = commandOf(event);
    if (command) paper[command]();
    else return;
    event.preventDefault();
  });

  function commandOf({ key, code, ctrlKey, metaKey, altKey, shiftKey }) {
    if (key === "Escape") return "clear";
    if (altKey || !(ctrlKey || metaKey)) return null;
    const letter = (/^[a-z]$/i.test(key) ? key : code.replace("Key", "")).toLowerCase(); // other alphabets: by the place
    if (letter === "z") return shiftKey ? "redo" : "undo";
    return letter === "y" && ctrlKey ? "redo" : null;
  }

  takeFiles(element, paper.content, paper.show, answers.showNotice);

  // Whether the number is that of the drawing as it is. Says so if not.
  function isNumberRead() {
    answers.showNotice(isCurrent() ? "" : "This drawing is not read yet. Try again in a moment.");
    return isCurrent();
  }

  $("#copy").addEventListener("click", async () => {
    if (!isNumberRead()) return;
    const isCopied = await copyText(reading.number);
    answers.announce(isCopied ? `Copied: ${reading.number}` : "");
    if (isCopied) showDone($("#copy"), "Copied");
    else answers.showNotice("This browser does not let the page copy. Select the number and copy it.");
  });
  $("#save").addEventListener("click", () => {
    if (!isNumberRead()) return;
    if (savePicture(paper.content(), $(".picture"), reading.number)) showDone($("#save"), "Saved");
    else answers.showNotice(`This browser does not let the page write a picture. ${ALLOW}, and try again.`);
  });

  // Shows for a moment on a button what it did.
  function showDone(button, text) {
    const before = (button.dataset.text ??= button.textContent);
    button.textContent = text;
    setTimeout(() => (button.textContent = before), DONE_TIME);
  }

  for (const example of element.querySelectorAll(".examples button")) {
    const { width } = example.querySelector("svg").viewBox.baseVal;
    const strokes = () => [...example.querySelectorAll("path")].map((path) => points(path, (WIDTH - width) / 2));
    example.addEventListener("click", () => paper.draw(strokes()));
  }

  // Points along an SVG path, moved to the right.
  function points(path, right) {
    const count = Math.ceil(path.getTotalLength() / 5);
    return Array.from({ length: count + 1 }, (_, i) => {
      const { x, y } = path.getPointAtLength((path.getTotalLength() * i) / count);
      return [x + right, y];
    });
  }

  function inTime(answer) {
    return Promise.race([answer.catch(() => null), new Promise((resolve) => setTimeout(resolve, ANSWER_TIMEOUT))]);
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

  if (server.card) {
    $("footer").hidden = false;
    $("#card").href = server.card;
  }

  showState();
  try {
    const drawing = JSON.parse(sessionStorage.getItem("drawing"));
    if (drawing && (drawing.strokes.length || drawing.picture)) paper.restore(drawing);
  } catch {} // the storage is forbidden
}
