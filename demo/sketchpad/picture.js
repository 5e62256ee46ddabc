// Scales pictures down to the size that the networks need.
const MIN_SIDE = 8; // pixels; the smallest side of a picture
const MAX_URL_LENGTH = 15_000; // characters of a data URL; keeps a question below 16 kB

class TooSmall extends Error {}

// The image file as a small data URL. Transparency becomes white, or black if the ink is light.
// Throws TooSmall, or the browser's error if it cannot read the file.
async function scaledDown(file) {
  const image = await createImageBitmap(file);
  if (Math.min(image.width, image.height) < MIN_SIDE) throw new TooSmall();
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(MIN_SIDE, Math.round(side * scale)));
  const context = contextOf(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const isDark = data.some((_, i) => i % 4 === 0 && data[i + 3] > 128 && data[i] + data[i + 1] + data[i + 2] < 384);
  fillBehind(context, isDark ? "white" : "black");
  return encoded(context.canvas, "image/jpeg");
}

const contextOf = (width, height) =>
  Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");

function fillBehind(context, colour) {
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

// A data URL of at most MAX_URL_LENGTH characters: of `type`, or a JPEG of lower quality.
function encoded(canvas, type) {
  let url = canvas.toDataURL(type, 0.9);
  for (let quality = 0.9; url.length > MAX_URL_LENGTH && quality > 0; quality -= 0.2)
    url = canvas.toDataURL("image/jpeg", quality);
  return url;
}
