// Writes zip files whose members are not compressed, and reads zip files.
const ZIP_MEMBER = 0x04034b50;
const ZIP_ENTRY = 0x02014b50; // in the directory at the end
const ZIP_END = 0x06054b50;
const ZIP_COMMENT = 65_535; // bytes that may follow ZIP_END
const ZIP_DATE = (1 << 5) | 1; // 1 January 1980; the time does not matter

class ZipError extends Error {}

// The zip file of [name, content] pairs, as a Uint8Array. Names are ASCII.
function zipped(members) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const [name, content] of members) {
    const size = content.length;
    const common = [20, 0, 0, 0, ZIP_DATE, [crc32(content)], [size], [size], name.length, 0];
    const letters = [...name].map((letter) => letter.charCodeAt(0));
    parts.push(littleEndian([ZIP_MEMBER], ...common), letters, content);
    directory.push(littleEndian([ZIP_ENTRY], 20, ...common, 0, 0, 0, [0], [offset]), letters);
    offset += 30 + name.length + size;
  }
  const length = directory.reduce((sum, { length }) => sum + length, 0);
  const end = littleEndian([ZIP_END], 0, 0, members.length, members.length, [length], [offset], 0);
  return joinedBytes([...parts, ...directory, end]);
}

// The content of those members of a zip file whose name isWanted(name) accepts, at most `limit` of them, as
// [name, content] pairs. Throws ZipError for a file that is not a zip, damaged, or of a kind that is not read.
async function unzipped(bytes, isWanted, limit, maxSize) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    return await Promise.all(
      zipEntries(view, bytes)
        .filter(({ name }) => isWanted(name))
        .slice(0, limit)
        .map(async (entry) => [entry.name, await zipContent(view, bytes, entry, maxSize)]),
    );
  } catch (error) {
    throw error instanceof RangeError ? new ZipError("it is damaged") : error;
  }
}

function zipEntries(view, bytes) {
  let end = bytes.length - 22;
  while (end >= Math.max(0, bytes.length - 22 - ZIP_COMMENT) && view.getUint32(end, true) !== ZIP_END) end -= 1;
  if (end < 0 || view.getUint32(end, true) !== ZIP_END) throw new ZipError("it is not a zip file, or damaged");
  const entries = [];
  let at = view.getUint32(end + 16, true);
  for (let i = view.getUint16(end + 10, true); i > 0; i--) {
    if (view.getUint32(at, true) !== ZIP_ENTRY) throw new ZipError("it is damaged");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [crc, packed, size] = [16, 20, 24].map((place) => view.getUint32(at + place, true));
    const [nameLength, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    entries.push({ name, flags, method, crc, packed, size, offset: view.getUint32(at + 42, true) });
    at += 46 + nameLength + extra + comment;
  }
  return entries;
}

async function zipContent(view, bytes, { name, flags, method, crc, packed, size, offset }, maxSize) {
  if (flags & 1) throw new ZipError(`${name} in it is encrypted`);
  if (size > maxSize) throw new ZipError(`${name} in it is larger than ${maxSize / 1000} kB`);
  if (view.getUint32(offset, true) !== ZIP_MEMBER) throw new ZipError("it is damaged");
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const raw = bytes.subarray(start, start + packed);
  const content = method === 0 ? raw : method === 8 ? await inflated(raw, size) : null;
  if (!content) throw new ZipError(`${name} in it is compressed in a way that this browser does not know`);
  if (content.length !== size || crc32(content) !== crc) throw new ZipError(`${name} in it is damaged`);
  return content;
}

// Unpacks Deflate, up to more than `size` bytes; null in browsers that cannot do that.
async function inflated(raw, size) {
  let stream;
  try {
    stream = new DecompressionStream("deflate-raw");
  } catch {
    return null;
  }
  const reader = new Blob([raw]).stream().pipeThrough(stream).getReader();
  const parts = [];
  try {
    for (let length = 0; length <= size; length += parts.at(-1).length) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(value);
    }
  } catch {} // what is missing is noticed by its length
  reader.cancel().catch(() => {});
  return joinedBytes(parts);
}

// Numbers as two bytes each, and lists of a number as four.
function littleEndian(...numbers) {
  return numbers.flatMap((number) =>
    Array.isArray(number) ? bigEndian(number[0]).reverse() : [number & 0xff, number >> 8],
  );
}
