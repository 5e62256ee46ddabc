// Sends questions and corrections to the server of this page.
const REQUEST_TIMEOUT = 30_000; // milliseconds; browsers send only six requests at a time

// `rootPath` is the path at which a reverse proxy shows the page. If it is empty, addresses are relative to the page.
// `mcp` is the path of the tool for language models, or empty.
const webServer = (rootPath, mcp) => {
  const address = (name) => (rootPath ? `${rootPath}/${name}` : name);
  return {
    read: async ({ sketch, inside, forms }) => post(address("read"), { canvas: await sketchUrl(sketch), inside, forms }),
    keep: async ({ sketch, digit }) => post(address("keep"), { canvas: await sketchUrl(sketch), digit }),
    takeBack: (name) => post(address("take-back"), { name }),
    silence: "The server does not answer.",
    urls: {
      ...Object.fromEntries(["predict", "digit.png", "openapi.json"].map((name) => [name, absolute(address(name))])),
      mcp: mcp && absolute(address(`${mcp.slice(1)}/`)),
    },
  };
};

const absolute = (address) => new URL(address, location.origin + location.pathname).href;

async function post(address, message) {
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout?.(REQUEST_TIMEOUT); // older browsers have no timeout
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(message), signal });
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 429) return { problem: "The server is busy." };
  if ([403, 422, 507].includes(response.status)) return { error: answer.detail };
  throw new Error(answer.detail);
}
