// Shows the networks' answer. `answer` is the result of the server's read(), or null for blank paper.
function makeAnswers(element) {
  const $ = (selector) => element.querySelector(selector);
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = $("tbody").insertRow();
    row.innerHTML = `<th scope="row">${digit}</th><td><i></i><span></span></td><td><i></i><span></span></td>`;
    return row;
  });

  function show(answer) {
    $("#digit").textContent = answer ? (answer.digit ?? "?") : "";
    $("#words").textContent = describe(answer);
    rows.forEach((row, digit) => {
      row.classList.toggle("read", answer?.digit === digit);
      row.setAttribute("aria-current", answer?.digit === digit);
      ["lenet5", "ffnn"].forEach((network, i) => {
        const p = answer?.probabilities[network][digit];
        const [bar, text] = row.cells[i + 1].children;
        bar.style.width = `${100 * (p ?? 0)}%`;
        text.textContent = answer ? percent(p) : "";
      });
    });
    setImage("#seen", answer?.image);
    for (const layer of ["conv1", "conv2", "conv3"]) setImage(`#${layer}`, answer?.maps[layer]);
    $("#speed").textContent = answer
      ? `Read by ONNX Runtime on ${answer.provider} in ${answer.milliseconds.toFixed(1)} ms.`
      : "";
  }

  function setImage(selector, url) {
    const image = $(selector);
    image.style.visibility = url ? "" : "hidden";
    if (url) image.src = url;
    else image.removeAttribute("src");
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
    // Shows a message about anything else, or hides it.
    showNotice: (text) => setText("#notice", text),
  };
}

// The answer as a sentence.
function describe(answer) {
  if (!answer) return "Draw a digit, 0 to 9.";
  if (answer.small) return "Too small to read. Draw it larger.";
  const likely = [...answer.together.keys()].sort((a, b) => answer.together[b] - answer.together[a]);
  const [first, second] = likely.map((digit) => answer.together[digit]);
  if (answer.digit !== null) return answer.sure ? `${percent(first)} sure` : `Probably, ${percent(first)} sure`;
  if (first < 0.3) return "That is no digit I know.";
  return second < 0.15 ? `Not sure. Perhaps ${likely[0]}.` : `Not sure. Perhaps ${likely[0]} or ${likely[1]}.`;
}

const percent = (p) => `${Math.floor(100 * p)} %`;
