// Replaces the server: read() runs the same files in the browser and applies the same rule.
const FILES = [[files]]; // names and integrity hashes, which exclude files of another version
const MAPS = [[maps]]; // LeNet5's feature maps: the node of each, and the columns of its picture
const [PROBABLE, SURE, MIN_DRAWING] = [[rule]];

const nodes = Object.values(MAPS).map(({ node }) => node);
let loading; // a promise of ONNX Runtime and both networks' sessions

function loadOnce() {
  loading ??= load();
  loading.catch(() => (loading = undefined)); // the next question tries again
  return loading;
}

async function load() {
  const names = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
  const networks = ["lenet5-sketch.onnx", "ffnn.onnx"];
  const [main, mjs, wasmBinary, lenet5, ffnn] = await Promise.all([...names, ...networks].map(fetched));
  const ort = await import(scriptUrl(main));
  Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: { mjs: scriptUrl(mjs) }, wasmBinary });
  const create = ort.InferenceSession.create;
  return { ort, lenet5: await create(withOutputs(lenet5, nodes)), ffnn: await create(ffnn) };
}

// Fetches a file. The hash in its URL separates versions in caches. A file that was cached in the middle of an upload is
// fetched again.
async function fetched(name) {
  const integrity = FILES[name];
  const url = `${name}?${integrity}`;
  const response = await fetch(url, { integrity }).catch(() => fetch(url, { integrity, cache: "reload" }));
  return new Uint8Array(await response.arrayBuffer());
}

const scriptUrl = (content) => URL.createObjectURL(new Blob([content], { type: "text/javascript" }));

// Adds the values of `nodes` to the outputs of a model: protobuf merges bytes that are appended to a message.
function withOutputs(file, nodes) {
  const field = (number, content) => [(number << 3) | 2, content.length, ...content];
  const more = nodes.flatMap((node) => field(7, field(12, field(1, new TextEncoder().encode(node)))));
  const model = new Uint8Array(file.length + more.length);
  model.set(file);
  model.set(more, file.length);
  return model;
}

let forbidden = ""; // what the page's Content-Security-Policy has forbidden
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
  forbidden = `${effectiveDirective} ${blockedURI}`;
});

// Why loadOnce() failed, and what to do.
function loadingProblem(error) {
  if (location.protocol === "file:")
    return (
      "Browsers do not let a page load the files beside it from a disk. " +
      "Serve this folder: run python -m http.server in it, and open http://localhost:8000."
    );
  if (forbidden)
    return `The server's Content-Security-Policy forbids ${forbidden}. Ask whoever runs the server to allow it here.`;
  if (origin === "null")
    return "A sandboxed frame cannot load the networks. Open the page in its own tab, or add allow-same-origin.";
  if (/WebAssembly/.test(error))
    return "The networks need WebAssembly with SIMD. Update this browser, or allow it in the security settings.";
  return "The networks cannot be loaded.";
}

async function read({ sketch: asked, drawn, inside }) {
  const { grey, width, height } = asked.url ? await greyPixels(asked.url) : asked;
  const loaded = await loadOnce().catch((error) => ({ problem: loadingProblem(error) }));
  if (loaded.problem) return loaded;
  const { ort, lenet5, ffnn } = loaded;
  const sketch = new ort.Tensor("uint8", grey, [1, height, width]);
  const started = performance.now();
  const outputs = await lenet5.run({ sketch }, ["image", "probabilities", ...(inside ? nodes : [])]);
  const isBlank = outputs.image.data.every((value) => value === 0); // then both networks give each digit 0.1
  const ffnnOutputs = isBlank ? outputs : await ffnn.run({ image: outputs.image }, ["probabilities"]);
  const milliseconds = performance.now() - started;
  const probabilities = {
    lenet5: [...outputs.probabilities.data],
    ffnn: [...ffnnOutputs.probabilities.data],
  };
  const together = probabilities.lenet5.map((p, digit) => (p + probabilities.ffnn[digit]) / 2);
  const highest = Math.max(...together);
  const small = drawn && isSmall(grey, width, height);
  return {
    digit: highest > PROBABLE && !small ? together.indexOf(highest) : null,
    sure: highest >= SURE,
    small,
    together,
    probabilities,
    image: inkUrl(outputs.image.data, 28, 28),
    maps: Object.fromEntries(
      Object.entries(inside ? MAPS : {}).map(([layer, { node, columns }]) => [layer, tiled(outputs[node], columns)]),
    ),
    provider: "the CPU of this device",
    milliseconds,
  };
}

// The pixels of a picture, which is grey.
async function greyPixels(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image;
  const context = contextOf(width, height);
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { grey: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]), width, height };
}

function isSmall(grey, width, height) {
  const [xs, ys] = [[], []];
  for (let i = 0; i < grey.length; i++) {
    if (grey[i] < 128) xs.push(i % width), ys.push(Math.floor(i / width));
  }
  const extent = (values) => values.reduce((a, b) => Math.max(a, b), 0) - values.reduce((a, b) => Math.min(a, b), width);
  return Math.max(extent(xs), extent(ys)) < MIN_DRAWING * height;
}

// A PNG data URL of values from 0 to 1, black on white.
const inkUrl = (values, width, height) =>
  pngUrl({ grey: Uint8Array.from(values, (value) => Math.round(255 * (1 - value))), width, height });

// Tiles maps, [1, count, height, width], in rows of `columns`, one pixel apart, scaled to 0 to 1.
function tiled({ data, dims: [, count, height, width] }, columns) {
  const [low, high] = [data.reduce((a, b) => Math.min(a, b)), data.reduce((a, b) => Math.max(a, b))];
  const [wide, tall] = [columns * (width + 1) - 1, (count / columns) * (height + 1) - 1];
  const tiles = new Float32Array(wide * tall);
  data.forEach((value, i) => {
    const [map, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const [top, left] = [Math.floor(map / columns) * (height + 1), (map % columns) * (width + 1)];
    tiles[(top + y) * wide + left + x] = (value - low) / Math.max(high - low, 1e-6);
  });
  return inkUrl(tiles, wide, tall);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark", dark.matches);
dark.addEventListener("change", followColorScheme);
followColorScheme();
loadOnce()
  .then(() => navigator.serviceWorker.register("offline.js"))
  .catch(() => {}); // plain HTTP and some private windows have no service workers
document.querySelector("#unstarted").remove();
sketchpad(document.querySelector("#sketchpad"), { read, silence: "The networks are still being loaded." }, "");
