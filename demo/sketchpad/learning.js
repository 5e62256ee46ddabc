// Learns forms of digits in this browser: ink that was misread, and what it is. A piece of ink is read as the nearest
// form if that is close.
const STORAGE_KEY = "hand";
const STORAGE_VERSION = 1;
const MAX_FORMS = 200; // 260 kB of the 5 MB that a browser stores for a site
// The mean of two cosine distances, of LeNet5's layer FC6 and of the ink. Far from digits, FC6 tells little.
const [CLOSE, CLOSE_IF_UNSURE] = [0.09, 0.165]; // tests/benchmarks/writers.py measures their effect
const SAME = 0.04; // cosine distance of the ink; only the later of two such forms is kept
const INK = { length: 784, side: 28, window: 3, step: 2 }; // pixels
const FC6 = 84; // values
const NO_FC6 = base64Of(new Uint8Array(FC6)); // near to nothing

// A form is {digit, ink, fc6, model}: what schemas.py calls a form, and the model that gave `fc6`. `read(sketch)`
// returns the server's answer with forms, changed() is called after each change, also in another tab, and warn(text)
// says what was found damaged, and that another tab changed the forms.
function makeLearning(read, changed, warn) {
  let forms = []; // the newest last
  let unsaved = []; // those that the storage does not take
  let vectors = new Map(); // of each form
  let isRenewing = false;

  // Takes over what the storage holds, and returns it.
  function load() {
    let text = null;
    try {
      text = localStorage.getItem(STORAGE_KEY);
    } catch {} // the storage is forbidden
    const { stored, isWhole } = parsedForms(text);
    set(unsaved.length ? joined(stored, unsaved) : stored);
    if (!isWhole) {
      const where = setAside(text) ? "It is set aside" : "It stays as it is";
      const reason =
        "What this browser had learned is damaged, or from another version of this page. " +
        `${where}; ${stored.length ? "what can be read of it is used" : "nothing of it is used"}.`;
      setTimeout(warn, 0, reason); // after a saved drawing is shown, which hides older messages
    }
    return stored;
  }

  function set(changedForms) {
    forms = changedForms;
    vectors = new Map(forms.map((form) => [form, { ink: inkVector(form.ink), fc6: fc6Vector(form.fc6) }]));
  }

  function setAside(text) {
    try {
      localStorage.setItem(`${STORAGE_KEY} ${new Date().toISOString()}`, text);
      save();
      return true;
    } catch {
      return false;
    }
  }

  const save = () => localStorage.setItem(STORAGE_KEY, JSON.stringify({ version: STORAGE_VERSION, forms }));

  // Replaces the forms by change(forms), after those that another tab has changed are loaded.
  function edit(change) {
    const stored = load();
    set(change(forms));
    try {
      save();
      unsaved = [];
    } catch {
      unsaved = forms.filter((form) => !stored.some((other) => isEqual(form, other)));
    }
    changed();
  }

  // Reads the ink of forms anew whose `fc6` another model gave.
  async function renew(model) {
    isRenewing = true;
    const renewed = [];
    for (const form of forms.filter((form) => form.model !== model)) {
      const answer = await read(pictureOf(form)).catch(() => null);
      if (!answer?.digits && !answer?.error) break; // the next answer to a drawing tries again
      const piece = largest(answer.digits ?? []);
      renewed.push({ ...form, fc6: piece?.form.fc6 ?? NO_FC6, model: answer.model ?? model });
    }
    isRenewing = false;
    if (renewed.length) edit((known) => known.map((form) => renewed.find((other) => isEqual(form, other)) ?? form));
  }

  // Lets the forms decide about the pieces of an answer. A piece that they read otherwise than the networks, or of which
  // these are not sure, gets the networks' answer as `alone`.
  function apply(reading) {
    if (!isRenewing && forms.some(({ model }) => model !== reading.model)) renew(reading.model);
    const usable = forms.filter(({ model }) => model === reading.model);
    for (const piece of reading.digits) {
      if (!piece.form) continue; // it was asked before the first form was learned
      const form = nearestForm(piece.form, piece.sure ? CLOSE : CLOSE_IF_UNSURE, usable);
      if (form && !(piece.sure && form.digit === piece.digit))
        Object.assign(piece, { alone: { ...piece }, digit: form.digit, sure: true });
    }
    reading.number = numberOf(reading.digits);
  }

  // The nearest of the forms `among`, the later of two, or null if none is so close. Most forms are too far by FC6
  // alone, and then the ink is not compared.
  function nearestForm({ ink, fc6 }, close, among) {
    let [nearest, least] = [null, close];
    const values = fc6Vector(fc6);
    let pixels;
    for (const form of among) {
      const vector = vectors.get(form);
      const half = (1 - product(values, vector.fc6)) / 2;
      if (half > least) continue;
      pixels ??= inkVector(ink);
      const distance = half + (1 - product(pixels, vector.ink)) / 2;
      if (distance <= least) [nearest, least] = [form, distance];
    }
    return nearest;
  }

  addEventListener("storage", ({ key }) => {
    if (key !== STORAGE_KEY && key !== null) return; // null: another tab cleared the storage
    const before = forms;
    load();
    changed();
    if (forms.length !== before.length || !forms.every((form, i) => isEqual(form, before[i])))
      warn("Another tab has changed the forms that this browser has learned.");
  });
  load();
  return {
    apply,
    forms: () => forms,
    isStored: () => !unsaved.length,
    // Adds forms, and returns how many of them find no room.
    add(added) {
      let all = [];
      edit((known) => (all = joined(known, added)).slice(0, MAX_FORMS));
      return Math.max(0, all.length - MAX_FORMS);
    },
    // Forgets forms, and learns again those that they had replaced.
    forget: (forgotten, replaced = []) =>
      edit((known) => joined(known.filter((form) => !forgotten.some((other) => isEqual(form, other))), replaced)),
  };
}

const isEqual = (form, other) => form.ink === other.ink && form.digit === other.digit;

// All forms, without those whose ink a later one has, too.
function joined(known, added) {
  const all = [...known, ...added];
  const inks = all.map(({ ink }) => inkVector(ink));
  return all.filter((_, i) => !inks.some((ink, later) => later > i && 1 - product(ink, inks[i]) <= SAME));
}

// The forms that a text of the storage holds, and whether it holds nothing else.
function parsedForms(text) {
  if (text === null) return { stored: [], isWhole: true };
  try {
    const { version, forms } = JSON.parse(text);
    if (version !== STORAGE_VERSION) return { stored: [], isWhole: false };
    const stored = forms.filter(isForm).map(({ digit, ink, fc6, model }) => ({ digit, ink, fc6, model }));
    return { stored, isWhole: stored.length === forms.length };
  } catch {
    return { stored: [], isWhole: false };
  }
}

function isForm(form) {
  try {
    const isDigit = Number.isInteger(form.digit) && form.digit >= 0 && form.digit <= 9;
    return isDigit && bytesOf(form.ink).length === INK.length && bytesOf(form.fc6).length === FC6;
  } catch {
    return false;
  }
}

// The ink as a picture, dark on white.
const pictureOf = ({ ink }) => ({ grey: bytesOf(ink).map((level) => 255 - level), width: INK.side, height: INK.side });

const fc6Vector = (fc6) => unit(new Int8Array(bytesOf(fc6).buffer));

// The ink in windows of 3 x 3 pixels, so that a stroke beside another is near it.
function inkVector(ink) {
  const pixels = bytesOf(ink);
  const { side, window, step } = INK;
  const sums = [];
  for (let top = 0; top + window <= side; top += step) {
    for (let left = 0; left + window <= side; left += step) {
      let sum = 0;
      for (let y = top; y < top + window; y++) {
        for (let x = left; x < left + window; x++) sum += pixels[y * side + x];
      }
      sums.push(sum);
    }
  }
  return unit(sums);
}

function unit(values) {
  const length = Math.sqrt(product(values, values)) || 1;
  return Float32Array.from(values, (value) => value / length);
}

function product(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);

const largest = (pieces) => pieces.reduce((a, b) => (a && area(a) >= area(b) ? a : b), null);
