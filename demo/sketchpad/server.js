// Sends questions and corrections to the server of this page.
const REQUEST_TIMEOUT = 30_000; // milliseconds; browsers send only six requests at a time

// `rootPath` is the path at which a reverse proxy shows the page. If it is empty, addresses are relative to the page.
// `mcp` is the path of the tool for language models, and `card` the name of the model card; both may be empty.
const webServer = (rootPath, mcp, card) => {
  const address = (name) => (rootPath ? `${rootPath}/${name}` : name);
  return {
    read: async ({ sketch, ...rest }) => post(address("read"), { canvas: await sketchUrl(sketch), ...rest }),
    probabilities: async (images) => post(address("probabilities"), { images: await sheetUrl(images) }),
    keep: async ({ sketch, digit }) => post(address("keep"), { canvas: await sketchUrl(sketch), digit }),
    takeBack: (name) => post(address("take-back"), { name }),
    silence: "The server does not answer.",
    urls: {
      ...Object.fromEntries(["predict", "digit.png", "openapi.json"].map((name) => [name, absolute(address(name))])),
      mcp: mcp && absolute(address(`${mcp.slice(1)}/`)),
    },
    card: card && absolute(address(card)),
  };
};

const absolute = (address) => new URL(address, location.origin + location.pathname).href;

async function post(address, message) {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout?.(REQUEST_TIMEOUT); // older browsers have no timeout
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(message), signal });
  if (response.status === 429)
    return { problem: "The server is busy.", delay: 1_000 * response.headers.get("Retry-After") || undefined };
  const answer = await response.json();
  if (response.ok) return answer;
  if ([403, 422, 501, 507].includes(response.status)) return { error: answer.detail };
  throw new Error(answer.detail);
}

// The data URL of a sheet on which images of 28 x 28 pixels lie side by side, black on white.
const SHEET_COLUMNS = 16;

function sheetUrl(images) {
  const rows = Math.ceil(images.length / AREA / SHEET_COLUMNS);
  const [width, height] = [SHEET_COLUMNS * SIDE, rows * SIDE];
  const grey = new Uint8Array(width * height).fill(255);
  images.forEach((ink, i) => {
    const [image, pixel] = [Math.floor(i / AREA), i % AREA];
    const row = Math.floor(image / SHEET_COLUMNS) * SIDE + Math.floor(pixel / SIDE);
    grey[row * width + (image % SHEET_COLUMNS) * SIDE + (pixel % SIDE)] = 255 - ink;
  });
  return compressedUrl({ grey, width, height }, 8);
}
