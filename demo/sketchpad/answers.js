// Shows what the networks say. `answer` is what the server's read() gives, or null for blank paper.
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
      row.setAttribute("aria-current", answer?.digit === digit);
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
    image.style.visibility = url ? "" : "hidden";
    if (url) image.src = url;
    else image.removeAttribute("src");
  }

  function write(selector, text) {
    $(selector).hidden = !text;
    if ($(selector).textContent !== text) $(selector).textContent = text;
  }

  show(null);
  return {
    show,
    // That what is shown is of another drawing than the one on the paper.
    outdated: (is) => $(".answers").setAttribute("aria-busy", is),
    // For those who hear it: once a drawing rests, not at every point of the pen.
    say: (text) => ($("#said").textContent = text),
    // What is wrong with the answers, and with what else the person did.
    warn: (text) => write("#problem", text),
    tell: (text) => write("#notice", text),
  };
}

function words(answer) {
  if (!answer) return "Draw a digit, 0 to 9.";
  if (answer.small) return "Too small to read. Draw it larger.";
  const likely = [...answer.together.keys()].sort((a, b) => answer.together[b] - answer.together[a]);
  const [first, second] = likely.map((digit) => answer.together[digit]);
  if (answer.digit !== null) return answer.sure ? `${percent(first)} sure` : `Probably, ${percent(first)} sure`;
  if (first < 0.3) return "That is no digit I know.";
  return second < 0.15 ? `Not sure. Perhaps ${likely[0]}.` : `Not sure. Perhaps ${likely[0]} or ${likely[1]}.`;
}

const percent = (p) => `${Math.floor(100 * p)} %`;
