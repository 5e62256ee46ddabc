// Scales pictures down to the size that the networks need.
const MIN_SIDE = 8; // pixels; the smallest side of a picture
const MAX_URL_LENGTH = 15_000; // characters of a data URL; keeps a question below 16 kB
const MAX_NOISE = 8; // levels; browsers that hinder fingerprinting add less noise than this, or return other pixels

class TooSmall extends Error {}
class FalsePixels extends Error {}

// The image file as a small data URL. Transparency becomes white, or black if the ink is light.
// Throws TooSmall, FalsePixels if the browser does not let the page read pixels, or the browser's error if it cannot read
// the file.
async function scaledDown(file) {
  const image = await createImageBitmap(file);
  if (Math.min(image.width, image.height) < MIN_SIDE) throw new TooSmall();
  if (!readsTruePixels()) throw new FalsePixels();
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(MIN_SIDE, Math.round(side * scale)));
  const context = contextOf(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const isDark = data.some((_, i) => i % 4 === 0 && data[i + 3] > 128 && data[i] + data[i + 1] + data[i + 2] < 384);
  fillBehind(context, isDark ? "white" : "black");
  return jpegUrl(context.canvas);
}

// Whether the pixels of a canvas are those that were drawn on it: here columns, each lighter than the one before.
function readsTruePixels() {
  const context = contextOf(16, 16);
  for (let x = 0; x < 16; x++) {
    context.fillStyle = `rgb(${17 * x}, ${17 * x}, ${17 * x})`;
    context.fillRect(x, 0, 1, 16);
  }
  try {
    const { data } = context.getImageData(0, 0, 16, 16);
    const noise = data.map((level, i) => (i % 4 === 3 ? 0 : Math.abs(level - 17 * (Math.floor(i / 4) % 16))));
    return noise.reduce((sum, level) => sum + level, 0) < MAX_NOISE * data.length;
  } catch {
    return false;
  }
}

const contextOf = (width, height) =>
  Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");

function fillBehind(context, colour) {
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

// A data URL of at most MAX_URL_LENGTH characters.
function jpegUrl(canvas) {
  let url = canvas.toDataURL("image/jpeg", 0.9);
  for (let quality = 0.7; url.length > MAX_URL_LENGTH && quality > 0; quality -= 0.2)
    url = canvas.toDataURL("image/jpeg", quality);
  return url;
}
