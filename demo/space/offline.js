// The service worker: caches the page and its files, all of one version, for reloads offline.
const VERSION = "[[version]]";
const FILES = [[files]]; // names and integrity hashes, as static.js requests them
const PATIENCE = 3_000; // milliseconds for which a cached page waits for the network
const PREFIX = `write-a-number ${registration.scope} `; // other pages of this origin have their own caches
const LATER = [[later]]; // files that are cached when the page asks for them
const requests = Object.entries(FILES).map(([name, integrity]) => new Request(`${name}?${integrity}`, { integrity }));
const isLater = ({ url }) => LATER.some((name) => url.startsWith(`${registration.scope}${name}?`));

async function fillCache() {
  const page = await (await fetch("index.html", { cache: "no-cache" })).text();
  if (!page.includes(VERSION)) throw new Error("index.html has another version"); // the browser tries again later
  const cache = await caches.open(PREFIX + VERSION);
  await cache.addAll(requests.filter((request) => !isLater(request)));
  await cache.put("index.html", new Response(page, { headers: { "Content-Type": "text/html" } }));
  await skipWaiting();
}

async function deleteOldCaches() {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + VERSION);
  await Promise.all(others.map((name) => caches.delete(name)));
}

async function fetchAndCache(request) {
  const response = await fetch(request);
  if (response.ok && isLater(request)) await (await caches.open(PREFIX + VERSION)).put(request.url, response.clone());
  return response;
}

async function newestPage(url) {
  const online = fetch(url, { cache: "no-cache", redirect: "manual" });
  const kept = await cached("index.html");
  if (!kept) return online;
  return Promise.race([online.catch(() => kept), new Promise((resolve) => setTimeout(resolve, PATIENCE, kept))]);
}

const cached = async (url) => (await caches.open(PREFIX + VERSION)).match(url);

addEventListener("install", (event) => event.waitUntil(fillCache()));
addEventListener("activate", (event) => event.waitUntil(deleteOldCaches().then(() => clients.claim())));
addEventListener("fetch", (event) => {
  const { url, mode } = event.request;
  if (mode === "navigate" && ["", "index.html"].includes(url.slice(registration.scope.length).replace(/[?#].*/, ""))) {
    event.respondWith(newestPage(url));
  } else if (requests.some((request) => request.url === url)) {
    event.respondWith(cached(url).then((response) => response ?? fetchAndCache(event.request)));
  }
});
