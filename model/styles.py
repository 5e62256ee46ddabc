"""Generate pen drawings of which MNIST and Pendigits hold too few.

These are digits in the styles of other schools, such as slashed zeros, flagged ones and crossed sevens, and drawings
that are not digits. For non-digits the networks learn to give all digits the same probability (entropic open-set
training, Dhamija, Günther, Boult 2018).
"""

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from HersheyFonts import HersheyFonts

from model.draw import Drawing

NON_DIGIT = 10  # the label of a drawing that is not a digit
PensByDigit = list[list[Drawing]]
Maker = Callable[[np.random.Generator, PensByDigit], Drawing]

# "/" separates strokes. A point is "x,y" in hundredths of the height, y down. A curve runs through the points, and "!"
# marks a corner.
OVAL = "50,0 22,14 10,50 22,87 50,100 78,87 90,50 78,13 48,1"
STYLES = {
    0: {
        "oval": OVAL,
        "loop at the top": "66,9 42,3 20,20 10,55 24,90 52,100 80,84 88,48 74,16 52,7 44,17 60,22 84,8",
        "dotted": OVAL + " / 50,50",
        "slashed inside": OVAL + " / 70,24 30,77",
        "slashed beyond": OVAL + " / 99,-4 1,104",
        "slashed to the right": OVAL + " / 102,-4 30,76",
        "slashed backwards": OVAL + " / 29,24 71,77",
    },
    1: {
        "bare": "50,0 51,50 50,100",
        "short flag": "32,20 51,0! 51,50 50,100",
        "flag": "24,38 51,0! 51,50 50,100",
        "long flag": "14,62 51,0! 51,50 50,100",
        "flag and foot": "26,28 51,0! 50,100 / 24,100 76,100",
        "long flag and foot": "19,52 51,0! 50,100 / 20,100 80,99",
        "foot": "40,9 51,0! 50,99 / 22,100 78,99",
    },
    2: {
        "loop at the bottom": "12,22 30,3 62,2 78,24 64,54 32,86 12,96 6,86 20,80 46,90 70,99 94,90",
        "straight base": "12,22 32,2 66,3 78,26 54,62 8,98! 88,98",
        "swan": "12,26 36,1 70,8 72,36 42,72 6,99! 30,92 62,99 92,94",
    },
    3: {
        "flat-topped": "10,3 84,3! 44,40! 76,48 88,72 68,96 36,99 8,88",
        "round": "14,14 44,0 76,14 70,37 40,46! 76,54 86,76 56,100 10,86",
        "loop in the middle": "14,12 46,0 76,16 64,40 40,50 34,43 48,43 82,58 82,84 48,100 8,88",
    },
    4: {
        "open": "20,4 10,58! 92,56 / 70,4 66,100",
        "open and round": "16,0 12,40 30,56 94,52 / 76,2 73,100",
        "closed": "66,0 5,62! 96,64 / 66,1 65,100",
        "closed in one go": "64,100 66,0! 5,64! 96,64",
        "lightning": "50,0 10,58! 76,52! 68,100",
        "loop to the stem": "34,2 8,58! 88,54 80,34 68,32! 63,100",
        "short stem": "18,0 8,60! 92,58 / 66,34 63,100",
    },
    5: {
        "separate bar": "22,4 16,45! 54,37 86,62 72,94 36,100 8,90 / 22,4 90,2",
        "one stroke": "88,2 24,4! 18,44! 60,40 84,66 62,97 10,92",
        "S with an angle": "84,3 28,3! 20,32 44,48 74,60 76,86 44,100 10,90",
    },
    6: {
        "straight back": "62,0 18,62 20,92 50,100 76,84 66,62 40,58 18,76",
        "curled": "80,12 54,1 22,28 12,70 36,99 72,92 78,64 50,50 16,70",
    },
    7: {
        "plain": "10,3 86,4! 44,100",
        "curved stem": "8,6 88,4! 56,48 44,100",
        "serif": "8,24 10,4! 86,5! 45,100",
        "crossed": "10,3 86,4! 44,100 / 30,52 88,50",
        "crossed, with serif": "8,24 10,4! 86,5! 45,100 / 32,52 88,50",
        "crossed and curved": "6,14 24,3 58,9 90,2! 58,48 46,100 / 28,54 86,48",
    },
    8: {
        "one stroke": "76,14 50,0 24,14 34,38 66,56 82,80 50,100 18,80 34,56 66,38 76,12",
        "two circles": "50,0 26,10 26,36 50,46 74,36 74,10 48,0 / 50,46 18,58 16,88 50,100 84,88 82,58 48,46",
        "straight return": "80,10 48,0 22,20 50,46 80,74 52,100 20,84 40,56 84,4",
    },
    9: {
        "straight stem": "80,16 52,0 18,12 14,38 40,50 68,38 82,6! 80,100",
        "curled tail": "80,16 52,0 18,12 14,38 40,50 68,38 82,6! 82,60 68,96 36,98 12,84",
        "bent stem": "78,18 50,0 16,14 16,40 44,48 70,34 80,10! 76,50 46,100",
        "ring and stem": "80,24 62,3 26,4 12,28 28,50 62,46 82,20 / 82,2 79,100",
    },
}

SIGNS = {
    "triangle": "50,4! 96,92! 4,92! 50,4",
    "square": "6,6! 94,6! 94,94! 6,94! 6,6",
    "star": "22,98! 50,0! 78,98! 2,38! 98,38! 22,98",
    "heart": "50,28! 36,4 8,8 6,40 50,98! 94,40 92,8 64,4 50,28",
    "plus": "50,0 50,100 / 0,50 100,50",
    "times": "5,5 95,95 / 95,5 5,95",
    "check mark": "0,60 30,98! 100,0",
    "question mark": "18,22 36,2 70,4 80,26 54,48 48,72 / 48,100",
    "arrow": "0,50 100,50 / 68,20 100,50! 68,80",
    "smiley": "50,0 14,14 0,50 14,86 50,100 86,86 100,50 86,14 48,0 / 34,34 / 66,34 / 24,60 50,80 76,60",
    "wave": "0,34 20,12 40,24 60,42 80,52 100,28",
    "equals": "0,30 100,30 / 0,70 100,70",
    "percent": "90,0 10,100 / 24,4 6,20 24,38 42,20 22,4 / 76,62 58,80 76,96 94,80 74,62",
    "hash": "36,0 26,100 / 74,0 64,100 / 2,34 100,34 / 0,68 98,68",
    "two dots": "50,20 / 50,80",
    "three dots": "0,50 / 50,50 / 100,50",
    "four dots": "10,10 / 90,10 / 10,90 / 90,90",
    "line": "0,50 50,50 100,50",
    "house": "8,98! 8,40! 50,0! 92,40! 92,98! 8,98",
    "less": "94,6 6,50! 94,94",
}

# Single-stroke Hershey letters, without those that look like a digit: O o Q, printed a, written c (0), I i j l (1),
# Z z, written L r (2), y, written Y (4), S s (5), b G, written e (6), written F J T (7), written f (8), g q (9).
LETTERS = {
    "futural": "ABCDEFHJKLMNPRTUVWXYcdefhkmnprtuvwx",
    "scripts": "ABCDEHKMNPRUVWXadhkmnptuvwx",
    "greek": "DGPSWXYacklmpwy",  # named by sound: p is pi, w omega, y psi
}


class Spread(NamedTuple):
    """A normal distribution with limits."""

    mean: float
    deviation: float
    least: float
    most: float

    def draw(self, random: np.random.Generator) -> float:
        """Draw a value."""
        return float(np.clip(random.normal(self.mean, self.deviation), self.least, self.most))


class Hand(NamedTuple):
    """How the drawings of other hands differ."""

    slant: Spread
    """Degrees, to the right."""
    turn: float
    """Standard deviation in degrees."""
    width: Spread
    """Natural logarithm of the factor."""


class Stroke(NamedTuple):
    """A stroke that can be varied."""

    controls: np.ndarray
    """Control points [controls, 2]."""
    freedom: np.ndarray
    """How far each control point may stray, [controls, 1]."""
    curve: np.ndarray
    """Matrix [points, controls] from control points to points on the curve."""


def digits(count: int, random: np.random.Generator) -> tuple[list[Drawing], np.ndarray]:
    """Generate `count` digits and their labels uint8 [count], evenly over all digits and over the styles of each."""
    labels = np.arange(count) % 10
    styles = [list(STYLES[digit].values()) for digit in range(10)]
    paths = [styles[label][(i // 10) % len(styles[label])] for i, label in enumerate(labels)]
    return [written(strokes_of(path), random) for path in paths], labels.astype(np.uint8)


def non_digits(count: int, random: np.random.Generator, pens: list[Drawing], labels: np.ndarray) -> list[Drawing]:
    """Generate `count` drawings that are not digits, in the proportions of KINDS.

    Some are made of `pens`, written digits; their `labels` must hold every digit.
    """
    pens_by_digit = by_digit(pens, labels)
    kinds, weights = list(KINDS), np.array(list(KINDS.values()))
    chosen = random.choice(len(kinds), count, p=weights / weights.sum())
    return [kinds[kind](random, pens_by_digit) for kind in chosen]


def by_digit(pens: list[Drawing], labels: np.ndarray) -> PensByDigit:
    """Sort written digits by their labels."""
    return [[pens[i] for i in np.flatnonzero(labels == digit)] for digit in range(10)]


def written(strokes: list[Stroke], random: np.random.Generator, lean: float = 1.0) -> Drawing:
    """Vary the strokes as another hand would write them: points stray, parts move, the whole bends and slants.

    `lean` scales the slant.
    """
    care = random.uniform(0.2, 1)
    parts = []
    for controls, freedom, curve in strokes:
        strayed = controls + freedom * (care * 0.12) * random.standard_normal(controls.shape)
        if len(strayed) > 1:  # ends overshoot or fall short
            before, after = care * 0.1 * random.standard_normal(2)
            strayed[0] += before * (controls[0] - controls[1])
            strayed[-1] += after * (controls[-1] - controls[-2])
        centre = controls.mean(axis=0)
        size, shift = 1 + care * 0.1 * random.standard_normal(), care * 0.02 * random.standard_normal(2)
        parts.append(curve @ ((strayed - centre) * size + centre + shift if len(strokes) > 1 else strayed))
    slant = Spread(*(lean * degrees for degrees in (5, 8, -12, 25)))
    hand = Hand(slant, lean * 4, Spread(-0.1, 0.18, -0.5, 0.2))
    return split(_bent(np.concatenate(parts), care, random, hand), parts)


def rewritten(drawing: Drawing, random: np.random.Generator) -> Drawing:
    """Vary a written digit as another hand would write it: the whole bends, slants, turns, widens or narrows."""
    points = np.concatenate(drawing)
    low, height = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-6)
    hand = Hand(Spread(8, 12, -22, 40), 3.2, Spread(-0.05, 0.25, -0.6, 0.4))
    return split(_bent((points - low) / height, random.uniform(0.1, 0.7), random, hand), drawing)


def _bent(points: np.ndarray, care: float, random: np.random.Generator, hand: Hand) -> np.ndarray:
    """Bend points of a drawing of height 1 by long waves, then slant, turn and widen or narrow it."""
    waves, pushes = 2.5 * random.standard_normal((2, 3)), care * 0.03 * random.standard_normal((3, 2))
    points = points + np.sin(points @ waves + random.uniform(0, 2 * np.pi, 3)) @ pushes
    slant, turn = np.radians([hand.slant.draw(random), random.normal(0, hand.turn)])
    sine, cosine = np.sin(turn), np.cos(turn)
    width = np.exp(hand.width.draw(random))
    affine = np.array([[width, 0], [-np.tan(slant), 1]]) @ np.array([[cosine, sine], [-sine, cosine]])
    return points @ affine


def split(points: np.ndarray, like: Drawing) -> Drawing:
    """Split `points` into strokes as long as those of `like`."""
    ends = np.cumsum([len(stroke) for stroke in like])
    return [points[end - len(stroke) : end] for end, stroke in zip(ends, like, strict=True)]


@cache
def strokes_of(path: str) -> list[Stroke]:
    """Parse a path as in STYLES."""
    strokes = []
    for points in (stroke.split() for stroke in path.split("/")):
        controls = np.array([point.rstrip("!").split(",") for point in points], float) / 100
        strokes.append(spline(controls, [i for i, point in enumerate(points) if point.endswith("!")]))
    return strokes


@cache
def _font(name: str) -> HersheyFonts:
    font = HersheyFonts()
    font.load_default_font(name)
    return font


@cache
def _glyph(font: str, letter: str) -> list[Stroke]:
    """Load a letter, scaled to height 1. A turn of more than 50 degrees is a corner."""
    strokes = [np.array(stroke, float) for stroke in _font(font).strokes_for_text(letter)]
    points = np.concatenate(strokes)
    low, height = points.min(axis=0), np.ptp(points[:, 1])
    angles = [np.unwrap(np.arctan2(*np.diff(stroke, axis=0).T)) for stroke in strokes]
    corners = [1 + np.flatnonzero(np.abs(np.diff(angle)) > np.radians(50)) for angle in angles]
    return [spline((stroke - low) / height, list(turns)) for stroke, turns in zip(strokes, corners, strict=True)]


def spline(controls: np.ndarray, corners: list[int]) -> Stroke:
    """Make a stroke of Catmull-Rom splines between the corners. Points may stray as far as their nearest neighbour."""
    last = len(controls) - 1
    if last == 0:
        return Stroke(controls, np.full((1, 1), 0.2), np.eye(1))
    steps = np.hypot(*np.diff(controls, axis=0).T)
    freedom = np.minimum(np.r_[steps, steps[-1]], np.r_[steps[0], steps])[:, None].clip(max=0.3)
    t = np.linspace(0, 1, 6, endpoint=False)[:, None]
    basis = np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2
    identity, rows = np.eye(last + 1), []
    bounds = sorted({0, *corners, last})
    for start, end in pairwise(bounds):
        piece = identity[start : end + 1]
        piece = np.vstack([2 * piece[0] - piece[1], piece, 2 * piece[-1] - piece[-2]])
        rows += [basis @ piece[i : i + 4] for i in range(end - start)]
    return Stroke(controls, freedom, np.vstack([*rows, identity[-1:]]))


def random_pen_digit(random: np.random.Generator, pens: PensByDigit, among: str) -> Drawing:
    """Choose a pen digit of those in `among`, scaled so that its longer side is 1, with its corner at the origin."""
    digit = int(among[random.integers(len(among))])
    drawing = pens[digit][random.integers(len(pens[digit]))]
    points = np.concatenate(drawing)
    low = points.min(axis=0)
    return split((points - low) / (points.max(axis=0) - low).max(), drawing)


def _letter(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw one of LETTERS."""
    return hershey_letter(random)


def hershey_letter(random: np.random.Generator, lean: float = 1.0) -> Drawing:
    """Draw one of LETTERS; `lean` scales its slant."""
    font, letters = list(LETTERS.items())[random.choice(len(LETTERS), p=[0.5, 0.35, 0.15])]
    return written(_glyph(font, letters[random.integers(len(letters))]), random, lean)


def _sign(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw one of SIGNS."""
    paths = list(SIGNS.values())
    return written(strokes_of(paths[random.integers(len(paths))]), random)


def _scribble(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw a tangle, a zigzag, a coil, or a spiral of more than two turns."""
    t, kind = np.linspace(0, 1, 100)[:, None], random.integers(4)
    if kind == 0:
        waves = np.sin(t * random.uniform(8, 30, (2, 1, 3)) + random.uniform(0, 7, (2, 1, 3)))
        return [waves.sum(axis=2).T]
    if kind == 1:
        turns = int(random.integers(6, 14))
        zigzag = np.stack([np.linspace(0, random.uniform(0.6, 1.8), turns), np.arange(turns) % 2], axis=1)
        return [zigzag + 0.08 * random.standard_normal((turns, 2))]
    angle = 2 * np.pi * random.uniform(2.4, 5) * t + random.uniform(0, 7)
    ring = np.hstack([np.cos(angle), np.sin(angle) * random.choice([-1, 1])])
    if kind == 2:
        return [ring + t * [random.uniform(3, 7), random.normal(0, 0.5)]]
    return [ring * (t + random.uniform(0, 0.3)) * [random.uniform(0.7, 1.3), 1]]


def _side_by_side(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Put two digits side by side, from touching to a third of their height apart."""
    left, right = random_pen_digit(random, pens, "0123456789"), random_pen_digit(random, pens, "0123456789")
    gap = max(stroke[:, 0].max() for stroke in left) + random.uniform(-0.05, 0.3)
    shift = np.array([gap, random.normal(0, 0.06)])
    return left + [stroke + shift for stroke in right]


def _overlaid(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Put a 2, 3 or 5 on top of a 4: two digits, neither of which is contained in the other."""
    return random_pen_digit(random, pens, "4") + [
        stroke + random.normal(0, 0.1, 2) for stroke in random_pen_digit(random, pens, "235")
    ]


def _struck_out(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Strike a digit out with one or two long lines. Not a 0, 1, 2 or 7: some people write these with a line."""
    digit = random_pen_digit(random, pens, "345689")
    right = max(stroke[:, 0].max() for stroke in digit)
    ends = np.array([[-0.1, -0.1], [right + 0.1, 1.1]]) + random.uniform(-0.1, 0.1, (2, 2, 2))
    return [*digit, *([ends[0], ends[1] * [1, -1] + [0, 1]][: random.integers(1, 3)])]


def _turned(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Mirror a 3 or 7, or turn a 3 by 90 degrees. Other turned digits look like digits: a 5 like a 4, a 7 like a 2."""
    if random.random() < 0.7:
        return [stroke * [-1, 1] for stroke in random_pen_digit(random, pens, "37")]
    side = random.choice([-1, 1])
    return [stroke[:, ::-1] * [side, -side] for stroke in random_pen_digit(random, pens, "3")]


KINDS: dict[Maker, float] = {
    _letter: 0.55,
    _sign: 0.15,
    _scribble: 0.11,
    _side_by_side: 0.08,
    _overlaid: 0.03,
    _struck_out: 0.05,
    _turned: 0.03,
}
