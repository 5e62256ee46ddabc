// Look inside: the way from the paper to the answer in pictures, which ink speaks for and against it, and what would
// change it. `server` has probabilities(images), as why.js asks for it. Nothing is asked while it is closed.
const STRONG = 3; // log-odds that are shown in full colour, unless there is more
const FOR = [0, 90, 255]; // blue and striped orange, which the colour-blind can tell
const AGAINST = [255, 120, 0];
const NEITHER = [170, 170, 170];
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const FIELDS = { conv1: [24, 1, 5], conv2: [19, 1, 10], conv3: [5, 2, 19] }; // pixels a side; step and side of a field
const FAINT = 0.35; // of full colour: what just matters
const FAVOURED = 0.2; // below this probability of each digit, a network favours none
const SEARCHING = "Searching …";
const MATCH = 0.05; // between the probabilities of reader.onnx and of the same networks by themselves

function makeInside(element, server) {
  const $ = (selector) => element.querySelector(selector);
  const details = $(".inside");
  const layers = [...element.querySelectorAll(".evidence")]; // on the paper, and on the magnified image
  let shown = 0; // number of the newest explanation; older ones stop
  let explained = null; // the digit, and the evidence that was found
  let rival = null; // the digit that is compared with

  const rivals = Array.from({ length: 10 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.setAttribute("aria-label", `Why not ${withArticle(digit)}?`);
    button.addEventListener("click", () => {
      rival = rival === digit ? null : digit;
      showEvidence(rival);
      if (explained) search();
    });
    for (const [event, pointed] of [["pointerenter", true], ["pointerleave", false]])
      button.addEventListener(event, () => showEvidence(pointed ? digit : rival));
    return button;
  });
  $(".rivals").append(...rivals);

  // Shows the layers of a digit of the newest answer. Without one it says why there is none.
  function showLayers(digit, isBlank) {
    for (const image of element.querySelectorAll(".magnified > img")) setImage(image, digit?.image);
    for (const name of Object.keys(FIELDS)) {
      if (!digit || digit.maps) setImage($(`#${name}`), digit?.maps[name]); // those of before stay until new ones come
    }
    if (digit?.fc6) showNumbers(digit.fc6);
    $("#ten").textContent = digit ? tenOf(digit.probabilities) : "";
    $(".way").hidden = !digit;
    if (!digit) forget(isBlank ? "Write a digit, and see here why it is read as it is." : NO_INK);
  }

  // Explains a digit of the newest answer, which holds its pixels, once the pen rests, and the sketch that it is about.
  // `isOnly` if there is no other ink.
  const explain = (digit, sketch, isOnly) =>
    replace(async (goesOn) => {
      const networks = digit.alone ?? digit; // a taught digit is explained as the networks read it
      const evidence = await findEvidence(Uint8Array.from(digit.pixels), ask);
      if (!goesOn()) return;
      if (!isSame(evidence.answer, digit.probabilities))
        return forget("lenet5.onnx and ffnn.onnx hold other networks than reader.onnx. Run python -m export.");
      explained = { digit: networks, evidence, isTaught: Boolean(digit.alone) };
      layers[0].classList.toggle("over-picture", Boolean(sketch.url));
      Object.assign(layers[0].style, placeOnPaper(digit, sketch, evidence.image));
      const doubt = networks.digit === null ? whyNone(networks, isOnly) : disagreement(networks.probabilities);
      const taught = `You taught this browser that it is ${withArticle(digit.digit)}. Here is what the networks alone say. `;
      $("#doubt").textContent = digit.alone ? taught + doubt : doubt;
      $(".why").hidden = false;
      $(".why").setAttribute("aria-busy", false);
      showEvidence(rival);
      showChanges([], SEARCHING);
      Object.assign($("#drawn i").style, placeOf(digit.box, sketch));
      setImage($("#drawn img"), await sketchUrl(sketch));
      if (goesOn()) search();
    });

  // Searches for what would make it the digit whose button is pressed, or any other.
  const search = () =>
    replace(async (goesOn) => {
      const { digit, evidence } = explained;
      const wanted = rival !== null ? withArticle(rival) : digit.digit === null ? "a digit" : "another digit";
      $("#why-change").textContent = `What would make it ${wanted}`;
      showChanges([], SEARCHING);
      const changes = await findChanges(evidence.image, digit.digit, rival, ask, goesOn);
      if (goesOn()) showChanges(changes, `No small patch of ink, taken away or added, makes it ${wanted}.`);
    });

  // Runs work(goesOn) in place of older work, which stops because its goesOn() becomes false. Says so if it fails.
  async function replace(work) {
    const mine = ++shown;
    const goesOn = () => shown === mine && details.open;
    try {
      await work(goesOn);
    } catch (error) {
      if (goesOn()) forget(error.isMeant ? error.message : "The networks do not answer. Look again in a moment.");
    }
  }

  async function ask(images) {
    const found = await server.probabilities(images);
    if (found.lenet5) return found;
    throw Object.assign(new Error(found.error ?? found.problem), { isMeant: true });
  }

  // Takes the explanation of an older drawing off the paper, and dims its words until the next one; or says why there
  // will be none.
  function forget(text = "") {
    shown += 1;
    explained = rival = null;
    layers[0].hidden = true;
    $(".why").setAttribute("aria-busy", true);
    $("#unexplained").textContent = text;
    if (text) $(".why").hidden = true;
  }

  function showEvidence(other) {
    if (!explained) return;
    const { digit, evidence, isTaught } = explained;
    const main = mainOf(digit);
    const against = other === main ? null : other;
    const heat = heatOf(evidence, main, against);
    paintHeat(heat, evidence.image);
    const isRead = digit.digit !== null;
    const why = `Why ${isTaught ? "the networks alone say" : "it says"} ${main}${against === null ? "" : `, not ${against}`}`;
    const near = `How near it is to ${withArticle(main)}${against === null ? "" : ` rather than ${withArticle(against)}`}`;
    $("#why-what").textContent = isRead ? why : near;
    $(".rivals span").textContent = isRead ? "Why not another digit?" : "Compare with another digit:";
    $("#why").textContent = tell(evidence.image, heat, main, against);
    $("#for").textContent = `speaks for ${main}`;
    $("#against").textContent = against === null ? "speaks against it" : `speaks for ${against}`;
    rivals.forEach((button, i) => {
      button.disabled = i === main;
      button.setAttribute("aria-pressed", i === against);
    });
  }

  // Colours the ink of the digit, and nothing around it. A drawing's own edges cut the colours off; in a picture the
  // paper may be dark.
  function paintHeat(heat, image) {
    const isPicture = layers[0].classList.contains("over-picture");
    const opacity = isPicture ? image : spread(image);
    const full = heat.reduce((most, value) => Math.max(most, Math.abs(value)), STRONG);
    const [rgba, stripes] = [new Uint8Array(4 * AREA), new Uint8Array(4 * AREA)];
    heat.forEach((value, i) => {
      const beyond = (Math.abs(value) - WEAK) / (full - WEAK);
      const strength = beyond < 0 ? 0 : FAINT + (1 - FAINT) * beyond;
      rgba.set([...blended(NEITHER, value > 0 ? FOR : AGAINST, strength), opacity[i]], 4 * i);
      stripes[4 * i + 3] = value < 0 ? opacity[i] * Math.min(1, 2 * strength) : 0;
    });
    const [url, mask] = [rgba, stripes].map((pixels) => colourUrl({ rgba: pixels, width: SIDE, height: SIDE }));
    for (const layer of layers) {
      layer.querySelector("img").src = url;
      layer.querySelector(".stripes").style.maskImage = `url(${mask})`;
      layer.hidden = false;
    }
  }

  // Shows changes, or `otherwise` if there are none.
  function showChanges(changes, otherwise) {
    for (const layer of layers) layer.querySelector("svg").replaceChildren(...changes.map(markOf));
    const texts = changes.length ? changes.map((change) => sentenceOf(change, explained.evidence.image)) : [otherwise];
    $("#changes").replaceChildren(...texts.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
  }

  function showNumbers(numbers) {
    const colours = numbers.map((value) => [...blended(WHITE, BLACK, (value + 1) / 2), 255]);
    setImage($("#fc6"), colourUrl({ rgba: Uint8Array.from(colours.flat()), width: numbers.length / 2, height: 2 }));
  }

  // Outlines on the image what a pixel of a map sees.
  for (const [name, [side, step, field]] of Object.entries(FIELDS)) {
    const map = $(`#${name}`);
    const outline = $(".way .magnified i");
    let at = [0, 0];
    const outlineField = (pixel) => {
      at = pixel.map((value) => Math.min(side - 1, Math.max(0, value)));
      const share = (value) => `${(100 * value) / SIDE}%`;
      const [left, top] = at.map((value) => share(value * step));
      Object.assign(outline.style, { left, top, width: share(field), height: share(field) });
      outline.hidden = false;
    };
    const hide = () => (outline.hidden = true);
    for (const event of ["pointermove", "pointerdown"])
      map.addEventListener(event, ({ offsetX, offsetY }) => {
        const scale = map.naturalWidth / map.clientWidth;
        outlineField([offsetX, offsetY].map((value) => Math.floor((value * scale) % (side + 1))));
      });
    map.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && hide());
    map.addEventListener("blur", hide);
    map.addEventListener("focus", () => outlineField(at));
    map.addEventListener("keydown", (event) => {
      const direction = KEY_DIRECTIONS[event.key];
      if (!direction) return;
      event.preventDefault();
      outlineField(at.map((value, axis) => value + direction[axis]));
    });
  }

  showLayers(null, true);
  return { showLayers, explain, forget };
}

// The digit that is explained: the one that was read, or the likeliest one.
const mainOf = ({ digit, together }) => digit ?? likely(together)[0];

const isSame = (one, other) =>
  ["lenet5", "ffnn"].every((name) => one[name].every((p, digit) => Math.abs(p - other[name][digit]) < MATCH));

// Why ink is not read as a digit. `isOnly` if there is no other ink.
function whyNone(digit, isOnly) {
  const { together, probabilities } = digit;
  const [most, next] = likely(together);
  if (isRead(together)) return describe(digit, isOnly);
  const reason = disagreement(probabilities) || `Neither network is sure: ${whatEachSays(probabilities)}.`;
  const doubt = together[most] > 0.5 ? "too many others stay possible beside the likeliest" : "none reaches 50 % on average";
  return `It is no digit, because ${doubt}. The likeliest are ${most}, ${percent(together[most])}, and ${next}, ${percent(together[next])}. ${reason}`;
}

// Empty if the networks agree.
function disagreement(probabilities) {
  if (Math.max(...probabilities.lenet5, ...probabilities.ffnn) < FAVOURED) return "Neither network favours a digit.";
  const [one, other] = ["lenet5", "ffnn"].map((name) => likely(probabilities[name])[0]);
  return one === other ? "" : `The networks disagree: ${whatEachSays(probabilities)}.`;
}

function whatEachSays({ lenet5, ffnn }) {
  const says = (values) => `says ${likely(values)[0]}, ${percent(values[likely(values)[0]])}`;
  return `LeNet5 ${says(lenet5)}, and FFNN ${says(ffnn)}`;
}

function tenOf({ lenet5, ffnn }) {
  const best = (values) => {
    const [most, next] = likely(values);
    return `${most} with ${percent(values[most])}${values[next] < 0.01 ? "" : `, then ${next} with ${percent(values[next])}`}`;
  };
  return (
    `7. Ten numbers, one for each digit. LeNet5: ${best(lenet5)}. FFNN: ${best(ffnn)}. FFNN has no maps: each neuron of ` +
    "its first layer sees all pixels."
  );
}

const blended = (from, to, share) => from.map((level, i) => level + (to[i] - level) * Math.min(1, share));

// The most ink at each pixel and its neighbours, doubled.
function spread(image) {
  return image.map((_, pixel) => {
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    let most = 0;
    for (let row = Math.max(0, y - 1); row <= Math.min(SIDE - 1, y + 1); row++)
      for (let column = Math.max(0, x - 1); column <= Math.min(SIDE - 1, x + 1); column++)
        most = Math.max(most, image[row * SIDE + column]);
    return Math.min(255, 2 * most);
  });
}

// Where the 28 x 28 pixels of a digit lie on the paper.
function placeOnPaper({ box }, size, image) {
  const [left, top, right, bottom] = box;
  const step = Math.max(right - left, bottom - top) / 20; // the longer side takes 20 pixels
  const [inImage, onPaper] = [middleOf(image), middle(box)];
  const from = onPaper.map((value, axis) => value - inImage[axis] * step);
  return placeOf([...from, ...from.map((value) => value + SIDE * step)], size);
}

// The middle of the ink's box on the 28 x 28 pixels. Pixels at its rim are covered in part.
function middleOf(image) {
  const span = (most) => {
    const inked = [...most.keys()].filter((i) => most[i] > 0.1 * Math.max(...most));
    const [first, last] = [inked[0], inked.at(-1)];
    const part = (rim, inner) => Math.min(1, most[rim] / Math.max(most[inner] ?? 0, 1));
    return (first + 1 - part(first, first + 1) + last + part(last, last - 1)) / 2;
  };
  const [columns, rows] = [new Uint8Array(SIDE), new Uint8Array(SIDE)];
  image.forEach((ink, pixel) => {
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    columns[x] = Math.max(columns[x], ink);
    rows[y] = Math.max(rows[y], ink);
  });
  return [span(columns), span(rows)];
}

// A change of the image, as a sentence. A second one says why a large ring may lie on grey ink.
function sentenceOf({ kind, patch, digit, probability }, image) {
  const what = kind === "without" ? "Without the ink in the ring" : "With ink in the dashed outline";
  const small = patch.radius > RADIUS ? " The colours tell what smaller pieces of ink do, each by itself." : "";
  return `${what} ${placeIn(image, patch.x, patch.y)} the networks would read ${digit}, ${percent(probability)} sure.${small}`;
}

// The outline of a patch, in pixels of the image.
function markOf({ kind, patch: { x, y, radius, length, angle = 0 } }) {
  const outline = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  const values = {
    x: -length / 2 - radius,
    y: -radius,
    width: length + 2 * radius,
    height: 2 * radius,
    rx: radius,
    transform: `translate(${x + 0.5} ${y + 0.5}) rotate(${(180 * angle) / Math.PI})`,
    class: kind,
  };
  for (const [name, value] of Object.entries(values)) outline.setAttribute(name, value);
  return outline;
}
