// The service worker: caches the page and its files, all of one version, for reloads offline.
const VERSION = "[[version]]";
const FILES = [[files]]; // names and integrity hashes, as static.js requests them
const PREFIX = `write-a-number ${registration.scope} `; // other pages of this origin have their own caches
const requests = Object.entries(FILES).map(([name, integrity]) => new Request(`${name}?${integrity}`, { integrity }));

async function fillCache() {
  const page = await (await fetch("index.html", { cache: "no-cache" })).text();
  if (!page.includes(VERSION)) throw new Error("index.html has another version"); // the browser tries again later
  const cache = await caches.open(PREFIX + VERSION);
  await cache.addAll(requests);
  await cache.put("index.html", new Response(page, { headers: { "Content-Type": "text/html" } }));
  await skipWaiting();
}

async function deleteOldCaches() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
  await Promise.all(others.map((name) => caches.delete(name)));
}

const cached = async (url) => (await caches.open(PREFIX + VERSION)).match(url);

addEventListener("install", (event) => event.waitUntil(fillCache()));
addEventListener("activate", (event) => event.waitUntil(deleteOldCaches()));
addEventListener("fetch", (event) => {
  const { url, mode } = event.request;
  if (mode === "navigate" && ["", "index.html"].includes(url.slice(registration.scope.length).replace(/[?#].*/, ""))) {
    const online = fetch(url, { cache: "no-cache", redirect: "manual" });
    event.respondWith(online.catch(async () => (await cached("index.html")) ?? Response.error()));
  } else if (requests.some((request) => request.url === url)) {
    event.respondWith(cached(url).then((response) => response ?? fetch(event.request)));
  }
});
