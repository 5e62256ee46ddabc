// Stores digits that were misread, as training data. `server` has keep({sketch, digit}) and takeBack(name); keep()
// stores in `folder` on the server. ask() returns what a click corrects, or null if there is nothing: the {sketch} of
// one digit, its {index} in the number, and the {count} of digits. inTime(answer) returns the answer, or null if none
// comes.
function makeCorrections(element, server, folder, answers, ask, inTime) {
  const $ = (selector) => element.querySelector(selector);
  let newest; // the name of the digit that this page stored last, and what it is
  const buttons = Array.from({ length: 10 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => keep(digit));
    return button;
  });
  $(".wrong div").append(...buttons);
  $(".wrong").hidden = false;

  // Shows what a click does; without a digit the buttons are disabled.
  function show() {
    const asked = ask();
    for (const button of buttons) button.disabled = !asked;
    const [wrong, what] =
      asked?.count > 1 ? [`Is digit ${asked.index + 1} wrong?`, "this digit"] : ["Wrong answer?", "this drawing"];
    $("#stores").textContent =
      `${wrong} Click the right digit. That stores the ink of ${what} and what it is, nothing else, in ${folder} ` +
      "on the server, as training data.";
  }

  async function keep(digit) {
    for (const button of buttons) button.disabled = true; // until the drawing changes or storing fails
    const kept = await inTime(server.keep({ sketch: ask().sketch, digit }));
    if (kept?.name) {
      newest = { name: kept.name, digit };
      showStored(`Stored as a ${digit}. ${folder} now holds ${kept.kept}.`);
      $("#take-back").focus(); // the disabled button loses the focus
    } else {
      show();
      answers.showNotice(kept?.error ?? "The server does not answer; the drawing is not stored.");
    }
  }

  $("#take-back").addEventListener("click", async ({ target }) => {
    target.disabled = true;
    const { name, digit } = newest;
    const taken = await inTime(server.takeBack(name));
    target.disabled = false;
    if (taken?.kept === undefined)
      return answers.showNotice(taken?.error ?? "The server does not answer; the drawing is still stored.");
    newest = undefined;
    show();
    showStored(`Taken back: the ${digit} is no longer stored. ${folder} now holds ${taken.kept}.`);
    buttons[digit].focus();
  });

  function showStored(text) {
    $("#stores").textContent = text;
    $("#take-back").hidden = !newest;
    $("#take-back").textContent = `Take back the stored ${newest?.digit}`;
    answers.announce(text);
  }

  show();
  return { show };
}
