// Learns forms of digits in this browser: pieces of ink that were misread, and what they are. A piece of ink is read as
// the nearest form if that is close, by the values of LeNet5's layer FC6.
const STORAGE_KEY = "hand";
const STORAGE_VERSION = 1;
const MAX_FORMS = 200; // 400 kB of the 5 MB that a browser stores for a site
const CLOSE = 0.1; // cosine distance; tests/benchmarks/writers.py measures its effect
const FORM_VALUES = 84;
const PICTURE = /^data:image\/png;base64,[\w+/]{1,9000}={0,2}$/;

// A form is {digit, picture, model, fc6}: its ink as the networks see it, and the values that this model gave.
// `read(sketch)` returns the server's answer with such values, changed() is called after each change, also in another
// tab, and warn(text) says what was found damaged.
function makeLearning(read, changed, warn) {
  let forms = []; // the newest last, each with another picture
  let unsaved = []; // those that the storage does not take
  let isRenewing = false;

  function load() {
    let text = null;
    try {
      text = localStorage.getItem(STORAGE_KEY);
    } catch {} // the storage is forbidden
    const { known, isWhole } = parsedForms(text);
    forms = joined(known, unsaved);
    if (isWhole) return known;
    const isSetAside = setAside(text);
    warn(
      "What this browser had learned is damaged, or from another version of this page. " +
        (isSetAside ? "It is set aside; forms that can be read are still used." : "It stays as it is."),
    );
    return known;
  }

  function setAside(text) {
    try {
      localStorage.setItem(`${STORAGE_KEY}-${new Date().toISOString()}`, text);
      localStorage.removeItem(STORAGE_KEY);
      save();
      return true;
    } catch {
      return false;
    }
  }

  const save = () => localStorage.setItem(STORAGE_KEY, JSON.stringify({ version: STORAGE_VERSION, forms }));

  // Replaces the forms by change(forms), after those that another tab has learned are added.
  function edit(change) {
    const stored = load();
    forms = change(forms);
    try {
      save();
      unsaved = [];
    } catch {
      unsaved = forms.filter((form) => !stored.some((other) => isSame(form, other)));
    }
    changed();
  }

  // Adds forms, the later of two with the same picture. Returns how many of them found no room.
  function add(added) {
    let left = 0;
    edit((known) => {
      const all = joined(known, added);
      left = Math.max(0, all.length - MAX_FORMS);
      return left ? all.slice(0, MAX_FORMS) : all;
    });
    return left;
  }

  // Reads the ink of forms anew whose values are those of another model.
  async function renew(model) {
    if (isRenewing) return;
    isRenewing = true;
    const renewed = [];
    for (const form of forms.filter((form) => form.model !== model)) {
      const answer = await read({ url: form.picture, width: 28, height: 28 }).catch(() => null);
      if (!answer?.digits && !answer?.error) break; // the next answer to a drawing tries again
      renewed.push({ ...form, model, fc6: largest(answer.digits ?? [])?.fc6 ?? "" });
    }
    isRenewing = false;
    if (renewed.length) edit((known) => known.map((form) => renewed.find((other) => isSame(form, other)) ?? form));
  }

  // Lets the forms decide about the pieces of an answer. A piece that they read otherwise than the networks gets the
  // form as `learned`, and the networks' answer as `alone`.
  function apply(reading) {
    if (forms.some(({ model }) => model !== reading.model)) renew(reading.model);
    const usable = forms.filter(({ model, fc6 }) => model === reading.model && fc6).map(withValues);
    for (const piece of usable.length ? reading.digits : []) {
      const form = piece.fc6 && nearestForm(usable, valuesOf(piece.fc6));
      if (!form || form.digit === piece.digit) continue;
      const { digit, sure } = piece;
      Object.assign(piece, { learned: form, alone: { ...piece, digit, sure }, digit: form.digit, sure: true });
    }
    reading.number = numberOf(reading.digits);
  }

  addEventListener("storage", ({ key }) => {
    if (key !== STORAGE_KEY && key !== null) return;
    load();
    changed();
  });
  load();
  return {
    add,
    apply,
    forms: () => forms,
    isStored: () => !unsaved.length,
    // Forgets these forms.
    forget: (forgotten) => edit((known) => known.filter((form) => !forgotten.some((other) => isSame(form, other)))),
  };
}

const isSame = (form, other) => form.picture === other.picture && form.digit === other.digit;

const joined = (known, added) => [...new Map([...known, ...added].map((form) => [form.picture, form])).values()];

// The forms that a text of the storage holds, and whether it holds nothing else.
function parsedForms(text) {
  if (text === null) return { known: [], isWhole: true };
  try {
    const { version, forms } = JSON.parse(text);
    if (version !== STORAGE_VERSION) return { known: [], isWhole: false };
    const known = forms.filter(isForm).map(({ digit, picture, model, fc6 }) => ({ digit, picture, model, fc6 }));
    return { known: joined(known, []), isWhole: known.length === forms.length };
  } catch {
    return { known: [], isWhole: false };
  }
}

function isForm(form) {
  const isText = (value) => typeof value === "string";
  if (!Number.isInteger(form?.digit) || form.digit < 0 || form.digit > 9) return false;
  if (!isText(form.picture) || !PICTURE.test(form.picture) || !isText(form.model) || !isText(form.fc6)) return false;
  return form.fc6 === "" || valuesOf(form.fc6) !== null;
}

// The values, divided by their length, or null for another number of values.
function valuesOf(base64) {
  try {
    const values = new Float32Array(bytesOf(base64).buffer);
    const length = Math.hypot(...values);
    return values.length === FORM_VALUES && length > 0 ? values.map((value) => value / length) : null;
  } catch {
    return null;
  }
}

const withValues = (form) => ({ ...form, values: valuesOf(form.fc6) });

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// The form nearest to these values, the later of two, or null if none is close.
function nearestForm(forms, values) {
  let [nearest, most] = [null, 1 - CLOSE];
  for (const form of forms) {
    const cosine = form.values.reduce((sum, value, i) => sum + value * values[i], 0);
    if (cosine >= most) [nearest, most] = [form, cosine];
  }
  return nearest;
}

const area = ({ box: [left, top, right, bottom] }) => (right - left) * (bottom - top);

const largest = (pieces) => pieces.reduce((a, b) => (a && area(a) >= area(b) ? a : b), null);
