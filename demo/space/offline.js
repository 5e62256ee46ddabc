// For reloads offline: keeps what was laid out beside it, all of one version.
const VERSION = "[[version]]";
const FILES = [[files]]; // and their integrity
const PREFIX = `draw-a-digit ${registration.scope} `; // other pages of this origin have caches, too

async function keep() {
  const page = await (await fetch("index.html", { cache: "no-cache" })).text();
  if (!page.includes(VERSION)) throw new Error("index.html is of another version"); // the browser tries again later
  const cache = await caches.open(PREFIX + VERSION);
  const requests = Object.entries(FILES).map(([name, integrity]) => new Request(name, { cache: "no-cache", integrity }));
  await cache.addAll(requests);
  await cache.put("index.html", new Response(page, { headers: { "Content-Type": "text/html" } }));
  await skipWaiting();
}

async function forget() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
  await Promise.all(others.map((name) => caches.delete(name)));
}

const kept = async (name) => (await caches.open(PREFIX + VERSION)).match(name);

addEventListener("install", (event) => event.waitUntil(keep()));
addEventListener("activate", (event) => event.waitUntil(forget()));
addEventListener("fetch", (event) => {
  const { url, mode, integrity } = event.request;
  const name = url.slice(registration.scope.length).replace(/[?#].*/, "");
  if (mode === "navigate" && ["", "index.html"].includes(name)) {
    const online = fetch(url, { cache: "no-cache", redirect: "manual" });
    event.respondWith(online.catch(async () => (await kept("index.html")) ?? Response.error()));
  } else if (integrity && integrity === FILES[name]) {
    event.respondWith(kept(name).then((response) => response ?? fetch(event.request)));
  }
});
