"""Generate what cutting leaves of numbers whose digits touch: digits with bits of their neighbours, and no digits.

The reader cuts such numbers along seams, and asks the networks about the ink between any two of them. Most of it is a
digit and a part of the next one, or more. Parts of one digit are left out, because many look like another digit.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from model import styles
from model.draw import Drawing, draw
from model.mnist import Digits
from model.reader import cuts
from model.reader.cuts import ROWS
from model.styles import NON_DIGIT

HEIGHT = 2 * ROWS  # of a written digit, in pixels
PENS = 0.03, 0.16  # width as a share of the height
WIDEST = 1.5  # times its height: a wider digit is drawn smaller
UNEVEN = 0.04  # of the height: standard deviation of the digits' places above or below their line
OVERLAP = 0.1, 0.6  # of neighbours, in widths of the pen
ENDS = 0.3  # share of neighbours of which the right and the left end overlap so, whether or not they touch
INK = 0.5  # what is darker counts as ink
WHOLE = 0.92  # of its ink: a span that holds more of a digit,
CLEAN = 0.12  # and of whose ink less belongs to others, is that digit
HALF = 0.5  # of its ink: a span that holds more of two digits is none
PARTIAL = 0.85  # of its ink: a span that holds less of every digit,
MIXED = 0.3  # and of whose ink more belongs to others than to one of them, is none either
OF_EACH = 2  # spans of each digit that are kept at most
NO_DIGITS = 4  # spans of each number that are kept at most, of those that are no digit


def spans(count: int, random: np.random.Generator, pens: list[Drawing], labels: np.ndarray) -> Iterator[Digits]:
    """Write `count` numbers of two or three of the digits `pens`, and cut each: a few of the spans between its seams.

    `labels` are those of the digits. Yields images uint8 [spans, 28, 28], as the networks see them, and their labels.
    """
    for _ in range(count):
        chosen = random.integers(len(pens), size=random.integers(2, 4))
        digits = _written([pens[index] for index in chosen], random)
        yield _cut(digits, labels[chosen], random)


def _written(drawings: list[Drawing], random: np.random.Generator) -> np.ndarray:
    """Write digits so that neighbours touch: the ink of each on the grid, 0 to 1, [digits, ROWS, columns]."""
    pen = HEIGHT * np.exp(random.uniform(*np.log(PENS)))
    near = round(pen / 2)  # rows: ink that is nearer than the pen is wide touches, too
    row: list[np.ndarray] = []
    left = 0
    for drawing in drawings:
        ink = _drawn(styles.rewritten(drawing, random), pen, random)
        if row:
            last = left + _last(row[-1])
            if random.random() < ENDS:
                distance = last.max() - _first(ink).min()
            else:
                distance = max((np.roll(last, by) - _first(ink)).max() for by in range(-near, near + 1))
            left = max(round(distance - pen * random.uniform(*OVERLAP)), 0)
        row.append(np.pad(ink, [(0, 0), (left, 0)]))
    columns = max(ink.shape[1] for ink in row)
    number = np.stack([np.pad(ink, [(0, 0), (0, columns - ink.shape[1])]) for ink in row])
    y = np.flatnonzero((number > INK).any(axis=(0, 2)))
    unit = (y[-1] + 1 - y[0]) / ROWS
    columns = int(columns / unit) + 1
    box = 0, y[0], unit * columns, y[-1] + 1
    number = np.pad(number, [(0, 0), (0, 0), (0, 2 * ROWS)])
    grids = [Image.fromarray(ink).resize((columns, ROWS), Image.Resampling.BOX, box) for ink in number]
    return np.pad(np.array([np.asarray(grid) for grid in grids]), [(0, 0), (0, 0), (1, 1)])


def _drawn(drawing: Drawing, pen: float, random: np.random.Generator) -> np.ndarray:
    """Draw a digit HEIGHT pixels high: its ink, 0 to 1, [2 HEIGHT, columns], without empty columns beside it."""
    width, height = np.ptp(np.concatenate(drawing), axis=0)
    size = HEIGHT * min(max(width / max(height, 1e-6), 1), WIDEST)
    ink = (255 - np.asarray(draw(drawing, pen, size, 2 * HEIGHT), np.float32)) / 255
    x = np.flatnonzero((ink > INK).any(axis=0))
    return np.roll(ink[:, x[0] : x[-1] + 1], round(random.normal(0, UNEVEN) * HEIGHT), axis=0)


def _first(ink: np.ndarray) -> np.ndarray:
    """The first column with ink in each row, or infinity, [rows]."""
    return np.where((ink > INK).any(axis=1), (ink > INK).argmax(axis=1), np.inf)


def _last(ink: np.ndarray) -> np.ndarray:
    """The last column with ink in each row, or minus infinity, [rows]."""
    return ink.shape[1] - 1 - _first(ink[:, ::-1])


def _cut(number: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> Digits:
    """Choose spans between the seams of a number, [digits, ROWS, columns], whose digits are `labels`."""
    ink = number.max(axis=0)
    filled = (ink > INK).astype(np.float32)
    bounds, costs = cuts.seams(filled)
    spans, sums = cuts.spans_of(ink, filled, bounds, costs, ROWS)
    spans = spans.where(spans.right > spans.left)
    bounds = np.pad(np.pad(bounds, [(1, 0), (0, 0)]), [(0, 1), (0, 0)], constant_values=ink.shape[1])
    before = np.pad(number.cumsum(axis=2), [(0, 0), (0, 0), (1, 0)])[:, np.arange(ROWS), bounds].sum(axis=2)
    inside = (before[:, spans.end] - before[:, spans.start]).T  # [spans, digits]
    shares = inside / before[:, -1]
    digit = shares.argmax(axis=1)
    others = 1 - inside.max(axis=1) / np.maximum(inside.sum(axis=1), 1e-6)
    is_digit = (shares.max(axis=1) > WHOLE) & (others < CLEAN)
    are_two = np.sort(shares, axis=1)[:, -2] > HALF
    is_mixed = (shares.max(axis=1) < PARTIAL) & (others > MIXED)
    kept = [random.permutation(np.flatnonzero(is_digit & (digit == which)))[:OF_EACH] for which in range(len(labels))]
    found = np.concatenate([*kept, random.permutation(np.flatnonzero(are_two | is_mixed))[:NO_DIGITS]])
    chosen = spans.where(found)
    images = np.round(255 * cuts.images_of(chosen, ink, sums)).astype(np.uint8)
    return Digits(images, np.where(is_digit, labels[digit], NON_DIGIT)[found].astype(np.uint8))
