// Reads picture files. README.md describes how, under Picture files; networks/images.py does the same.
const MIN_SIDE = 8; // pixels; the smallest side of a picture
const MAX_SIDE = 1_400; // pixels; larger pictures are scaled down
const BAND = 64; // rows that are read at a time, because browsers limit the size of a canvas
const MAX_NOISE = 8; // levels; browsers that hinder fingerprinting add less noise than this, or return other pixels

class TooSmall extends Error {}
class FalsePixels extends Error {}

// The image file as data URLs: `picture` is what the networks get, of `width` x `height` pixels, and `shown` shows it
// in colour. Throws TooSmall, FalsePixels if the browser does not let the page read pixels, or the browser's error if
// it cannot read the file.
async function readPicture(file) {
  const image = await createImageBitmap(file, { colorSpaceConversion: "none" });
  if (Math.min(image.width, image.height) < MIN_SIDE) throw new TooSmall();
  if (!readsTruePixels()) throw new FalsePixels();
  const scale = Math.min(1, MAX_SIDE / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((side) => Math.max(MIN_SIDE, Math.round(side * scale)));
  const { grey, paper } = onPaper(averaged(image, width, height));
  const context = contextOf(width, height);
  context.imageSmoothingQuality = "high";
  context.fillStyle = paper === 255 ? "white" : "black";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  image.close();
  const shown = context.canvas.toDataURL("image/jpeg", 0.9);
  return { picture: await compressedUrl({ grey, width, height }, 8), shown, width, height };
}

// Averages an image over width x height cells of whole pixels. Returns for each cell the number of its pixels, and the
// sums of their opacities, 0 to 255, and of their grey levels times opacity.
function averaged(image, width, height) {
  const [counts, opacities, levels] = Array.from({ length: 3 }, () => new Float64Array(width * height));
  const edge = (cell, pixels, cells) => Math.floor((cell * pixels) / cells + 0.5); // the first pixel of a cell
  const edges = Array.from({ length: width + 1 }, (_, column) => edge(column, image.width, width));
  const context = contextOf(image.width, BAND);
  let data;
  for (let y = 0, row = 0; y < image.height; y++) {
    if (y % BAND === 0) {
      context.clearRect(0, 0, image.width, BAND);
      context.drawImage(image, 0, -y);
      data = context.getImageData(0, 0, image.width, BAND).data;
    }
    if (y === edge(row + 1, image.height, height)) row += 1;
    for (let column = 0, i = 4 * image.width * (y % BAND); column < width; column++) {
      let [opacity, level] = [0, 0];
      for (const end = i + 4 * (edges[column + 1] - edges[column]); i < end; i += 4) {
        const alpha = data[i + 3];
        opacity += alpha;
        // Pillow's formula, ITU-R BT.601
        level += ((data[i] * 19595 + data[i + 1] * 38470 + data[i + 2] * 7471 + 0x8000) >> 16) * alpha;
      }
      const cell = row * width + column;
      counts[cell] += edges[column + 1] - edges[column];
      opacities[cell] += opacity;
      levels[cell] += level;
    }
  }
  return { counts, opacities, levels };
}

// The grey pixels of an averaged image, and the level of the paper behind its transparent parts: white, or black if at
// most 1 % of what is opaque is dark.
function onPaper({ counts, opacities, levels }) {
  let [dark, opaque] = [0, 0];
  opacities.forEach((opacity, i) => {
    opaque += opacity;
    if (levels[i] < 128 * opacity) dark += opacity;
  });
  const paper = dark > 0.01 * opaque ? 255 : 0;
  const grey = Uint8Array.from(counts, (count, i) =>
    Math.round((levels[i] + paper * (255 * count - opacities[i])) / (255 * count)),
  );
  return { grey, paper };
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
  Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
