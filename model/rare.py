"""Generate rare styles of digits, and more drawings that are not digits; a recipe switches each one on by its name.

Some are drawn by hand and varied, like those in styles.py. The others change the strokes of real pen digits.
"""

from collections.abc import Callable

import numpy as np

from model.draw import Drawing
from model.styles import (
    NON_DIGIT,
    OVAL,
    STYLES,
    Maker,
    PensByDigit,
    by_digit,
    random_pen_digit,
    spline,
    strokes_of,
    written,
)

TRIES = 100  # pen digits that are looked at for one with the strokes that a style changes


def drawings(
    names: tuple[str, ...], each: int, random: np.random.Generator, pens: list[Drawing], labels: np.ndarray
) -> tuple[list[Drawing], np.ndarray]:
    """Generate `each` drawings of each of the styles `names`, keys of RARE. Returns them and their labels, uint8.

    Some are made of `pens`, written digits; their `labels` must hold every digit.
    """
    pens_by_digit = by_digit(pens, labels)
    made = [RARE[name][1](random, pens_by_digit) for name in names for _ in range(each)]
    return made, np.repeat([RARE[name][0] for name in names], each).astype(np.uint8)


def _by_hand(*paths: str, lean: float = 1.0) -> Maker:
    """Draw one of the paths, which are written as in styles.STYLES."""
    return lambda random, pens: written(strokes_of(paths[random.integers(len(paths))]), random, lean)


def _found(
    random: np.random.Generator, pens: PensByDigit, among: str, suits: Callable[[Drawing], bool], otherwise: Maker
) -> Drawing:
    """Choose a pen digit of those in `among` that suits, scaled as by random_pen_digit(); or else draw by hand."""
    for _ in range(TRIES):
        drawing = random_pen_digit(random, pens, among)
        if suits(drawing):
            return drawing
    return otherwise(random, pens)


def _line(start: np.ndarray, end: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw a line that bends a little, [9, 2]."""
    t = np.linspace(0, 1, 9)[:, None]
    across = (end - start)[::-1] * [1, -1]
    return start + t * (end - start) + 4 * t * (1 - t) * across * random.normal(0, 0.03)


def _is_straight(path: np.ndarray) -> bool:
    return np.hypot(*np.diff(path, axis=0).T).sum() < 1.07 * np.hypot(*(path[-1] - path[0]))


def _long_flag(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Draw a 1 whose flag is 60 to 100 % as long as the stem, 25 to 55 degrees from it."""
    length, angle = random.uniform(0.6, 1), np.radians(random.uniform(25, 55))
    flag = length * np.array([-np.sin(angle), np.cos(angle)])
    bow = random.normal(0, 0.05) * flag[::-1] * [1, -1]
    return written([spline(np.array([flag, flag / 2 + bow, [0, 0], [0, 0.5], [-0.02, 1]]), [2])], random, 0.7)


def _has_flag(one: Drawing) -> bool:
    stroke = one[0]
    top = int(stroke[:, 1].argmin())
    flag, stem = stroke[0] - stroke[top], stroke[-1] - stroke[top]
    return (
        2 <= top < len(stroke) - 2
        and flag[0] < -0.08
        and flag[1] > 0.1
        and stem[1] > 0.8
        and -0.35 < stem[0] < 0.08  # upright, or slanted to the right
        and _is_straight(stroke[: top + 1])
        and _is_straight(stroke[top:])
    )


def _lengthened_flag(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Turn the flag of a written 1 to 25 to 55 degrees from the stem, and make it nearly as long."""
    one = _found(random, pens, "1", _has_flag, _by_hand("24,38 51,0! 51,50 50,100"))
    path = one[0] @ [1, 1j]
    top = int(path.imag.argmin())
    stem = path[-1] - path[top]
    slant = np.degrees(np.angle(stem / 1j))
    angle = np.radians(random.uniform(25, np.clip(58 - slant, 26, 55)))
    flag = stem * np.exp(1j * angle) * random.uniform(0.6, 0.95)
    path[:top] = path[top] + (path[:top] - path[top]) * flag / (path[0] - path[top])
    return [np.stack([path.real, path.imag], axis=1), *one[1:]]


def _slashed(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Squeeze a written 0, and lay a slash over it that goes far beyond on both sides."""

    def closed(zero: Drawing) -> bool:
        return len(zero) == 1 and np.hypot(*(zero[0][0] - zero[0][-1])) < 0.12 and np.ptp(zero[0][:, 0]) > 0.4

    (ring,) = _found(random, pens, "0", closed, _by_hand(OVAL))
    low, size = ring.min(axis=0), np.ptp(ring, axis=0)
    width = random.uniform(0.5, 0.95)
    ring = (ring - low) / size * [width, 1]
    angle = np.radians(random.uniform(14, 45))
    towards = np.array([np.sin(angle), -np.cos(angle)])
    radius = 1 / np.hypot(*(2 * towards / [width, 1]))
    centre = np.array([width / 2, 0.5]) + random.normal(0, 0.03, 2)
    up, down = radius + random.uniform(0.14, 0.45, 2)
    return [ring, _line(centre + up * towards, centre - down * towards, random)]


def _crossed(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Lay a bar across the stem of a written 7, from the middle to low down."""

    def plain(seven: Drawing) -> bool:
        return len(seven) == 1 and np.ptp(seven[0][:, 1]) > 0.9 and seven[0][-1, 1] > seven[0][:, 1].max() - 0.05

    seven = _found(random, pens, "7", plain, _by_hand("10,3 86,4! 44,100"))
    height = np.ptp(seven[0][:, 1]) * random.uniform(0.45, 0.7)
    above = np.flatnonzero(seven[0][:, 1] < height + seven[0][:, 1].min())[-1]
    crossing = seven[0][above]
    left, right = random.uniform(0.18, 0.36, 2)
    rise = np.array([0, random.normal(0.05, 0.05) / 2])
    return [*seven, _line(crossing + rise - [left, 0], crossing - rise + [right, 0], random)]


def _long_stem(digit: int, start: float, most: float) -> Maker:
    """Stretch a written digit below `start`, a share of its height, by 1.3 to `most`."""

    def wide(drawing: Drawing) -> bool:
        return np.ptp(np.concatenate(drawing)[:, 0]) > 0.5

    def stretch(random: np.random.Generator, pens: PensByDigit) -> Drawing:
        drawing = _found(random, pens, str(digit), wide, _by_hand(*STYLES[digit].values()))
        points = np.concatenate(drawing)
        knee = points[:, 1].min() + start * np.ptp(points[:, 1])
        factor = random.uniform(1.3, most)
        return [
            np.stack([stroke[:, 0], stroke[:, 1] + (factor - 1) * np.maximum(stroke[:, 1] - knee, 0)], axis=1)
            for stroke in drawing
        ]

    return stretch


def _half_four(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Leave the stem of a written 4 out, where it is a stroke of its own."""

    def suits(four: Drawing) -> bool:
        angle, stem = four[0], four[-1]
        corner = int((angle @ [-1, 1]).argmax())  # the lowest point on the left
        return (
            len(four) == 2
            and abs(stem[-1, 0] - stem[0, 0]) < 0.5 * (stem[-1, 1] - stem[0, 1])  # written downwards
            and 2 <= corner < len(angle) - 2
            and angle[corner, 1] - angle[0, 1] > 0.25
            and angle[-1, 0] - angle[corner, 0] > 0.25
            and _is_straight(angle[: corner + 1])
            and _is_straight(angle[corner:])
        )

    by_hand = _by_hand("20,4 10,58! 92,56 / 70,4 66,100", "66,0 5,62! 96,64 / 66,1 65,100")
    return _found(random, pens, "4", suits, by_hand)[:1]


def _within(drawing: Drawing, low: float, high: float) -> Drawing:
    """Cut out of a drawing the parts of its strokes with x from `low` to `high`."""
    parts = []
    for stroke in drawing:
        t = np.linspace(0, len(stroke) - 1, 8 * len(stroke))
        fine = np.stack([np.interp(t, np.arange(len(stroke)), values) for values in stroke.T], axis=1)
        inside = (fine[:, 0] >= low) & (fine[:, 0] <= high)
        for part in np.split(np.arange(len(fine)), np.flatnonzero(np.diff(inside)) + 1):
            if inside[part[0]]:
                parts.append(fine[part])
    return parts


def _piece(random: np.random.Generator, pens: PensByDigit) -> Drawing:
    """Cut a written digit from top to bottom, and keep the half that looks like no other digit."""

    def is_no_digit(half: Drawing) -> bool:
        width, height = np.ptp(np.concatenate(half or [np.zeros((1, 2))]), axis=0)
        return height > 0.5 and width > 0.22 * height

    for _ in range(TRIES):
        digit, right = [("0", 0), ("0", 1), ("2", 0), ("2", 1), ("5", 0), ("5", 1), ("3", 0), ("8", 0)][
            random.integers(8)
        ]
        drawing = random_pen_digit(random, pens, digit)
        width = np.concatenate(drawing)[:, 0].max()
        cut = width * random.uniform(0.4, 0.6)
        half = _within(drawing, cut, width) if right else _within(drawing, 0, cut)
        if is_no_digit(half):
            return half
    return written(strokes_of("60,0 22,14 10,50 22,87 60,100"), random)


def _beside_a_stub(digit: int) -> Maker:
    """Put beside a written digit what a cut may leave of its neighbour: a narrow strip, less than half as high."""

    def put(random: np.random.Generator, pens: PensByDigit) -> Drawing:
        drawing = random_pen_digit(random, pens, str(digit))
        points = np.concatenate(drawing)
        height, width = np.ptp(points[:, 1]), points[:, 0].max()
        for _ in range(TRIES):
            other = [stroke * height for stroke in random_pen_digit(random, pens, "023456789")]
            edge, strip = np.concatenate(other)[:, 0].max(), height * random.uniform(0.03, 0.12)
            on_the_left = random.random() < 0.5  # of the digit: the right edge of a neighbour
            stub = _within(other, edge - strip, edge) if on_the_left else _within(other, 0, strip)
            if stub and np.ptp(np.concatenate(stub)[:, 1]) < 0.4 * height:
                gap = height * random.uniform(0.0, 0.1)
                shift = -edge - gap if on_the_left else width + gap
                return [*drawing, *(stroke + np.array([shift, 0]) for stroke in stub)]
        return drawing

    return put


def _pair(among: str, least: float, most: float) -> Maker:
    """Put two written digits of the same height side by side, `least` to `most` of it apart."""

    def put(random: np.random.Generator, pens: PensByDigit) -> Drawing:
        left, right = ([*random_pen_digit(random, pens, among)] for _ in range(2))
        for drawing in (left, right):
            points = np.concatenate(drawing)
            low, height = points.min(axis=0), np.ptp(points[:, 1])
            drawing[:] = [(stroke - low) / height for stroke in drawing]
        gap = np.concatenate(left)[:, 0].max() + random.uniform(least, most)
        shift = np.array([gap, random.normal(0, 0.05)])
        return left + [stroke + shift for stroke in right]

    return put


RARE: dict[str, tuple[int, Maker]] = {
    "0 box": (0, _by_hand("24,2 46,1 58,14 58,84 48,99 26,99 15,86 15,14 26,2", lean=0.3)),
    "0 slashed far beyond": (0, _slashed),
    "1 long flag": (1, _long_flag),
    "1 lengthened flag": (1, _lengthened_flag),
    "1 serif and foot": (
        1,
        _by_hand("22,34 52,0! 50,98! 20,100 / 46,99 84,97", "22,34 40,20 54,0! 51,98! 22,99! 84,98"),
    ),
    "1 hooked foot": (1, _by_hand("24,36 51,0! 51,76 56,94 68,100 82,92", "30,26 50,0! 48,80 54,97 66,99 78,86")),
    "1 foot to the left": (1, _by_hand("8,58 72,0! 52,38 48,98! 12,88", "26,34 58,0! 52,50 48,98! 16,92", lean=1.5)),
    "4 one stroke": (4, _by_hand("22,2 8,54! 40,58 68,50 76,8! 70,100", "16,0 8,46 22,59 70,54 82,4! 76,100")),
    "4 looped low": (
        4,
        _by_hand(
            "52,0 18,44 8,70 18,86 42,80 62,60! 48,80 46,98", "50,0 22,40 8,70 16,88 40,82 64,64 58,58 48,78 50,100"
        ),
    ),
    "4 short stem": (4, _by_hand("22,2 8,58! 92,56 / 70,22 64,86", "18,0 6,60! 94,57 / 70,16 66,84")),
    "4 long stem": (4, _long_stem(4, 0.65, 2.6)),
    "5 angular": (5, _by_hand("86,2 20,3! 18,42! 76,42! 78,98! 10,98", "84,2 22,2! 14,46! 74,50! 70,96! 8,98")),
    "5 bar apart": (5, _by_hand("22,14 16,46! 52,38 84,62 70,94 36,100 8,90 / 34,-4 92,-8")),
    "7 crossed": (7, _crossed),
    "7 bent and crossed low": (
        7,
        _by_hand(
            "8,4 88,2! 62,46 60,100 / 34,66 90,62",
            "8,8 30,2 88,4! 60,40 48,72 50,94 60,98 / 26,62 82,58",
            "6,6 88,3! 66,44 52,80 34,98 20,88 / 34,58 90,54",
        ),
    ),
    "7 wavy roof": (7, _by_hand("6,18 20,2 46,10 66,14 90,0! 58,50 44,100", "4,20 14,4 40,6 64,12 92,2! 64,46 52,100")),
    "7 long stem": (7, _long_stem(7, 0.3, 2.0)),
    "9 flat ring": (9, _by_hand("84,16 50,5 14,15 16,28 50,32 84,18! 82,100")),
    "9 open ring": (9, _by_hand("62,4 30,2 12,22 28,42 58,38 84,8! 80,100")),
    "9 long stem": (9, _long_stem(9, 0.5, 2.2)),
    **{f"{digit} beside a stub": (digit, _beside_a_stub(digit)) for digit in range(10)},
    "half a 4": (NON_DIGIT, _half_four),
    "half a 5": (NON_DIGIT, _by_hand("88,3 24,4! 18,60", "88,3 24,4! 20,44! 40,40")),
    "pair": (NON_DIGIT, _pair("0123456789", 0.12, 0.6)),
    "touching pair": (NON_DIGIT, _pair("02345689", -0.12, 0.02)),
    "piece": (NON_DIGIT, _piece),
}
"""The label and the maker of each rare style."""
