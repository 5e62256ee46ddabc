// Replaces the server: read() runs the same file in the browser, and gives the same answer.
const FILES = [[files]]; // names and integrity hashes, which exclude files of another version
const COLUMNS = [[columns]]; // LeNet5's feature maps in each row of their picture, for each convolution
const SURE = [[sure]];
const LOADING_TIME = 4_000; // milliseconds for which a question waits for the networks; the page asks again after 5,000
const STILL_LOADING = "The networks are still being loaded.";
const MISSING = "The networks cannot be loaded.";
const MISSING_PAIR =
  "Two files that explain an answer are not on this device yet. Connect to the network once, and look again.";
const NETWORKS = ["lenet5", "ffnn"];
const MODEL = hexadecimal(FILES["reader.onnx"].replace("sha256-", ""));

let loading; // a promise of ONNX Runtime and the session of reader.onnx

function loadOnce() {
  loading ??= load();
  loading.catch(() => (loading = undefined)); // the next question tries again
  return loading;
}

async function load() {
  const names = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "reader.onnx"];
  const [main, mjs, wasmBinary, graph] = await Promise.all(names.map(fetched));
  const ort = await import(scriptUrl(main));
  await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)); // a policy that forbids it speaks here alone
  // In a worker (proxy): making the session takes seconds, in which the page would stand still.
  Object.assign(ort.env.wasm, { proxy: true, numThreads: 1, wasmPaths: { mjs: scriptUrl(mjs) }, wasmBinary });
  // Without the optimizations the session is made in two thirds of the time, and reads as fast.
  return { ort, session: await ort.InferenceSession.create(graph, { graphOptimizationLevel: "disabled" }) };
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

let forbidden = ""; // what the page's Content-Security-Policy has forbidden
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
  forbidden = `${effectiveDirective} ${blockedURI}`;
});

// Why files could not be loaded, and what to do; `missing` if they did not come.
function loadingProblem(error, missing) {
  if (location.protocol === "file:")
    return (
      "Browsers do not let a page load the files beside it from a disk. " +
      "Serve this folder: run python -m http.server in it, and open http://localhost:8000."
    );
  const policy = /Content.Security.Policy|\bCSP\b/i.test(error) ? "WebAssembly" : ""; // the event may come later, or never
  if (forbidden || policy)
    return `The server's Content-Security-Policy forbids ${forbidden || policy}. Ask whoever runs the server to allow it.`;
  if (origin === "null")
    return "A sandboxed frame cannot load the networks. Open the page in its own tab, or add allow-same-origin.";
  if (/WebAssembly/.test(error))
    return "The networks need WebAssembly with SIMD. Update this browser, or allow it in the security settings.";
  return missing;
}

async function read({ sketch: asked, inside, forms }) {
  if (asked.url && !readsTruePixels()) return { error: `This browser hides the pixels of pictures. ${ALLOW}.` };
  const { grey, width, height } = asked.url ? await greyPixels(asked.url) : asked;
  const late = new Promise((resolve) => setTimeout(resolve, LOADING_TIME, { problem: STILL_LOADING, delay: 0 }));
  const loaded = await Promise.race([loadOnce().catch((error) => ({ problem: loadingProblem(error, MISSING) })), late]);
  if (loaded.problem) return loaded;
  const { ort, session } = loaded;
  const sketch = new ort.Tensor("uint8", grey.slice(), [1, height, width]); // the worker takes what it gets for itself
  const looksInside = Number.isInteger(inside);
  const names = ["digits", "line", "sure", "boxes", "probabilities", "images"];
  const started = performance.now();
  const more = [...(looksInside ? Object.keys(COLUMNS) : []), ...(looksInside || forms ? ["fc6"] : [])];
  const outputs = await session.run({ sketch }, [...names, ...more]);
  const milliseconds = performance.now() - started;
  const digits = Array.from(outputs.digits.data, (value, piece) => digitOf(outputs, piece, Number(value), forms));
  if (looksInside && digits[inside]) {
    const pictures = Object.entries(COLUMNS).map(([layer, columns]) => [layer, tiled(outputs[layer], inside, columns)]);
    const part = (name, size) => [...outputs[name].data.subarray(inside * size, (inside + 1) * size)];
    const pixels = part("images", AREA).map((ink) => Math.round(255 * ink));
    Object.assign(digits[inside], { maps: Object.fromEntries(pictures), fc6: part("fc6", FC6), pixels });
  }
  const provider = "the CPU of this device";
  return { number: numberOf(digits), digits, model: MODEL, provider, milliseconds, waited: 0 };
}

let pair; // a promise of ONNX Runtime and the sessions of both networks by themselves

function loadPair() {
  pair ??= loadEach();
  pair.catch(() => (pair = undefined)); // the next question tries again
  return pair;
}

async function loadEach() {
  const { ort } = await loadOnce();
  const graphs = await Promise.all(NETWORKS.map((name) => fetched(`${name}.onnx`)));
  const sessions = [];
  for (const graph of graphs) sessions.push(await ort.InferenceSession.create(graph)); // it makes one at a time
  return { ort, sessions };
}

// Both networks' probabilities of images of 28 x 28 pixels, as why.js asks for them.
async function probabilities(images) {
  if (!FILES["lenet5.onnx"])
    return { error: "This page was made without lenet5.onnx and ffnn.onnx, which explain an answer." };
  const loaded = await loadPair().catch((error) => ({ problem: loadingProblem(error, MISSING_PAIR) }));
  if (loaded.problem) return loaded;
  const { ort, sessions } = loaded;
  const count = images.length / AREA;
  const found = [];
  for (const session of sessions) {
    const image = new ort.Tensor("float32", Float32Array.from(images, (ink) => ink / 255), [count, SIDE, SIDE]);
    const { data } = (await session.run({ image })).probabilities;
    found.push(Array.from({ length: count }, (_, i) => [...data.subarray(10 * i, 10 * i + 10)]));
  }
  return { lenet5: found[0], ffnn: found[1] };
}

// What the outputs say about one piece of ink. `value` is its digit, or -1 if it is none.
function digitOf(outputs, piece, value, forms) {
  const digit = value < 0 ? null : value;
  const { data } = outputs.probabilities;
  const [lenet5, ffnn, together] = [0, 10, 20].map((start) => [...data.subarray(30 * piece + start).subarray(0, 10)]);
  return {
    digit,
    sure: digit !== null && outputs.sure.data[piece] >= SURE,
    line: Number(outputs.line.data[piece]),
    box: [...outputs.boxes.data.subarray(4 * piece, 4 * piece + 4)],
    together,
    probabilities: { lenet5, ffnn },
    image: inkUrl(outputs.images.data.subarray(AREA * piece, AREA * (piece + 1)), SIDE, SIDE),
    maps: null,
    fc6: null,
    pixels: null,
    form: forms ? formOf(outputs, piece) : null,
  };
}

function hexadecimal(base64) {
  return Array.from(bytesOf(base64), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function formOf(outputs, piece) {
  const ink = Uint8Array.from(outputs.images.data.subarray(AREA * piece, AREA * (piece + 1)), (p) => Math.round(255 * p));
  const values = outputs.fc6.data.subarray(FC6 * piece, FC6 * (piece + 1));
  return { ink: base64Of(ink), fc6: base64Of(Int8Array.from(values, (value) => Math.round(127 * value))) };
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

// A PNG data URL of values from 0 to 1, black on white.
const inkUrl = (values, width, height) =>
  pngUrl({ grey: Uint8Array.from(values, (value) => Math.round(255 * (1 - value))), width, height });

// Tiles the maps of one piece, of [1, pieces, count, height, width], in rows of `columns`, one pixel apart, scaled to 0
// to 1.
function tiled({ data, dims: [, , count, height, width] }, piece, columns) {
  const maps = data.subarray(piece * count * height * width, (piece + 1) * count * height * width);
  const [low, high] = [maps.reduce((a, b) => Math.min(a, b)), maps.reduce((a, b) => Math.max(a, b))];
  const [wide, tall] = [columns * (width + 1) - 1, (count / columns) * (height + 1) - 1];
  const tiles = new Float32Array(wide * tall);
  maps.forEach((value, i) => {
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
const SERVER = { read, probabilities, silence: STILL_LOADING, card: [[card]] };
sketchpad(document.querySelector("#sketchpad"), SERVER, "");
