"""Cut digits that touch. A group of ink is laid on a grid, and read as the best row of digits that seams leave of it.

1. Seams run from the top to the bottom of the grid through as little ink as possible (Avidan, Shamir 2007). For each
   cell of ink the cheapest seam through it is known. The cheapest of each block of cells are taken, but no two that are
   nearly the same. There are many more than digits.
2. A span is the ink between two seams that do not cross. Its box, its centre of mass and its image follow from sums
   along the rows of the grid, taken where the seams pass.
3. FFNN judges all spans. Both networks judge those on the ways that are then the best.
4. The best way from the left to the right end wins (LeCun, Bottou, Bengio, Haffner 1998, section VI).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from model.normalize import BOX, CENTRE, SIDE

ROWS = 48  # of the grid
EDGE = 4  # columns at each end of the grid, where seams pass no ink
ENTER = 100.0  # cost of a seam's way into ink; all costs are whole numbers, so that their sums are exact
SIDEWAYS = 3.0  # cost of each step of a seam to the side
ALONG = 2.0  # cost of each row in which a seam runs through ink
THROUGH = 300.0  # cost of the dearest seam
BLOCK = 5  # cells a side: of the seams through them one counts
NEAR = 1.5  # columns: of two seams that are nearer on average only the cheaper counts
SEAMS = 64  # in a group, the cheapest
SMALL = 0.5  # of its line's height: a lower span is no digit
WIDE = 1.5  # times its height: a wider span is no digit
KEPT = 24  # spans of a group that both networks judge

UNSURE, SURE = 0.03, 1e-4  # a probability of less than this, or nearer than this to 1, says no more
LOW = 0.7, 0.9  # of its line's height: lower spans are less likely digits, and those below the first still less
BROAD = 0.8  # times its height: wider spans are less likely digits

# Weights of what tells a digit from half a digit and from two, in the order of goodness(). Fitted as a conditional
# random field (Lafferty 2001) to touching and abutting numbers of the training's writers: over all ways through a
# number, those that read what is written are to be likely.
FEATURES = np.array([2.0, -6.42, -7.67, -4.47, -0.49, -0.44], np.float32)
OF_DIGIT = np.array([2.41, -0.8, -0.05, -0.38, 1.2, 0.28, 0.41, -0.47, 1.73, 1.15], np.float32)
"""By the digit that is read: a 1 and a 7 are found in other digits, a 0, a 4 and an 8 are not."""
OF_WIDTH = np.array([0.87, 2.44, 0.49, -0.07, 2.62, 0.53, 2.65, 0.35, 0.46, 1.23], np.float32)
"""By the digit that is read, for its width as a share of its height."""

Networks = Callable[[np.ndarray], np.ndarray]
"""Reads images float32 [count, 28, 28]: probabilities float32 [count, 2, 10], LeNet5's and FFNN's."""


class Digits(NamedTuple):
    """The digits into which a group is cut."""

    spans: "Spans"
    images: np.ndarray
    """What the networks saw, float32 [count, 28, 28]."""
    answers: np.ndarray
    """Probabilities [count, 2, 10], LeNet5's and FFNN's."""
    goodness: np.ndarray
    """How likely each is a digit, [count]."""


class Spans(NamedTuple):
    """Spans between two seams, [S] each, in rows and columns of the grid."""

    start: np.ndarray
    """The seam on the left: 0 is the left end, 1 the first seam."""
    end: np.ndarray
    """The seam on the right."""
    left: np.ndarray
    top: np.ndarray
    right: np.ndarray
    bottom: np.ndarray
    y: np.ndarray
    """Centre of mass."""
    x: np.ndarray
    costs: np.ndarray
    """Of both seams."""

    def where(self, inside: np.ndarray) -> "Spans":
        """Some of the spans."""
        return Spans(*(values[inside] for values in self))


def digits_of(ink: np.ndarray, filled: np.ndarray, line_height: float, networks: Networks) -> Digits:
    """Read ink as a row of digits, from the left.

    `ink` is how dark each cell of the grid is, float32 [ROWS, columns], `filled` is 1 where it counts as ink, else 0.
    The first and the last column are empty. `line_height` is in rows.
    """
    bounds, costs = seams(filled)
    spans, sums = spans_of(ink, filled, bounds, costs, line_height)
    images = images_of(spans, ink, sums)
    answers = networks(images)
    sketchy = goodness(spans, line_height, answers[:, [1, 1]])
    kept = np.sort(np.argsort(-through(spans, sketchy), kind="stable")[:KEPT])
    spans, images, answers = spans.where(kept), images[kept], answers[kept]
    good = goodness(spans, line_height, answers)
    way = best_way(spans, good)
    return Digits(spans.where(way), images[way], answers[way], good[way])


def seams(filled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cheapest seams through cells with ink, 1 or 0, [ROWS, columns].

    A seam goes down a row a step, and at most a column to the side. Returns the column in each row at which the ink on
    the right of the seam begins, [seams, ROWS], in the order of their means, and their costs.
    """
    columns = filled.shape[1]
    down, steps_up = _ways(filled)
    up, steps_down = (each[::-1] for each in _ways(filled[::-1]))
    total = np.where(filled > 0, down + up - (ENTER + ALONG), np.inf)  # the cell itself is in both
    total[:, :EDGE] = total[:, columns - EDGE :] = np.inf
    blocks = np.pad(total, [(0, -ROWS % BLOCK), (0, -columns % BLOCK)], constant_values=np.inf)
    blocks = blocks.reshape(blocks.shape[0] // BLOCK, BLOCK, -1, BLOCK).swapaxes(1, 2)
    blocks = blocks.reshape(*blocks.shape[:2], -1)
    row, column = (BLOCK * at for at in np.indices(blocks.shape[:2]))
    row, column = row + blocks.argmin(axis=2) // BLOCK, column + blocks.argmin(axis=2) % BLOCK
    costs, row, column = blocks.min(axis=2).ravel(), row.ravel(), column.ravel()
    order = np.argsort(costs, kind="stable")
    order = order[costs[order] <= THROUGH]
    costs, row, column = costs[order], row[order], column[order]

    paths = np.repeat(column[:, None], ROWS, axis=1)
    for y in range(ROWS - 1, 0, -1):
        here = paths[:, y]
        paths[:, y - 1] = np.where(y <= row, here + steps_up[y, here], paths[:, y - 1])
    for y in range(ROWS - 1):
        here = paths[:, y]
        paths[:, y + 1] = np.where(y >= row, here + steps_down[y, here], paths[:, y + 1])
    distances = np.abs(paths[:, None] - paths).mean(axis=2)
    is_new = ~np.tril(distances < NEAR, -1).any(axis=1)
    paths, costs = paths[is_new][:SEAMS], costs[is_new][:SEAMS]
    order = np.argsort(paths.sum(axis=1), kind="stable")
    return paths[order] + 1, costs[order]


def _ways(filled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cost of the cheapest way from the first row to each cell, and from which column it comes: 0, -1 or 1."""
    sideways = np.array([[0], [SIDEWAYS], [SIDEWAYS]])
    costs, steps = [filled[0] * (ENTER + ALONG)], [np.zeros(filled.shape[1], int)]
    for before, here in pairwise(filled):
        entered = ENTER * np.maximum(here - _neighbours(before, 0), 0) + sideways + ALONG * here
        ways = _neighbours(costs[-1], 1e9) + entered
        steps.append(np.array([0, -1, 1])[ways.argmin(axis=0)])
        costs.append(ways.min(axis=0))
    return np.array(costs), np.array(steps)


def _neighbours(values: np.ndarray, beyond: float) -> np.ndarray:
    """The value itself, its left and its right neighbour: [3, columns]."""
    padded = np.pad(values, 1, constant_values=beyond)
    return np.stack([values, padded[:-2], padded[2:]])


def spans_of(
    ink: np.ndarray, filled: np.ndarray, bounds: np.ndarray, costs: np.ndarray, line_height: float
) -> tuple[Spans, np.ndarray]:
    """Find all spans that may be digits, and the whole. Also returns the ink on each seam's left, [seams, ROWS]."""
    columns = ink.shape[1]
    row, column = np.arange(ROWS), np.arange(columns)
    bounds = np.pad(np.pad(bounds, [(1, 0), (0, 0)]), [(0, 1), (0, 0)], constant_values=columns)  # with both ends
    costs = np.pad(costs, 1)
    number = np.pad(filled.cumsum(dtype=int), (1, 0))  # of cells with ink before each cell
    number = number[row * columns + bounds]  # [seams, ROWS]
    at = np.pad(np.nonzero(filled)[1], 1)  # the column of each cell with ink
    following, last = at[np.minimum(number + 1, len(at) - 1)], at[number]
    mass, moment = (_sums(values)[row, bounds] for values in (ink, ink * (column + 0.5)))

    start, end = np.nonzero(np.triu((bounds[:, None] <= bounds).all(axis=2), 1))
    cells = number[end] - number[start]  # [spans, ROWS]
    inside = cells > 0
    top, bottom = inside.argmax(axis=1), ROWS - inside[:, ::-1].argmax(axis=1)
    left = np.where(inside, following[start], columns).min(axis=1)
    right = np.where(inside, last[end], 0).max(axis=1) + 1
    masses = mass[end] - mass[start]
    all_of = np.maximum(masses.sum(axis=1), 1e-6)
    y, x = masses @ (row + 0.5) / all_of, (moment[end] - moment[start]).sum(axis=1) / all_of
    spans = Spans(start, end, left, top, right, bottom, y, x, costs[start] + costs[end])
    height = bottom - top
    allowed = (height >= SMALL * line_height) & (right - left <= WIDE * height)
    return spans.where(allowed | (end - start == len(bounds) - 1)), mass


def _sums(values: np.ndarray) -> np.ndarray:
    """Sums along each row up to each column: [rows, columns + 1]."""
    return np.pad(values.cumsum(axis=1), [(0, 0), (1, 0)])


def images_of(spans: Spans, ink: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Normalize spans to what the networks see, float32 [S, 28, 28], as model/normalize.py does a sheet.

    `sums` is the ink on the left of each seam in each row, [seams, ROWS]. Up to an edge of the image there is at least
    what is on the left of the span, and at most what is not on its right.
    """
    columns = ink.shape[1]
    step = np.maximum(spans.right - spans.left, spans.bottom - spans.top)[:, None] / BOX
    edges = step * (np.arange(SIDE + 1) - CENTRE)
    across = np.clip(spans.x[:, None] + edges, 0, columns)
    at = np.minimum(across.astype(int), columns - 1)
    left = _sums(ink).T  # of each column: [columns + 1, ROWS]
    across = left[at] + (across - at)[..., None] * (left[at + 1] - left[at])  # [S, 29, ROWS]
    across = np.diff(np.clip(across, sums[spans.start][:, None], sums[spans.end][:, None]), axis=1)
    down = np.diff(np.clip((spans.y[:, None] + edges)[..., None] - np.arange(ROWS), 0, 1), axis=1)  # [S, 28, ROWS]
    images = down @ across.swapaxes(1, 2)
    return (images / np.maximum(images.max(axis=(1, 2), keepdims=True), 1e-6)).astype(np.float32)


def goodness(spans: Spans, line_height: float, answers: np.ndarray) -> np.ndarray:
    """How likely each span is a digit, and not half a digit or two, after `answers` [S, 2, 10]: [S]."""
    mean = answers.mean(axis=1)
    digit, probability = mean.argmax(axis=1), mean.max(axis=1)
    height = spans.bottom - spans.top
    width = (spans.right - spans.left) / height
    features = [
        np.log(np.maximum(probability, UNSURE)),
        np.maximum(LOW[0] - height / line_height, 0),
        np.maximum(LOW[1] - height / line_height, 0),
        np.maximum(width - BROAD, 0),
        spans.costs / ENTER,
        np.log(np.maximum(1 - probability, SURE)),
    ]
    return np.stack(features, axis=1) @ FEATURES + OF_DIGIT[digit] + OF_WIDTH[digit] * width


def through(spans: Spans, goodness: np.ndarray) -> np.ndarray:
    """How good the best way through each span is, [S]."""
    goal = spans.end.max()
    before, after = np.full(goal + 1, -np.inf), np.full(goal + 1, -np.inf)
    before[0] = after[goal] = 0
    for seam in range(1, goal + 1):
        ending = spans.end == seam
        before[seam] = (before[spans.start] + goodness)[ending].max(initial=-np.inf)
    for seam in range(goal - 1, -1, -1):
        starting = spans.start == seam
        after[seam] = (goodness + after[spans.end])[starting].max(initial=-np.inf)
    return before[spans.start] + goodness + after[spans.end]


def best_way(spans: Spans, goodness: np.ndarray) -> np.ndarray:
    """The spans of the best way, from the left; none if so many make it up that they are not all kept."""
    goal = spans.end.max()
    best = np.full(goal + 1, -np.inf)
    best[0] = 0
    last = np.zeros(goal + 1, int)
    for seam in range(1, goal + 1):
        ways = np.where(spans.end == seam, best[spans.start] + goodness, -np.inf)
        last[seam], best[seam] = ways.argmax(), ways.max()
    way: list[int] = []
    while goal and best[-1] > -np.inf:
        way.append(int(last[goal]))
        goal = spans.start[way[-1]]
    return np.array(way[::-1], int)
