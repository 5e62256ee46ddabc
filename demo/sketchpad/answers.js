const MAX_DIGITS = 64; // that reader.onnx reads on a sheet
const NO_INK = "No ink is large and dark enough to be a digit.";
const UNKNOWN = 0.3; // below this probability of each digit, none is named

// Shows what the networks say about the selected digit, and messages.
function makeAnswers(element) {
  const $ = (selector) => element.querySelector(selector);
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = $("tbody").insertRow();
    row.innerHTML = `<th scope="row">${digit}</th><td><i></i><span></span></td><td><i></i><span></span></td>`;
    return row;
  });

  // Shows digit `selected` of a reading, the result of the server's read(), or nothing for null, for blank paper.
  function show(reading, selected) {
    const shown = reading?.digits[selected];
    $(".answers").classList.toggle("blank", !reading);
    $("#words").textContent = reading ? describeNumber(reading) : "";
    $("#which").textContent =
      reading?.digits.length > 1 ? `Digit ${selected + 1} of ${reading.digits.length}: ${describe(shown)}` : "";
    rows.forEach((row, digit) => {
      row.classList.toggle("read", shown?.digit === digit);
      row.setAttribute("aria-current", shown?.digit === digit);
      ["lenet5", "ffnn"].forEach((network, i) => {
        const p = shown?.probabilities[network][digit];
        const [bar, text] = row.cells[i + 1].children;
        bar.style.width = `${100 * (p ?? 0)}%`;
        text.textContent = shown ? percent(p) : "";
      });
    });
    setImage($("#seen"), shown?.image);
    $(".seen .taking").hidden = Boolean(reading) && !shown;
    $("#speed").textContent = reading
      ? `Read by ONNX Runtime on ${reading.provider} in ${reading.milliseconds.toFixed(1)} ms.`
      : "";
  }

  function setText(selector, text) {
    $(selector).hidden = !text;
    if ($(selector).textContent !== text) $(selector).textContent = text;
  }

  show(null);
  return {
    show,
    // Dims the answer if it belongs to an older drawing.
    setOutdated: (isOutdated) => $(".answers").setAttribute("aria-busy", isOutdated),
    // Speaks through screen readers; call it when the drawing is at rest, not for every point.
    announce: (text) => ($("#said").textContent = text),
    // Shows why there is no answer, or hides that if `text` is empty.
    showProblem: (text) => setText("#problem", text),
    // Shows a message about anything else, or hides it. `isNews` if nothing went wrong.
    showNotice(text, isNews = false) {
      $("#notice").classList.toggle("news", isNews);
      setText("#notice", text);
    },
  };
}

// Shows an image, or nothing in its place without a `url`.
function setImage(image, url) {
  image.style.visibility = url ? "" : "hidden";
  if (url) image.src = url;
  else image.removeAttribute("src");
}

// How sure the networks are of a number, as a sentence.
function describeNumber({ digits }) {
  if (!digits.length) return NO_INK;
  if (digits.length === 1) return describe(digits[0], true);
  if (digits.every(({ digit }) => digit === null)) return "None of these is a digit I know.";
  if (digits.length === MAX_DIGITS) return `These are the first ${MAX_DIGITS} digits. Show fewer at a time.`;
  const unsure = digits.filter(({ sure }) => !sure).length;
  if (unsure) return `Not sure of ${unsure} of ${digits.length} digits.`;
  const [taught, others] = [digits.filter(({ alone }) => alone), digits.filter(({ alone }) => !alone)];
  const words = taught.length ? [`${taught.length} of ${digits.length} digits as you taught it`] : [];
  if (others.length) {
    const least = Math.min(...others.map(({ together }) => Math.max(...together)));
    words.push(`${percent(least)} sure of ${taught.length ? "the others" : "each digit"}`);
  }
  return words.join(", ");
}

// How sure the networks are of one digit, as a sentence. `isOnly` if there is no other ink.
function describe({ digit, sure, together, alone }, isOnly = false) {
  if (alone) return `Read as you taught it. The networks alone: ${aloneText(alone)}`;
  const [most, next] = likely(together);
  if (digit !== null) {
    if (sure) return `${percent(together[most])} sure`;
    return `Probably, ${percent(together[most])} sure. Perhaps ${next}.`;
  }
  if (isRead(together))
    return isOnly ? "That is a dot or a smear." : `It looks like ${withArticle(most)}, but most ink around it is no digit.`;
  if (together[most] < UNKNOWN) return "That is no digit I know.";
  return together[next] < 0.15 ? `Not sure. Perhaps ${most}.` : `Not sure. Perhaps ${most} or ${next}.`;
}

// What the networks alone say where a learned form decides.
function aloneText(alone) {
  return alone.digit === null ? describe(alone) : `${alone.digit}, ${lowerFirst(describe(alone))}`;
}

const lowerFirst = (text) => text[0].toLowerCase() + text.slice(1);
const upperFirst = (text) => text[0].toUpperCase() + text.slice(1);
const withArticle = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;

// The reading for screen readers: the number, and each digit that is not sure.
function spoken({ number, digits }) {
  if (!digits.length) return NO_INK;
  if (digits.length === 1)
    return digits[0].digit === null ? describe(digits[0], true) : `${upperFirst(withArticle(digits[0].digit))}, ${describe(digits[0])}`;
  const unsure = digits.flatMap((digit, i) => (digit.sure ? [] : `Digit ${i + 1}: ${describe(digit)}`));
  return [`${number.replaceAll("\n", ", ")}.`, describeNumber({ digits }), ...unsure].join(" ");
}

// The digits from the most to the least probable.
const likely = (together) => [...together.keys()].sort((a, b) => together[b] - together[a]);

// Whether both networks' mean tells a digit, as model/reader/judging.py judges it where no other digits are.
const OPEN = 3;
const isRead = (together) => Math.max(...together) > 0.5 && perplexity(together) < OPEN;
const perplexity = (together) => Math.exp(together.reduce((sum, p) => sum - (p && p * Math.log(p)), 0));

const percent = (p) => `${Math.floor(100 * p)} %`;
