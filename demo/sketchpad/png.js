// Writes pixels as PNG, without a canvas: {grey, width, height} with one byte each, 0 is black, or {rgba, width, height}
// with four bytes each.
const MAX_STORED = 65_535; // bytes of a block that is not compressed, in Deflate (RFC 1951)
const [GREY, RGBA] = [0, 6]; // kinds of pixels
const CRCS = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

// A data URL of pixels, not compressed.
const pngUrl = (pixels) => urlOf(pixels, 8, stored(rowsOf(pixels, 8)));

// A data URL of pixels in colour, not compressed.
function colourUrl({ rgba, width, height }) {
  const rows = rowsOf({ grey: rgba, width: 4 * width, height }, 8);
  return urlOf({ width, height }, 8, stored(rows), RGBA);
}

// A data URL of pixels with 1, 2, 4 or 8 bits each, compressed, in browsers from 2023 on.
async function compressedUrl(pixels, bits) {
  const rows = rowsOf(pixels, bits);
  if (typeof CompressionStream === "undefined") return urlOf(pixels, bits, stored(rows));
  const { readable, writable } = new CompressionStream("deflate");
  const writer = writable.getWriter(); // a Blob as source, and a Response as sink, would take ten milliseconds
  writer.write(rows);
  writer.close();
  const parts = [];
  for (const reader = readable.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return urlOf(pixels, bits, joinedBytes(parts));
    parts.push(value);
  }
}

// The bytes that PNG compresses. The first one of each row, 0, says that the row is not filtered.
function rowsOf({ grey, width, height }, bits) {
  const length = 1 + Math.ceil((width * bits) / 8);
  const rows = new Uint8Array(length * height);
  for (let y = 0; y < height; y++) {
    rows.set(packed(grey.subarray(y * width, (y + 1) * width), bits), y * length + 1);
  }
  return rows;
}

// Pixels with fewer bits each, the first one in the highest bits.
function packed(row, bits) {
  if (bits === 8) return row;
  const bytes = new Uint8Array(Math.ceil((row.length * bits) / 8));
  row.forEach((grey, x) => {
    const level = Math.round((grey * (2 ** bits - 1)) / 255);
    bytes[(x * bits) >> 3] |= level << (8 - bits - ((x * bits) & 7));
  });
  return bytes;
}

function urlOf({ width, height }, bits, data, colours = GREY) {
  const parts = [
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", [...bigEndian(width), ...bigEndian(height), bits, colours, 0, 0, 0]),
    chunk("IDAT", data),
    chunk("IEND", []),
  ];
  return `data:image/png;base64,${base64Of(joinedBytes(parts))}`;
}

function joinedBytes(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

// The base64 of bytes, also of signed ones.
function base64Of(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte & 0xff);
  return btoa(text);
}

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

function chunk(name, content) {
  const bytes = new Uint8Array(content.length + 12);
  bytes.set(bigEndian(content.length));
  bytes.set(
    [...name].map((letter) => letter.charCodeAt(0)),
    4,
  );
  bytes.set(content, 8);
  bytes.set(bigEndian(crc32(bytes.subarray(4, -4))), bytes.length - 4);
  return bytes;
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRCS[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const bigEndian = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);

// Bytes in zlib's format (RFC 1950), in blocks that are not compressed.
function stored(bytes) {
  const output = [0x78, 0x01];
  for (let start = 0; start < bytes.length; start += MAX_STORED) {
    const block = bytes.subarray(start, start + MAX_STORED);
    const isLast = start + MAX_STORED >= bytes.length;
    const { length } = block;
    output.push(+isLast, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff);
    for (const byte of block) output.push(byte);
  }
  output.push(...bigEndian(adler32(bytes)));
  return output;
}

function adler32(bytes) {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}
