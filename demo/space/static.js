// The server's part, in the browser: what its read() gives, from the same files by the same rule.
const FILES = [[files]]; // and their integrity: a file of another layout is none of these
const MAPS = [[maps]]; // LeNet5's feature maps: their nodes, and the columns in which they are shown
const [PROBABLE, SURE, DOT] = [[rule]];

const nodes = Object.values(MAPS).map(({ node }) => node);
let opened; // a promise of ONNX Runtime and both networks' sessions

function open() {
  opened ??= load();
  opened.catch(() => (opened = undefined)); // the next question tries again
  return opened;
}

async function load() {
  const names = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
  const networks = ["lenet5-sketch.onnx", "ffnn.onnx"];
  const [main, mjs, wasmBinary, lenet5, ffnn] = await Promise.all([...names, ...networks].map(content));
  const ort = await import(script(main));
  Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: { mjs: script(mjs) }, wasmBinary });
  const create = ort.InferenceSession.create;
  return { ort, lenet5: await create(withOutputs(lenet5, nodes)), ffnn: await create(ffnn) };
}

// To caches each content has a URL of its own; what one took while a layout was being uploaded is fetched anew.
async function content(name) {
  const integrity = FILES[name];
  const url = `${name}?${integrity}`;
  const response = await fetch(url, { integrity }).catch(() => fetch(url, { integrity, cache: "reload" }));
  return new Uint8Array(await response.arrayBuffer());
}

const script = (content) => URL.createObjectURL(new Blob([content], { type: "text/javascript" }));

// The file with the values of `nodes` as further outputs: protobuf merges what is appended to a message.
function withOutputs(file, nodes) {
  const field = (number, content) => [(number << 3) | 2, content.length, ...content];
  const more = nodes.flatMap((node) => field(7, field(12, field(1, new TextEncoder().encode(node)))));
  const model = new Uint8Array(file.length + more.length);
  model.set(file);
  model.set(more, file.length);
  return model;
}

async function read({ canvas, drawn, inside }) {
  const { grey, width, height } = await pixels(canvas);
  const { ort, lenet5, ffnn } = await open();
  const sketch = new ort.Tensor("uint8", grey, [1, height, width]);
  const started = performance.now();
  const found = await lenet5.run({ sketch }, ["image", "probabilities", ...(inside ? nodes : [])]);
  const blank = found.image.data.every((value) => value === 0); // of which both are as unsure
  const { probabilities } = blank ? found : await ffnn.run({ image: found.image }, ["probabilities"]);
  const milliseconds = performance.now() - started;
  const both = { lenet5: [...found.probabilities.data], ffnn: [...probabilities.data] };
  const together = both.lenet5.map((p, digit) => (p + both.ffnn[digit]) / 2);
  const best = Math.max(...together);
  const small = drawn && isSmall(grey, width, height);
  return {
    digit: best > PROBABLE && !small ? together.indexOf(best) : null,
    sure: best >= SURE,
    small,
    together,
    probabilities: both,
    image: picture(found.image.data, 28, 28),
    maps: Object.fromEntries(
      Object.entries(inside ? MAPS : {}).map(([layer, { node, columns }]) => [layer, tiled(found[node], columns)]),
    ),
    provider: "the CPU of this device",
    milliseconds,
  };
}

async function pixels(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image;
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (data[4 * i] * 19595 + data[4 * i + 1] * 38470 + data[4 * i + 2] * 7471 + 0x8000) >> 16; // as Pillow does
  }
  return { grey, width, height };
}

function isSmall(grey, width, height) {
  const [xs, ys] = [[], []];
  for (let i = 0; i < grey.length; i++) {
    if (grey[i] < 128) xs.push(i % width), ys.push(Math.floor(i / width));
  }
  const side = (values) => values.reduce((a, b) => Math.max(a, b), 0) - values.reduce((a, b) => Math.min(a, b), width);
  return Math.max(side(xs), side(ys)) < DOT * height;
}

// Values from 0 to 1 as a PNG data URL, black on white.
function picture(values, width, height) {
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  const image = context.createImageData(width, height);
  values.forEach((value, i) => image.data.set([...Array(3).fill(Math.round(255 * (1 - value))), 255], 4 * i));
  context.putImageData(image, 0, 0);
  return context.canvas.toDataURL();
}

// Maps [1, count, height, width] in rows of `columns`, a pixel apart, from 0 at the lowest value to 1.
function tiled({ data, dims: [, count, height, width] }, columns) {
  const [low, high] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
  const [wide, tall] = [columns * (width + 1) - 1, (count / columns) * (height + 1) - 1];
  const tiles = new Float32Array(wide * tall);
  data.forEach((value, i) => {
    const [map, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const [top, left] = [Math.floor(map / columns) * (height + 1), (map % columns) * (width + 1)];
    tiles[(top + y) * wide + left + x] = (value - low) / Math.max(high - low, 1e-6);
  });
  return picture(tiles, wide, tall);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", follow);
follow();
open()
  .then(() => navigator.serviceWorker.register("offline.js"))
  .catch(() => {}); // over plain HTTP and in some private windows there are no service workers
sketchpad(document.querySelector("#sketchpad"), { read }, "");
