// Copies the number as text, and saves the paper with the number below it as a picture.
const SAVED_SCALE = 2; // pixels of the saved picture for each of the sketch
const CAPTION = { margin: 14, size: 28 }; // pixels of the sketch

// Copies through the clipboard's own function, which browsers give only to pages over HTTPS and on this machine, or
// else from a text field.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const field = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    focused.focus({ preventScroll: true });
    return isCopied;
  }
}

// Saves strokes or a picture, as the paper holds them, and a number. Returns false if the browser hides the pixels.
function savePicture({ strokes, picture }, image, number) {
  if (!readsTruePixels()) return false;
  const lines = number.split("\n");
  const { margin, size } = CAPTION;
  const height = HEIGHT + 2 * margin + size * lines.length;
  const context = contextOf(SAVED_SCALE * WIDTH, SAVED_SCALE * height);
  context.scale(SAVED_SCALE, SAVED_SCALE);
  context.fillStyle = "white";
  context.fillRect(0, 0, WIDTH, height);
  if (picture) {
    const scale = Math.min(WIDTH / image.naturalWidth, HEIGHT / image.naturalHeight);
    const [width, tall] = [scale * image.naturalWidth, scale * image.naturalHeight];
    context.drawImage(image, (WIDTH - width) / 2, (HEIGHT - tall) / 2, width, tall);
  }
  paintStrokes(context, strokes);
  context.fillStyle = "#57606a";
  context.fillRect(0, HEIGHT, WIDTH, 1);
  context.font = `bold ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  lines.forEach((line, i) => context.fillText(line, margin, HEIGHT + margin + size * (i + 0.5), WIDTH - 2 * margin));
  const name = number.replaceAll("?", "x").replaceAll("\n", "-").slice(0, 40);
  Object.assign(document.createElement("a"), { href: context.canvas.toDataURL(), download: `${name}.png` }).click();
  return true;
}
