// Corrects digits that were misread: this browser learns their forms, and the server stores them as training data if it
// has a `folder` for them, by keep({sketch, digit}) and takeBack(name). ask() returns what a click corrects, or null if
// there is nothing: the {sketch} of one digit, its {index} in the number, the {count} of digits, and the {content} of
// the paper; formOf() returns the form of that digit. inTime(answer) returns the answer, or null if none comes.
function makeCorrections(element, server, folder, learning, answers, ask, formOf, inTime) {
  const $ = (selector) => element.querySelector(selector);
  let newest = null; // the newest correction: its digit, its form, the forms that it replaced, and its name on the server
  let told = null; // the last words, which digit of which drawing they were about, and whether it is corrected
  const buttons = Array.from({ length: 10 }, (_, digit) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: digit });
    button.addEventListener("click", () => correct(digit));
    return button;
  });
  $(".wrong div").append(...buttons);

  // Shows what a click does; without a digit the buttons are disabled.
  function show() {
    const asked = ask();
    if (newest && !isLearned(newest.form)) forgetNewest();
    const isTold = asked && told?.content === asked.content && told.index === asked.index;
    for (const button of buttons) button.disabled = !asked || (isTold && told.isCorrected);
    $("#stores").textContent = isTold ? told.text : question(asked);
  }

  const isLearned = (form) => learning.forms().some((other) => isEqual(form, other));

  // The newest correction was forgotten in the list, or in another tab. The server may still store it.
  function forgetNewest() {
    told = null;
    newest = newest.name ? { ...newest, replaced: [] } : null;
    $("#take-back").hidden = !newest;
  }

  function question(asked) {
    const [wrong, what] =
      asked?.count > 1 ? [`Is digit ${asked.index + 1} wrong?`, "this digit"] : ["Wrong answer?", "this drawing"];
    const stored = folder
      ? ` The server also stores the ink of ${what} and the right digit, nothing else, in ${folder} as training data.`
      : "";
    return `${wrong} Click the right digit. From then on, this browser reads this form as that digit.${stored}`;
  }

  async function correct(digit) {
    const asked = ask();
    for (const button of buttons) button.disabled = true;
    const found = await inTime(formOf(asked));
    if (!found?.ink) return refuse(digit, found?.error ?? "No answer came; the digit is not learned.");
    const form = { ...found, digit };
    const before = learning.forms();
    if (learning.add([form]))
      return refuse(digit, `This browser holds ${MAX_FORMS} forms. Save them, and forget those that you do not need.`);
    const replaced = before.filter((other) => !isLearned(other));
    const kept = folder ? await inTime(server.keep({ sketch: asked.sketch, digit })) : null;
    newest = { digit, form, replaced, name: kept?.name };
    if (folder && !kept?.name)
      answers.showNotice(kept?.error ?? "The server does not answer; the drawing is not stored there.");
    tell(
      asked,
      `Learned as ${withArticle(digit)} in this browser.` +
        (kept?.name ? ` Stored as ${withArticle(digit)}. ${folder} now holds ${kept.kept}.` : ""),
    );
    $("#take-back").focus(); // the disabled button loses the focus
  }

  function refuse(digit, reason) {
    show();
    buttons[digit].focus(); // it lost the focus while it was disabled
    answers.showNotice(reason);
  }

  $("#take-back").addEventListener("click", async ({ target }) => {
    target.disabled = true;
    const { name, form, replaced, digit } = newest;
    const taken = name ? await inTime(server.takeBack(name)) : null;
    target.disabled = false;
    target.focus();
    if (name && taken?.kept === undefined)
      return answers.showNotice(taken?.error ?? "The server does not answer; the drawing is still stored.");
    newest = null;
    learning.forget([form], replaced);
    const stored = taken ? ` The ${digit} is no longer stored. ${folder} now holds ${taken.kept}.` : "";
    tell(ask(), `Taken back: the ${digit} is forgotten.${stored}`);
    buttons[digit].focus();
  });

  // Shows what became of a correction, of `asked` until the drawing changes, and whether it can be taken back.
  function tell(asked, text) {
    told = asked && { text, content: asked.content, index: asked.index, isCorrected: newest !== null };
    show();
    $("#stores").textContent = text;
    $("#take-back").hidden = !newest;
    $("#take-back").textContent = `Take back the ${newest?.digit}`;
    answers.announce(text);
  }

  show();
  return { show };
}
