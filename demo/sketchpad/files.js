// Takes picture files that are chosen, pasted or dropped. Before and after reading one, it asks content() whether the
// paper changed meanwhile. Then it calls show(picture), or refuse(reason).
const DRAG_PAUSE = 200; // milliseconds; browsers repeat "dragover" more often while a file is over the page
const ALLOW = "Allow this site to extract canvas data";

function takeFiles(element, content, show, refuse) {
  const $ = (selector) => element.querySelector(selector);
  let newest = 0; // only the newest file is shown

  async function take(file) {
    const number = ++newest;
    const before = content();
    try {
      const picture = await readPicture(file);
      if (number === newest && content() === before) show(picture);
    } catch (error) {
      refuse(reasonFor(error, file.name));
    }
  }

  $("#file").addEventListener("change", ({ target }) => {
    if (target.files.length) take(target.files[0]);
    target.value = "";
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files.length) take(clipboardData.files[0]);
    else refuse("The clipboard holds no picture.");
  });

  let timer;
  const showLanding = (isOver) => ($(".landing").hidden = !isOver);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    timer = setTimeout(showLanding, DRAG_PAUSE, false);
    showLanding(event.dataTransfer.types.includes("Files"));
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    showLanding(false);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
    else refuse("That is not a file. Save the picture first, then drop the file here.");
  });
}

function reasonFor(error, name) {
  if (error instanceof TooSmall) return `${name} is too small: a picture must have 8 pixels or more each way.`;
  if (error instanceof FalsePixels)
    return (
      "This browser does not let the page read the pixels of a picture, as a protection against fingerprinting. " +
      `${ALLOW}, and choose the picture again. In Firefox, Tor Browser and LibreWolf, the icon of a picture beside ` +
      "the address asks for that. Drawing works without it."
    );
  return (
    `This browser cannot read ${name} as a picture: it is damaged, too large, or of a kind that the browser does not ` +
    "know. Choose a PNG or JPEG."
  );
}
