// Shows the forms that this browser has learned, forgets them, saves them as a file, and loads such a file.
const FORMS_FILE = "hand.zip";
const FORM_FILE = /(?:^|\/)([0-9])\/[^/.][^/]*\.png$/i; // DIGIT/NAME.png, also below other folders
const MAX_FILE = 50_000_000; // bytes; a folder of --collect that is full takes 40 MB
const MAX_DRAWING = 1_000_000; // bytes of one picture in it

// `read(sketch)` returns the server's answer with the values that `learning` compares.
function makeForms(element, learning, read, answers) {
  const $ = (selector) => element.querySelector(selector);

  function show() {
    const forms = learning.forms();
    const lost = learning.isStored() ? "" : ", until it is closed: it does not let the page store them";
    $(".hand summary").textContent = forms.length
      ? `This browser has learned ${count(forms.length, "form")} of your hand${lost}`
      : "This browser has not learned your hand";
    const byDigit = forms.map((form, i) => ({ form, i })).sort((a, b) => a.form.digit - b.form.digit || a.i - b.i);
    $(".hand ul").replaceChildren(...byDigit.map(({ form }) => itemOf(form)));
    for (const selector of ["#save-hand", "#forget-hand"]) $(selector).disabled = !forms.length;
  }

  function itemOf(form) {
    const item = document.createElement("li");
    const image = Object.assign(new Image(28, 28), { src: pngUrl(pictureOf(form)), alt: "" });
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget" });
    button.setAttribute("aria-label", `Forget this ${form.digit}`);
    button.addEventListener("click", () => {
      const place = [...$(".hand ul").children].indexOf(item);
      learning.forget([form]);
      answers.announce(`Forgotten: ${withArticle(form.digit)}.`);
      const { children } = $(".hand ul");
      (children[Math.min(place, children.length - 1)]?.querySelector("button") ?? $(".hand summary")).focus();
    });
    item.append(image, `${form.digit}`, button);
    return item;
  }

  $("#forget-hand").addEventListener("click", () => {
    const forms = learning.forms();
    if (!confirm(`Forget ${count(forms.length, "form")}? Only a saved file brings them back.`)) return;
    learning.forget(forms);
    answers.announce("This browser has forgotten your hand.");
    $(".hand summary").focus();
  });

  $("#save-hand").addEventListener("click", () => {
    const names = [...Array(10)].map(() => 0);
    const members = learning.forms().map((form) => {
      names[form.digit] += 1;
      const name = `${form.digit}/${`${names[form.digit]}`.padStart(3, "0")}.png`;
      return [name, bytesOf(pngUrl(pictureOf(form)).split(",")[1])];
    });
    const href = URL.createObjectURL(new Blob([zipped(members)], { type: "application/zip" }));
    Object.assign(document.createElement("a"), { href, download: FORMS_FILE }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser may ask where to save it
  });

  $("#load-hand").addEventListener("change", async ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (!file) return;
    answers.showNotice("");
    try {
      answers.showNotice(await loaded(file), true);
    } catch (error) {
      answers.showNotice(`${file.name} cannot be loaded: ${error instanceof ZipError ? error.message : error}.`);
    }
  });

  // Learns the forms of a file, and returns what became of them.
  async function loaded(file) {
    if (file.size > MAX_FILE) throw new ZipError(`it is larger than ${MAX_FILE / 1e6} MB`);
    const bytes = new Uint8Array(await file.arrayBuffer());
    const members = await unzipped(bytes, (name) => FORM_FILE.test(name), MAX_FORMS + 1, MAX_DRAWING);
    if (!members.length) throw new ZipError("it holds no DIGIT/NAME.png, as a saved hand does");
    const forms = [];
    const unread = []; // reasons
    for (const [name, content] of members) {
      const answer = await read({ url: `data:image/png;base64,${base64Of(content)}` }).catch(() => ({ problem: "The server does not answer" }));
      if (answer.problem) throw new ZipError(`${answer.problem.replace(/\.$/, "")}; try again`);
      const piece = largest(answer.digits ?? []);
      if (piece) forms.push({ digit: Number(FORM_FILE.exec(name)[1]), ...piece.form, model: answer.model });
      else unread.push(answer.error ?? "It shows no ink.");
    }
    const left = learning.add(forms);
    const told = [`${file.name}: ${count(forms.length - left, "form")} learned.`];
    if (unread.length) told.push(`${count(unread.length, "picture")} in it cannot be read: ${unread[0]}`);
    if (left || members.length > MAX_FORMS)
      told.push(`A browser holds ${MAX_FORMS} forms; the others of the file are left out.`);
    return told.join(" ");
  }

  show();
  return { show };
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
