// Finds out why the networks say what they say of an image of 28 x 28 pixels, by asking them about changed images.
// Images are Uint8Arrays of 784 values, row by row, with ink 255. ask(images) gives both networks' probabilities of
// several images in one array: {lenet5: [[10] ...], ffnn: [[10] ...]}.
const SIDE = 28;
const AREA = SIDE * SIDE;
const RADIUS = 2; // of the patches of ink that are taken away, in pixels; most lie as far apart
const REMOVALS = [1.5, 2, 2.5, 3, 3.5, 4, 5, 6]; // radii of the patches that are taken away until the answer changes
const LENGTHS = [0, 2, 4, 6, 8, 10]; // of the strokes that are added until the answer changes
const STROKE = 1.3; // radius of these strokes: a pen's on most digits
const MAX_STROKES = 48; // of one length that the networks are asked about
const INKED = 77; // a pixel is part of a stroke from 30 % on
const CONVINCING = 0.9; // probability of the other digit; with less, fewer changes do on the paper what they promise
const WEAK = 0.5; // log-odds: what matters less is neither named nor coloured
const APART = 7; // pixels between two places that are named
const AROUND = 4; // pixels: the ink in a disc of this radius has a shape,
const LONG = 0.4; // if the variances along and across it differ by more than this share of their sum
const BENT = 0.035; // of a stroke's parabola: one that bends more, as an arc of 14 pixels' radius, is no straight stroke
const LEAST = 1e-6; // a probability below it counts as this

// What taking away each patch of ink does: `drops` holds for each the loss of log-odds of each digit, as the mean of
// both networks; `answer` holds both networks' probabilities of the image itself.
async function findEvidence(image, ask) {
  const patches = patchesOf(image);
  const found = await ask(batchOf([image, ...patches.map((patch) => without(image, patch))]));
  const [own, ...others] = found.lenet5.map((lenet5, i) => [logOdds(lenet5), logOdds(found.ffnn[i])]);
  const drops = others.map((odds) => own[0].map((_, digit) => mean(own, digit) - mean(odds, digit)));
  return { image, patches, drops, answer: { lenet5: found.lenet5[0], ffnn: found.ffnn[0] } };
}

// Patches over all ink: around every second pixel, and where these leave ink out, as of a thin stroke between them.
function patchesOf(image) {
  const patches = [];
  const covered = new Set();
  for (const isEven of [true, false]) {
    image.forEach((ink, pixel) => {
      const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
      if (ink <= INKED || (isEven ? x % RADIUS || y % RADIUS : covered.has(pixel))) return;
      const patch = { x, y, radius: RADIUS, length: 0 };
      patches.push(patch);
      cover(patch, (other) => covered.add(other));
    });
  }
  return patches;
}

// How much each pixel of the image speaks for `digit`, or for `digit` rather than `other` unless it is null, in
// log-odds: the mean of what the patches over it do.
function heatOf({ patches, drops }, digit, other = null) {
  const [sums, weights] = [new Float32Array(AREA), new Float32Array(AREA)];
  patches.forEach((patch, i) => {
    const drop = drops[i][digit] - (other === null ? 0 : drops[i][other]);
    cover(patch, (pixel, share) => {
      sums[pixel] += share * drop;
      weights[pixel] += share;
    });
  });
  return sums.map((sum, pixel) => sum / Math.max(weights[pixel], 1));
}

// The smallest patch of ink that, taken away or added, makes the image the digit `goal`, or if that is null any other than
// `digit`, which is null if it is none: at most one change "without" ink and one "with" more, the smaller one first. Each
// is {kind, patch, ink, digit, probability}, as the networks read the changed image. Before each question it calls
// goesOn(), and stops if that is false.
async function findChanges(image, digit, goal, ask, goesOn) {
  const isWanted = (found) => found !== null && (goal === null ? found !== digit : found === goal);
  const removal = await findRemoval(image, isWanted, ask, goesOn);
  const addition = await findAddition(image, digit, isWanted, ask, goesOn);
  return [removal, addition].filter(Boolean).sort((one, other) => one.ink - other.ink);
}

async function findRemoval(image, isWanted, ask, goesOn) {
  for (const radius of REMOVALS) {
    if (!goesOn()) return null;
    const patches = discs(image, radius, (x, y) => (x + y) % 2 === 0);
    const found = patches.length ? await smallest("without", image, patches, isWanted, ask) : null;
    if (!found) continue;
    if (!goesOn()) return null;
    return (await smallest("without", image, smaller(found.patch), isWanted, ask)) ?? found;
  }
  return null;
}

// Patches around one that are a little smaller.
function smaller({ x, y, radius }) {
  const steps = [-1, 0, 1];
  return [0.5, 0.25, 0].flatMap((less) =>
    steps.flatMap((right) =>
      steps.map((down) => ({ x: x + right, y: y + down, radius: radius - less, length: 0 })),
    ),
  );
}

// Strokes are tried from short to long. What a dot at each place does tells which strokes are worth a question.
async function findAddition(image, digit, isWanted, ask, goesOn) {
  const dots = strokes(image, 0);
  if (!goesOn() || !dots.length) return null;
  const found = await ask(batchOf([image, ...dots.map((dot) => withInk(image, dot))]));
  const odds = found.lenet5.map((lenet5, i) => {
    const both = [logOdds(lenet5), logOdds(found.ffnn[i])];
    return lenet5.map((_, of) => mean(both, of));
  });
  const gains = new Map(dots.map(({ x, y }, i) => [key(x, y), odds[i + 1].map((value, of) => value - odds[0][of])]));
  const box = boxOf(image);
  for (const length of LENGTHS) {
    const promising = strokes(image, length)
      .filter((stroke) => joins(stroke, image, box))
      .map((stroke) => ({ stroke, score: promise(stroke, odds[0], gains, digit, isWanted) }))
      .sort((one, other) => other.score - one.score)
      .slice(0, MAX_STROKES)
      .map(({ stroke }) => stroke);
    if (!goesOn()) return null;
    const change = promising.length ? await smallest("with", image, promising, isWanted, ask) : null;
    if (change) return change;
  }
  return null;
}

// The most by which a wanted digit could win over `digit`, if the dots along a stroke add up.
function promise({ x, y, length, angle }, odds, gains, digit, isWanted) {
  const sums = [...odds];
  const count = 1 + length / 2;
  for (let i = 0; i < count; i++) {
    const along = count > 1 ? length * (i / (count - 1) - 0.5) : 0;
    const place = key(even(x + along * Math.cos(angle)), even(y + along * Math.sin(angle)));
    gains.get(place)?.forEach((gain, of) => (sums[of] += gain));
  }
  const own = digit === null ? 0 : sums[digit];
  return Math.max(...sums.map((sum, of) => (isWanted(of) ? sum - own : -Infinity)));
}

const even = (value) => 2 * Math.round(value / 2);
const key = (x, y) => x * SIDE + y;

// Strokes of one length at every second pixel, except where they would add little ink.
function strokes(image, length) {
  const angles = length ? [0, 0.25, 0.5, 0.75].map((turns) => turns * Math.PI) : [0];
  const margin = 4;
  const places = [];
  for (let y = margin; y < SIDE - margin; y += 2) for (let x = margin; x < SIDE - margin; x += 2) places.push([x, y]);
  return places
    .flatMap(([x, y]) => angles.map((angle) => ({ x, y, radius: STROKE, length, angle })))
    .filter((stroke) => {
      let [covered, paper] = [0, 0];
      cover(stroke, (pixel, share) => {
        covered += share;
        paper += share * (1 - image[pixel] / 255);
      });
      return paper > covered / 2;
    });
}

// Whether a stroke on the paper becomes part of the digit, and leaves its size and place on the image as they are: it
// touches the ink, and stays in the ink's box, except for a pixel.
function joins(stroke, image, [left, top, right, bottom]) {
  let [touches, stays] = [false, true];
  cover(stroke, (pixel, share) => {
    if (share < 0.5) return;
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    touches ||= image[pixel] > INKED;
    stays &&= x >= left - 1 && x <= right + 1 && y >= top - 1 && y <= bottom + 1;
  });
  return touches && stays;
}

// The change with the least ink that makes the image a wanted digit, or null.
async function smallest(kind, image, patches, isWanted, ask) {
  const changed = patches.map((patch) => (kind === "with" ? withInk(image, patch) : without(image, patch)));
  const found = await ask(batchOf(changed));
  const changes = changed.map((pixels, i) => {
    const together = found.lenet5[i].map((p, of) => (p + found.ffnn[i][of]) / 2);
    const [most] = likely(together);
    const ink = pixels.reduce((sum, value, pixel) => sum + Math.abs(value - image[pixel]), 0);
    return { kind, patch: patches[i], ink, digit: isRead(together) ? most : null, probability: together[most] };
  });
  return changes
    .filter((change) => isWanted(change.digit) && change.probability >= CONVINCING && change.ink)
    .reduce((least, change) => (least && least.ink <= change.ink ? least : change), null);
}

// Patches of one radius around those pixels of the ink that isMiddle() chooses.
function discs(image, radius, isMiddle) {
  const patches = [];
  image.forEach((ink, pixel) => {
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    if (ink > INKED && isMiddle(x, y)) patches.push({ x, y, radius, length: 0 });
  });
  return patches;
}

function without(image, patch) {
  const changed = image.slice();
  cover(patch, (pixel, share) => (changed[pixel] = Math.round(image[pixel] * (1 - share))));
  return changed;
}

function withInk(image, patch) {
  const changed = image.slice();
  cover(patch, (pixel, share) => (changed[pixel] = Math.max(image[pixel], Math.round(255 * share))));
  return changed;
}

// Calls each(pixel, share) for the pixels that a patch covers: all within `radius` of a line of `length` through the
// middle of pixel x, y.
function cover({ x, y, radius, length, angle = 0 }, each) {
  const [alongX, alongY] = [Math.cos(angle), Math.sin(angle)];
  const reach = Math.ceil(radius + length / 2);
  for (let row = Math.max(0, y - reach); row <= Math.min(SIDE - 1, y + reach); row++) {
    for (let column = Math.max(0, x - reach); column <= Math.min(SIDE - 1, x + reach); column++) {
      const along = (column - x) * alongX + (row - y) * alongY;
      const beside = (row - y) * alongX - (column - x) * alongY;
      const distance = Math.hypot(Math.max(0, Math.abs(along) - length / 2), beside);
      const share = Math.min(1, radius + 0.5 - distance);
      if (share > 0) each(row * SIDE + column, share);
    }
  }
}

function batchOf(images) {
  const all = new Uint8Array(AREA * images.length);
  images.forEach((image, i) => all.set(image, i * AREA));
  return all;
}

function logOdds(probabilities) {
  const total = probabilities.reduce((sum, p) => sum + p);
  return probabilities.map((p) => Math.log(Math.max(p, LEAST) / Math.max(total - p, LEAST)));
}

const mean = (both, digit) => (both[0][digit] + both[1][digit]) / 2;

// The places of the ink that speak most for and most against, at most two of each: {x, y, shape, where}, and `goesOn` if
// it is the same stroke as the one before.
function placesOf(image, heat) {
  const ranked = [...heat.keys()].filter((pixel) => image[pixel] > INKED).sort((a, b) => heat[b] - heat[a]);
  const places = { for: named(image, heat, ranked, 1), against: named(image, heat, ranked.reverse(), -1) };
  for (const one of places.for) for (const other of places.against) if (isSameInWords(one, other)) tellApart(one, other);
  return places;
}

// Changes the words of two places, which are the same: "the left slanting stroke at the top", and the right one.
function tellApart(one, other) {
  const [right, down] = [one.x - other.x, one.y - other.y];
  const sides = Math.abs(right) >= Math.abs(down) ? ["left", "right"] : ["upper", "lower"];
  const isLast = sides[0] === "left" ? right > 0 : down > 0;
  [one, other].forEach((place, i) => (place.shape = `${sides[+(isLast !== Boolean(i))]} ${place.shape}`));
}

function named(image, heat, ranked, sign) {
  const strongest = ranked.length ? sign * heat[ranked[0]] : 0;
  const places = [];
  for (const pixel of ranked) {
    const value = sign * heat[pixel];
    if (value < Math.max(WEAK, strongest / 3) || places.length === 2) break;
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE)];
    if (places.some((place) => Math.hypot(place.x - x, place.y - y) < APART)) continue;
    const place = { x, y, shape: shapeOf(image, x, y), where: placeIn(image, x, y) };
    places.push({ ...place, goesOn: places.some((other) => other.shape === place.shape && isInkBetween(image, other, place)) });
  }
  return places.filter((place, i) => places.findIndex((other) => isSameInWords(place, other)) === i);
}

const isSameInWords = (one, other) => one.shape === other.shape && one.where === other.where;

function isInkBetween(image, from, to) {
  const steps = Math.max(Math.abs(from.x - to.x), Math.abs(from.y - to.y));
  const at = (axis, i) => Math.round(from[axis] + ((to[axis] - from[axis]) * i) / steps);
  return Array.from({ length: steps }, (_, i) => at("y", i) * SIDE + at("x", i)).every((pixel) => image[pixel] > INKED);
}

function placeIn(image, x, y) {
  const [left, top, right, bottom] = boxOf(image);
  const rank = (least, most, value) => Math.min(2, Math.max(0, Math.floor((3 * (value - least)) / (most - least + 1))));
  const isNarrow = right - left < SIDE / 4;
  return PLACES[rank(top, bottom, y)][isNarrow ? 1 : rank(left, right, x)];
}

// The first and last column and row of the ink: left, top, right and bottom.
function boxOf(image) {
  const ink = [...image.keys()].filter((pixel) => image[pixel] > INKED);
  const [columns, rows] = [ink.map((pixel) => pixel % SIDE), ink.map((pixel) => Math.floor(pixel / SIDE))];
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns), Math.max(...rows)];
}

const PLACES = [
  ["at the top left", "at the top", "at the top right"],
  ["on the left", "in the middle", "on the right"],
  ["at the bottom left", "at the bottom", "at the bottom right"],
];

// The shape of the ink around a pixel: a bend, or else its direction. A parabola along the stroke tells how much it bends.
function shapeOf(image, x, y) {
  const { right, down } = inkAround(image, x, y);
  const ink = inkAround(image, right, down);
  const [xx, yy, xy] = [ink.mean((u) => u * u), ink.mean((_, v) => v * v), ink.mean((u, v) => u * v)];
  if (Math.hypot(xx - yy, 2 * xy) < LONG * (xx + yy)) return "ink";
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const along = (u, v) => (u * cos + v * sin) ** 2;
  const middle = ink.mean(along);
  const bend = ink.mean((u, v) => (along(u, v) - middle) * (v * cos - u * sin));
  if (Math.abs(bend) > BENT * ink.mean((u, v) => (along(u, v) - middle) ** 2)) return "bend";
  const degrees = Math.abs((180 / Math.PI) * angle);
  return degrees < 20 ? "bar" : degrees > 70 ? "upright stroke" : "slanting stroke";
}

// The ink around a place: its middle, and mean(of), the mean of of(u, v) over the ink that lies u right of the middle and v
// below it.
function inkAround(image, x, y) {
  const pixels = [];
  const [left, top] = [Math.max(0, Math.ceil(x - AROUND - 0.5)), Math.max(0, Math.ceil(y - AROUND - 0.5))];
  for (let down = top; down < Math.min(SIDE, y + AROUND + 0.5); down++) {
    for (let right = left; right < Math.min(SIDE, x + AROUND + 0.5); right++) {
      const share = Math.min(1, AROUND + 0.5 - Math.hypot(right - x, down - y));
      if (share > 0) pixels.push({ right, down, ink: share * image[down * SIDE + right] });
    }
  }
  const total = pixels.reduce((sum, { ink }) => sum + ink, 0);
  const over = (of) => pixels.reduce((sum, pixel) => sum + pixel.ink * of(pixel), 0) / total;
  const middle = { right: over(({ right }) => right), down: over(({ down }) => down) };
  return { ...middle, mean: (of) => over(({ right, down }) => of(right - middle.right, down - middle.down)) };
}

// What heatOf() shows, in words.
function tell(image, heat, digit, other = null) {
  const places = placesOf(image, heat);
  const goal = other === null ? `for ${digit}` : `for ${digit} rather than ${other}`;
  const counter = other === null ? "against it" : `for ${other} rather than ${digit}`;
  if (!places.for.length && !places.against.length)
    return `No single part of the ink matters much ${other === null ? `for ${digit}` : `between ${digit} and ${other}`}.`;
  return `${speaks(places.for, goal)} ${speaks(places.against, counter)}`;
}

function speaks(places, goal) {
  if (!places.length) return `No part of the ink speaks ${goal}.`;
  const words = places.map(({ shape, where, goesOn }) => (goesOn ? where : `the ${shape} ${where}`)).join(" and ");
  const isOne = places.length === 1 || places[1].goesOn;
  return `${words[0].toUpperCase()}${words.slice(1)} ${isOne ? "speaks" : "speak"} most ${goal}.`;
}
