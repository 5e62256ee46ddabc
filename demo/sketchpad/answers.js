// Shows what the networks say. `answer` is what app.py's read() gives, or null for blank paper.
function makeAnswers(element) {
  const $ = (selector) => element.querySelector(selector);
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const row = $("tbody").insertRow();
    row.innerHTML = `<th scope="row">${digit}</th><td><i></i><span></span></td><td><i></i><span></span></td>`;
    return row;
  });

  function show(answer) {
    $("#digit").textContent = answer ? (answer.digit ?? "?") : "";
    $("#words").textContent = words(answer);
    rows.forEach((row, digit) => {
      row.classList.toggle("read", answer?.digit === digit);
      ["lenet5", "ffnn"].forEach((network, i) => {
        const p = answer?.probabilities[network][digit];
        const [bar, text] = row.cells[i + 1].children;
        bar.style.width = `${100 * (p ?? 0)}%`;
        text.textContent = answer ? percent(p) : "";
      });
    });
    picture("#seen", answer?.image);
    for (const layer of ["conv1", "conv2", "conv3"]) picture(`#${layer}`, answer?.maps[layer]);
    $("#speed").textContent = answer
      ? `Read by ONNX Runtime on ${answer.provider} in ${answer.milliseconds.toFixed(1)} ms.`
      : "";
  }

  function picture(selector, url) {
    const image = $(selector);
    if (url) image.src = url;
    else image.removeAttribute("src");
  }

  // For those who hear it: once a drawing rests, not at every point of the pen.
  const say = (text) => ($("#said").textContent = text);

  function warn(text) {
    $("#problem").hidden = !text;
    if ($("#problem").textContent !== text) $("#problem").textContent = text;
  }

  show(null);
  return { show, say, warn };
}

function words(answer) {
  if (!answer) return "Draw a digit, 0 to 9.";
  if (answer.small) return "Too small to read. Draw it larger.";
  const likely = [...answer.together.keys()].sort((a, b) => answer.together[b] - answer.together[a]);
  const [first, second] = likely.map((digit) => answer.together[digit]);
  if (answer.digit !== null) return `${percent(first)} sure`;
  if (first < 0.3) return "That is no digit I know.";
  return second < 0.15 ? `Not sure. Perhaps ${likely[0]}.` : `Not sure. Perhaps ${likely[0]} or ${likely[1]}.`;
}

const percent = (p) => `${Math.floor(100 * p)} %`;
