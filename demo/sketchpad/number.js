// Shows the number that was read: its digits in their lines, and the box of each on the paper. One digit is selected:
// the one that a person chose by a click or the arrow keys, or else the one nearest to the pen. Calls chosen() after a
// choice.
const MAX_LARGE = 6; // digits in a line; longer lines and several lines are set smaller
const MAX_MEDIUM = 10;
const KEY_TURNS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

function makeNumber(element, chosen) {
  const number = element.querySelector("#digit");
  const layer = element.querySelector(".boxes");
  const buttons = [];
  const boxes = [];
  let digits = [];
  let selected = -1;
  let choice = null; // the box of the digit that a person chose
  let layout = ""; // the number of digits in each line

  // Shows the digits of a reading, or nothing for null. `size` is that of the sketch that was read, and `pen` the
  // newest point of its ink, if it is a drawing.
  function show(reading, size, pen) {
    digits = reading?.digits ?? [];
    selected = digits.length ? nearest(choice ? middle(choice) : pen) : -1;
    if (digits.length > 1) showButtons();
    else showText(reading ? (digits[0]?.digit ?? "?") : "");
    showBoxes(size, !pen);
    mark();
  }

  const nearest = (point) => (point ? indexOfLeast(digits.map(({ box }) => distance(box, point))) : 0);

  function showText(text) {
    layout = "";
    number.textContent = text;
    number.className = number.title = "";
    for (const name of ["role", "aria-label"]) number.removeAttribute(name);
  }

  // Digits keep their buttons and places while the number grows.
  function showButtons() {
    const lines = [];
    digits.forEach(({ line }, i) => (lines[line] ??= []).push(button(i)));
    const shown = lines.filter(Boolean); // without lines that hold nothing
    const longest = Math.max(...shown.map((line) => line.length));
    const isLarge = longest <= MAX_LARGE && shown.length === 1;
    number.className = isLarge ? "" : longest <= MAX_MEDIUM && shown.length <= 3 ? "medium" : "small";
    digits.forEach(showButton);
    if (layout === `${shown.map((line) => line.length)}`) return;
    layout = `${shown.map((line) => line.length)}`;
    const isFocused = number.contains(document.activeElement);
    number.setAttribute("role", "radiogroup");
    number.setAttribute("aria-label", "The number. Choose a digit to see more of it.");
    number.replaceChildren(...shown.flatMap((line, i) => [...(i ? ["\n"] : []), spanOf(line)]));
    if (isFocused) buttons[selected].focus({ preventScroll: true });
  }

  function button(i) {
    buttons[i] ??= Object.assign(document.createElement("button"), { type: "button", onclick: () => choose(i) });
    buttons[i].setAttribute("role", "radio");
    return buttons[i];
  }

  function showButton(digit, i) {
    if (buttons[i].textContent !== textOf(digit)) buttons[i].textContent = textOf(digit);
    buttons[i].classList.toggle("unsure", !digit.sure);
    buttons[i].dataset.or = digit.sure ? "" : alternative(digit);
    buttons[i].setAttribute("aria-label", `${textOf(digit)}, ${describe(digit)}`);
  }

  function showBoxes(size, isPicture) {
    const shown = digits.length > 1 || isPicture ? digits : [];
    while (boxes.length < shown.length) boxes.push(layer.appendChild(newBox(boxes.length)));
    layer.classList.toggle("clickable", isPicture); // on a drawing, the pen goes through them
    boxes.forEach((box, i) => {
      box.hidden = i >= shown.length;
      if (box.hidden) return;
      Object.assign(box.style, placeOf(shown[i].box, size));
      box.classList.toggle("unsure", !shown[i].sure);
    });
    layer.hidden = false;
  }

  const newBox = (i) => Object.assign(document.createElement("i"), { onclick: () => choose(i) });

  function mark() {
    boxes.forEach((box, i) => box.classList.toggle("selected", i === selected && digits.length > 1));
    if (digits.length < 2) return;
    digits.forEach((_, i) => {
      buttons[i].setAttribute("aria-checked", i === selected);
      buttons[i].tabIndex = i === selected ? 0 : -1;
    });
  }

  function choose(i) {
    selected = i;
    choice = digits[i].box;
    mark();
    chosen();
  }

  number.addEventListener("keydown", (event) => {
    const turn = KEY_TURNS[event.key];
    if (!turn || digits.length < 2 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(Math.min(digits.length - 1, Math.max(0, selected + turn)));
    buttons[selected].focus();
  });

  return {
    show,
    selected: () => selected,
    // From now on the selection follows the pen.
    followPen: () => (choice = null),
    // Hides the boxes of an older drawing.
    hideBoxes: () => (layer.hidden = true),
  };
}

// The digits as text, with ? for ink that is no digit, and a newline between two lines.
const numberOf = (digits) =>
  digits.map(({ digit, line }, i) => (i && line !== digits[i - 1].line ? "\n" : "") + (digit ?? "?")).join("");

const textOf = ({ digit }) => `${digit ?? "?"}`;

// What else a digit could be, briefly.
function alternative({ digit, together }) {
  const [first, second] = likely(together);
  if (digit !== null) return `or ${second}`;
  return together[first] < UNKNOWN ? "" : `${first}?`;
}

function spanOf(children) {
  const span = document.createElement("span");
  span.append(...children);
  return span;
}

const middle = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];

// The distance of a point from a box, or a negative number in the box, which is lower the nearer its middle is.
function distance([left, top, right, bottom], [x, y]) {
  const outside = Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
  return outside || Math.hypot(x - (left + right) / 2, y - (top + bottom) / 2) - 1e6;
}

const indexOfLeast = (values) => values.indexOf(Math.min(...values));

// The place of a box on the paper, which shows a sketch of another shape in its middle.
function placeOf([left, top, right, bottom], { width, height }) {
  const scale = Math.min(WIDTH / width, HEIGHT / height);
  const x = (value) => `${50 + (100 * scale * (value - width / 2)) / WIDTH}%`;
  const y = (value) => `${50 + (100 * scale * (value - height / 2)) / HEIGHT}%`;
  const share = (value, side) => `${(100 * scale * value) / side}%`;
  return { left: x(left), top: y(top), width: share(right - left, WIDTH), height: share(bottom - top, HEIGHT) };
}
