// Pictures, made as small as the networks need them.
const SMALLEST = 8; // pixels a side of a picture
const LARGEST = 15_000; // characters of a data URL, so that a question stays under 16 KB

class TooSmall extends Error {}

// An image file as a data URL, as small as the networks need it, on white or, if it is light on nothing, on black.
async function small(file) {
  const image = await createImageBitmap(file);
  if (Math.min(image.width, image.height) < SMALLEST) throw new TooSmall();
  const scale = Math.min(1, SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(SMALLEST, Math.round(side * scale)));
  const context = canvasOf(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const dark = data.some((_, i) => i % 4 === 0 && data[i + 3] > 128 && data[i] + data[i + 1] + data[i + 2] < 384);
  fillBehind(context, dark ? "white" : "black");
  return encoded(context.canvas, "image/jpeg");
}

const canvasOf = (width, height) => Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");

function fillBehind(context, colour) {
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

// A data URL of at most LARGEST characters: of `type`, or a JPEG of lower quality.
function encoded(canvas, type) {
  let url = canvas.toDataURL(type, 0.9);
  for (let quality = 0.9; url.length > LARGEST && quality > 0; quality -= 0.2)
    url = canvas.toDataURL("image/jpeg", quality);
  return url;
}
