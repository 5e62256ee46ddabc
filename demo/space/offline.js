// For reloads offline: keeps what was laid out beside it, all of one version.
const VERSION = "[[version]]";
const FILES = [[files]]; // and their integrity, as static.js asks for them
const PREFIX = `draw-a-digit ${registration.scope} `; // other pages of this origin have caches, too
const requests = Object.entries(FILES).map(([name, integrity]) => new Request(`${name}?${integrity}`, { integrity }));

async function keep() {
  const page = await (await fetch("index.html", { cache: "no-cache" })).text();
  if (!page.includes(VERSION)) throw new Error("index.html is of another version"); // the browser tries again later
  const cache = await caches.open(PREFIX + VERSION);
  await cache.addAll(requests);
  await cache.put("index.html", new Response(page, { headers: { "Content-Type": "text/html" } }));
  await skipWaiting();
}

async function forget() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
  await Promise.all(others.map((name) => caches.delete(name)));
}

const kept = async (url) => (await caches.open(PREFIX + VERSION)).match(url);

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(forget()));
addEventListener("fetch", (event) => {
  const { url, mode } = event.request;
  if (mode === "navigate" && ["", "index.html"].includes(url.slice(registration.scope.length).replace(/[?#].*/, ""))) {
    const online = fetch(url, { cache: "no-cache", redirect: "manual" });
    event.respondWith(online.catch(async () => (await kept("index.html")) ?? Response.error()));
  } else if (requests.some((request) => request.url === url)) {
    event.respondWith(kept(url).then((response) => response ?? fetch(event.request)));
  }
});
