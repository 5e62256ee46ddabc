// Writes grey pixels as PNG, without a canvas. The data is compressed with the fixed codes of Deflate (RFC 1951).
const MAX_MATCH = 257; // bytes
const CRCS = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

// A data URL of grey pixels, one byte each, 0 is black, written with 1, 2, 4 or 8 bits a pixel.
function pngUrl({ grey, width, height }, bits = 8) {
  const rowLength = 1 + Math.ceil((width * bits) / 8); // the first byte of each row, 0, says that it is not filtered
  const rows = new Uint8Array(rowLength * height);
  const highest = 2 ** bits - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const level = Math.round((grey[y * width + x] * highest) / 255);
      rows[y * rowLength + 1 + ((x * bits) >> 3)] |= level << (8 - bits - ((x * bits) & 7));
    }
  }
  const bytes = [
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk("IHDR", [...bigEndian(width), ...bigEndian(height), bits, 0, 0, 0, 0]), // 0: grey
    ...chunk("IDAT", [0x78, 0x01, ...deflated(rows, rowLength), ...bigEndian(adler32(rows))]),
    ...chunk("IEND", []),
  ];
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(text)}`;
}

function chunk(name, content) {
  const bytes = [...[...name].map((letter) => letter.charCodeAt(0)), ...content];
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRCS[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return [...bigEndian(content.length), ...bytes, ...bigEndian(~crc)];
}

const bigEndian = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);

function adler32(bytes) {
  let [low, high] = [1, 0];
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

// One block of Deflate. Bytes repeat the byte before them, or the row above, at the same place or one pixel beside it.
function deflated(bytes, rowLength) {
  const output = [];
  let [pending, count] = [0, 0]; // bits that do not fill a byte yet

  function write(value, bits) {
    pending |= value << count;
    for (count += bits; count >= 8; count -= 8) {
      output.push(pending & 0xff);
      pending >>>= 8;
    }
  }

  // Huffman codes start with their highest bit.
  function writeCode(code, bits) {
    for (let bit = bits - 1; bit >= 0; bit--) write((code >> bit) & 1, 1);
  }

  function writeSymbol(symbol) {
    if (symbol < 144) writeCode(0x30 + symbol, 8);
    else if (symbol < 256) writeCode(0x190 + symbol - 144, 9);
    else if (symbol < 280) writeCode(symbol - 256, 7);
    else writeCode(0xc0 + symbol - 280, 8);
  }

  function writeMatch(length, distance) {
    const lengthBits = Math.max(0, 29 - Math.clz32(length - 3));
    writeSymbol(257 + 4 * lengthBits + ((length - 3) >> lengthBits));
    write((length - 3) & ((1 << lengthBits) - 1), lengthBits);
    const distanceBits = Math.max(0, 30 - Math.clz32(distance - 1));
    writeCode(2 * distanceBits + ((distance - 1) >> distanceBits), 5);
    write((distance - 1) & ((1 << distanceBits) - 1), distanceBits);
  }

  const distances = [1, rowLength, rowLength - 1, rowLength + 1];
  write(0b011, 3); // the last block, with fixed codes
  for (let i = 0; i < bytes.length; ) {
    let [longest, nearest] = [0, 0];
    for (const distance of distances) {
      if (distance > i) continue;
      const end = Math.min(bytes.length, i + MAX_MATCH);
      let j = i;
      while (j < end && bytes[j] === bytes[j - distance]) j++;
      if (j - i > longest) [longest, nearest] = [j - i, distance];
    }
    if (longest < 3) writeSymbol(bytes[i++]);
    else {
      writeMatch(longest, nearest);
      i += longest;
    }
  }
  writeSymbol(256); // the end
  write(0, 7);
  return output;
}
