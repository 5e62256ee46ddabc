"""Letters that a person does not take for digits, as they are written by hand, and such letters made of pen digits.

O o Q (0), I i j l (1), Z z (2), y (4), S s (5), b G (6), J (7), g q (9) are left out: they look like digits.
"""

import numpy as np

from model.draw import Drawing
from model.styles import OVAL, PensByDigit, by_digit, hershey_letter, random_pen_digit, strokes_of, written

# Paths as in styles.STYLES: each letter the ways that people write it.
LETTERS = {
    "A": ("8,100 48,0! 90,100 / 24,64 76,62", "6,100 40,4 56,2 70,40 84,100 / 20,62 80,60", "10,98 46,2! 88,98! 22,66"),
    "B": (
        "18,2 16,98 / 16,4 58,0 72,22 52,44 18,48! 66,52 80,76 58,98 14,98",
        "20,0 14,100! 22,2 66,6 64,36 24,50! 74,60 70,94 14,98",
    ),
    "C": ("84,16 54,0 20,22 10,56 28,92 60,100 86,84", "74,10 40,4 14,40 20,84 50,98 80,88"),
    "D": (
        "16,2 14,98 / 6,4 50,2 86,30 84,70 50,98 6,98",
        "18,2 16,100! 60,92 88,60 76,18 40,2 10,6",
        "16,0 16,100 / 16,2 60,10 82,46 66,86 16,100",
        "20,4 18,98 / 2,6 44,0 78,24 82,62 54,94 4,100",
    ),
    "E": (
        "86,2 20,4! 16,98! 88,96 / 18,50 74,48",
        "18,2 16,98 / 16,2 80,0 / 17,48 68,46 / 16,98 82,96",
        "78,10 46,2 24,20 54,46! 18,66 26,96 82,90",
    ),
    "F": ("20,2 16,100 / 18,3 84,0 / 18,46 68,44", "88,2 22,3! 16,100 / 20,50 66,48"),
    "H": ("14,0 12,100 / 84,0 86,100 / 14,52 86,48", "18,0 12,98 / 74,2 70,100 / 4,56 84,44"),
    "K": ("16,0 14,100 / 80,0 18,54! 84,100", "16,0 14,100 / 72,4 18,60 / 34,46 80,98"),
    "L": ("18,0 14,98! 76,96", "20,0 16,70! 14,99! 50,97 82,99"),
    "M": (
        "6,100 14,0! 50,60! 86,0! 94,100",
        "10,2 6,100 / 10,2 48,70! 88,2! 94,100",
        "4,98 20,4 30,20 46,84! 66,10 78,6 94,98",
    ),
    "N": ("10,100 12,0! 86,100! 88,0", "12,2 10,100 / 12,2 80,98! 84,0", "6,98 18,6 30,20 68,92 78,80 88,0"),
    "P": (
        "18,0 14,100 / 18,4 66,0 84,24 60,50 16,50",
        "16,100 20,2! 60,2 76,24 54,50 18,48",
        "20,6 16,100 / 4,10 50,0 76,20 60,46 22,48",
    ),
    "R": (
        "16,2 14,100 / 14,6 60,0 82,22 58,46 20,50! 84,100",
        "14,100 18,2! 62,4 66,38 20,52! 78,98",
        "20,4 14,98 / 6,10 52,0 76,20 50,48 22,50! 50,70 86,96",
    ),
    "T": ("4,3 96,0 / 50,2 48,100", "6,8 90,2 / 46,6 50,70 44,100"),
    "U": ("12,0 14,70 44,98 78,76 86,0", "10,4 12,74 36,98 66,88 82,50! 84,2! 86,98", "6,2 20,80 56,98 76,66 78,0"),
    "V": ("6,0 46,100! 90,0", "4,6 14,10 46,98! 74,20 90,2"),
    "W": ("4,0 24,100! 50,24! 74,100! 96,0", "4,0 20,84 36,96 50,30 64,96 84,80 94,2"),
    "X": ("8,0 90,100 / 88,2 10,98", "14,4 42,20 44,80 12,98 / 88,2 56,20 54,82 90,98"),
    "Y": (
        "8,0 48,48 / 90,0 48,48 46,100",
        "10,2 46,50 / 86,0 20,100",
        "10,2 50,52! 48,100 / 50,52 90,0",
        "8,0 16,38 48,50 / 88,0 60,48 24,100",
        "6,2 48,46! 88,2! 50,48! 50,100",
    ),
    "a": (
        "72,8 40,0 12,36 30,94 62,76 76,6! 78,90 98,92",
        "80,16 50,0 12,34 18,88 50,94 76,50 80,4! 80,98",
        "18,14 50,0 76,20 78,98 / 76,48 40,44 12,66 26,96 60,92 78,70",
        "74,10 40,2 10,50 30,96 70,62 76,6! 74,72 92,96",
        "60,40 30,44 6,72 26,98 60,76 68,42! 68,88 94,96",
    ),
    "c": ("80,18 50,0 18,24 12,64 36,98 84,84", "70,24 66,6 34,6 12,50 34,94 80,80"),
    "d": (
        "70,44 40,34 12,60 30,98 66,84 74,0! 76,100",
        "66,48 30,40 8,74 32,100 62,76 70,2! 72,86 90,98",
        "62,54 34,44 12,70 30,98 64,86 / 70,0 68,100",
    ),
    "e": ("16,56 80,46 74,10 40,0 12,40 24,90 60,98 88,80", "10,64 50,52 70,20 44,2 20,30 22,84 54,98 88,70"),
    "f": (
        "82,14 62,0 44,20 42,100 / 14,46 76,44",
        "70,10 54,2 44,24 40,98 / 20,40 66,38",
        "10,70 52,40 66,8 50,2 42,30 36,98 24,84 44,62 76,60",
    ),
    "h": (
        "20,0 16,100! 20,60 44,40 66,54 68,100",
        "18,0 16,98! 18,66 50,48 72,60 72,98",
        "10,52 40,20 36,0 22,10 16,98! 24,60 54,50 60,92 84,90",
        "24,0 14,98 / 16,70 46,46 66,60 64,98",
    ),
    "k": ("16,0 14,100 / 66,40 18,70! 72,100", "18,0 14,98! 18,66 50,42 56,58 22,68! 66,98"),
    "m": (
        "6,30 12,100! 14,50 30,30 46,48 48,100! 50,50 66,30 82,46 86,100",
        "4,20 8,98! 20,10 40,16 42,96! 58,8 76,18 80,90 98,92",
    ),
    "n": (
        "12,20 14,100! 18,46 46,20 74,40 78,100",
        "10,4 14,98! 24,20 56,2 76,30 78,84 98,92",
        "12,40 14,100! 18,58 46,40 74,54 78,100 / 20,14 36,4 54,14 74,4",  # with a tilde
    ),
    "p": (
        "16,10 14,100 / 14,20 50,2 80,24 58,56 16,54",
        "20,4 16,100! 20,24 52,4 74,28 54,60 20,52",
        "4,16 22,6 16,98 / 18,22 60,0 76,34 44,62 18,50",
    ),
    "r": (
        "20,6 16,100! 22,40 50,10 82,14",
        "18,2 18,98 / 18,40 40,10 76,4 84,14",
        "4,60 24,4! 50,18 66,22! 58,88 84,94",
    ),
    "t": ("46,0 42,80 62,98 84,88 / 14,34 80,30", "50,0 48,98 / 16,30 84,28", "40,2 38,76 54,96 78,80 / 12,38 70,32"),
    "u": (
        "10,10 12,70 34,96 66,80 78,10! 80,96 94,90",
        "8,4 12,80 40,98 72,70 78,4! 78,84 96,96",
        "14,2 10,66 32,96 64,80 76,2! 76,98",
    ),
    "v": ("6,6 44,100! 86,4", "4,8 18,4 42,96 50,96 72,10 94,6"),
    "w": ("6,20 10,80 28,100 46,76 48,30! 52,78 70,100 88,76 90,20", "4,6 24,98! 48,20! 70,98! 92,4"),
    "x": ("10,4 86,98 / 86,2 12,98", "6,10 24,8 66,90 90,86 / 88,4 10,98"),
}


OFTEN = "BCDRUYahu"  # letters that passed for digits most often, in handwriting fonts: drawn as often as all others


def letters(count: int, random: np.random.Generator, pens: list[Drawing], labels: np.ndarray) -> list[Drawing]:
    """Generate `count` letters: a third as in LETTERS, a third of the strokes of pen digits, a third in fonts.

    The strokes come from `pens`, written digits; their `labels` must hold 0 and 1.
    """
    pens_by_digit = by_digit(pens, labels)
    kinds = written_letter, composed_letter, _font_letter
    return [kinds[i % len(kinds)](random, pens_by_digit) for i in range(count)]


def _font_letter(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw a letter of a single-stroke font, slanted as letters in writing are."""
    return hershey_letter(random, lean=2.0)


def written_letter(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw one of LETTERS."""
    among = OFTEN if random.random() < 0.5 else list(LETTERS)
    ways = LETTERS[among[random.integers(len(among))]]
    return written(strokes_of(ways[random.integers(len(ways))]), random, lean=1.5)


def _zero(random: np.random.Generator, pens: PensByDigit, width: float, height: float) -> np.ndarray:
    """Choose a 0 written in one stroke, and fit it into a box with its corner at the origin."""
    for _ in range(20):
        strokes = random_pen_digit(random, pens, "0")
        if len(strokes) == 1 and np.ptp(strokes[0], axis=0).min() > 0.2:
            break
    else:
        strokes = written(strokes_of(OVAL), random)
    (stroke,) = strokes
    return (stroke - stroke.min(axis=0)) / np.ptp(stroke, axis=0) * [width, height]


def _line(
    random: np.random.Generator, pens: PensByDigit, start: tuple[float, float], end: tuple[float, float]
) -> np.ndarray:
    """Lay the stroke of a written 1 from `start` to `end`, each about there."""
    for _ in range(20):
        stroke = random_pen_digit(random, pens, "1")[0]
        chord = complex(*(stroke[-1] - stroke[0]))
        length = np.hypot(*np.diff(stroke, axis=0).T).sum()
        if abs(chord) > 0.9 and length < 1.1 * abs(chord):
            break
    else:
        stroke, chord = np.array([[0.0, 0], [0, 0.5], [0, 1]]), 1j
    from_point, to_point = (complex(*point) + complex(*random.normal(0, 0.03, 2)) for point in (start, end))
    turned = from_point + (to_point - from_point) * ((stroke - stroke[0]) @ [1, 1j]) / chord
    return np.stack([turned.real, turned.imag], axis=1)


COMPOSED = "aaBBCdDDpPRRUXYYKVTHANLFE"


def composed_letter(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Compose a letter of the strokes of written ones and zeros."""
    letter = COMPOSED[random.integers(len(COMPOSED))]
    width = random.uniform(0.5, 0.9)
    w, middle = width, random.uniform(0.4, 0.6)

    def line(*ends: tuple[float, float]) -> list[np.ndarray]:
        return [_line(random, pens, start, end) for start, end in zip(ends[::2], ends[1::2], strict=True)]

    def ring(x: float, y: float, wide: float, high: float) -> list[np.ndarray]:
        return [_zero(random, pens, wide, high) + np.array([x, y])]

    def bow(x: float, y: float, wide: float, high: float) -> list[np.ndarray]:
        """The right half of a 0, from its top to its bottom."""
        stroke = _zero(random, pens, 2 * wide, high)
        right = stroke[stroke[:, 0] > wide]
        return [right[np.argsort(right[:, 1], kind="stable")] + [x - wide, y]]

    def opened(x: int, y: int) -> list[np.ndarray]:
        """A 0 without its side in the direction x, y."""
        stroke = _zero(random, pens, w, 1)
        towards = (stroke / [w, 1] - 0.5) @ [x, y]
        around = np.roll(np.arange(len(stroke)), -int(towards.argmax()))
        return [stroke[around[towards[around] < random.uniform(0.1, 0.25)]]]

    match letter:
        case "a":
            return ring(0, random.normal(0, 0.05), w, 1) + line(
                (w, random.uniform(-0.1, 0.1)), (w + random.uniform(0, 0.15), 1.02)
            )
        case "d":
            return ring(0, middle, 0.9 * w, 1 - middle) + line((0.92 * w, 0), (0.9 * w, 1))
        case "D":
            return line((0, 0), (0, 1)) + bow(0, 0, w, 1)
        case "p":
            return line((0, 0), (0, 1)) + ring(0, 0, 0.9 * w, random.uniform(0.5, 0.65))
        case "P":
            return line((0, 0), (0, 1)) + bow(0, 0, w, middle)
        case "B":
            return line((0, 0), (0, 1)) + bow(0, 0, 0.9 * w, middle) + bow(0, middle, w, 1 - middle)
        case "R":
            return line((0, 0), (0, 1)) + bow(0, 0, w, middle) + line((0.3 * w, middle), (w, 1))
        case "C":
            return opened(1, 0)
        case "U":
            return opened(0, -1)
    return line(
        *{
            "X": ((0, 0), (w, 1), (w, 0), (0, 1)),
            "Y": ((0, 0), (w / 2, middle), (w, 0), (random.uniform(0.05, 0.5) * w, 1)),
            "K": ((0, 0), (0, 1), (w, 0), (0, middle), (0.1, middle), (w, 1)),
            "V": ((0, 0), (w / 2, 1), (w, 0), (w / 2, 1)),
            "T": ((0, 0), (w, 0), (w / 2, 0), (w / 2, 1)),
            "H": ((0, 0), (0, 1), (w, 0), (w, 1), (0, middle), (w, middle)),
            "A": ((w / 2, 0), (0, 1), (w / 2, 0), (w, 1), (0.2 * w, 0.6), (0.8 * w, 0.6)),
            "N": ((0, 1), (0, 0), (0, 0), (w, 1), (w, 1), (w, 0)),
            "L": ((0, 0), (0, 1), (0, 1), (w, 1)),
            "F": ((0, 0), (0, 1), (0, 0), (w, 0), (0, middle), (0.8 * w, middle)),
            "E": ((0, 0), (0, 1), (0, 0), (w, 0), (0, middle), (0.8 * w, middle), (0, 1), (w, 1)),
        }[letter]
    )
