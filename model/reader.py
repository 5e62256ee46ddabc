"""Read what stands on a sheet: find the pieces of ink, put them in lines, cut digits that touch, ask the networks.

This is the plain reference of the graph in export/reader.onnx, which does the same with the operators of ONNX. The
steps:

1. Cells: the sheet is averaged over square cells. A cell holds ink if it is clearly darker than the paper, as
   model/normalize.py finds it.
2. Parts: cells of ink that touch each other, at a corner too, are one part.
3. Lines: tall parts that stand beside each other are in one line. Small parts join the nearest line; specks do not
   count.
4. Groups: a small part above, below or inside another belongs to it: the roof of a 5, the bar of a 7, the dot in a 0.
5. The networks read each group. If they are not sure, it may be several digits that touch. Then it is cut.
6. Cuts: a seam runs from top to bottom through as little ink as possible (Avidan, Shamir 2007). There are more seams
   than needed. The networks judge each run of pieces between two seams, and the best way from the left to the right of
   the group wins (LeCun, Bottou, Bengio, Haffner 1998, section VI).
7. If a piece is no digit, but the networks are sure of the whole sheet as one digit, it is one: in a photograph, lines
   and edges may be left beside a digit.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from model.normalize import BOX, CENTRE, GRID, SIDE, separate

CELLS = 60_000  # on a sheet, at most
INK = 0.25  # of the strongest ink: less is paper
CONTRAST = 6.0  # grey levels: if no ink is darker, the sheet is blank
PARTS = 128  # on a sheet, the largest ones
PIECES = 64  # on a sheet, at most
TALL = 0.4  # of the size that a quarter of the parts exceed: lower parts make no line
BESIDE = 0.5  # of the height of the lower of two parts: if they share more, they are in one line
SPECK = 0.2  # of its line's height: a smaller part is a speck
LOW_LINE = 0.3  # of the highest line: a lower line is specks
SMALL = 0.5  # of its line's height: a lower part may belong to another
OVER = 0.6  # of the narrower part's width: if two parts share as much, one stands over the other
SURE = 0.9  # probability: what the networks read so surely is one digit, unless it is wider than high
CERTAIN = 0.9  # probability: a group stays whole if the networks are less sure of any digit into which it is cut
PROBABLE = 0.5  # probability of the digit that counts
DIGITS = 0.5  # of a line's pieces: if fewer are digits, it is no number
TO_CUT = 24  # groups: if the networks are unsure of more, the sheet is no number, and nothing is cut

ROWS = 48  # into which a group is divided to be cut
NARROW = 0.5  # of its height: a group that is narrower is not cut
WIDEST = 12.0  # times its height: a group that is wider is not cut
NEAR_SEAMS = 2  # columns: of seams as near as that only the cheapest counts
EDGE = 4  # columns at each end of a group, where no seam runs
SEAMS = 24  # in a group, the cheapest
SIDEWAYS = 0.03  # cost of each step of a seam to the side; to enter ink costs 1
ALONG = 0.02  # cost of each row in which a seam runs through ink
THROUGH = 6.0  # cost of the dearest seam
WIDE_DIGIT = 1.6  # times its height: no digit is wider

# Weights of features(), fitted by a structured perceptron to 253 numbers of the writers for validation, and rounded.
FEATURES = np.array([0.05, 1.4, -4.0, -2.1, -0.5, 0.9], np.float32)

Networks = Callable[[np.ndarray], np.ndarray]
"""Reads images float32 [count, 28, 28]: probabilities float32 [count, 2, 10], LeNet5's and FFNN's."""


class Reading(NamedTuple):
    """What stands on a sheet, in reading order."""

    digits: np.ndarray
    """int64 [count]: 0 to 9, or -1 where ink is no digit."""
    line: np.ndarray
    """int64 [count]: 0, 1 ... from the top."""
    sure: np.ndarray
    """float32 [count]: probability of the likeliest digit."""
    boxes: np.ndarray
    """float32 [count, 4]: left, top, right, bottom in pixels."""
    probabilities: np.ndarray
    """float32 [count, 3, 10]: LeNet5's, FFNN's, and their mean."""
    images: np.ndarray
    """float32 [count, 28, 28]: what the networks saw."""


class Sheet(NamedTuple):
    """A sheet, and its ink on a grid of cells."""

    level: np.ndarray
    """Grey levels with dark ink, float32 [height, width]."""
    paper: np.ndarray
    """The paper's level, [GRID, GRID]."""
    cell: int
    """Pixels a side of a cell."""
    ink: np.ndarray
    """Mean level of the ink in each cell, 0 where there is none: [rows, columns]."""


class Part:
    """Cells of ink that belong together. `cover` says how much of each cell is covered: at the border, less than all.

    Rows and columns are float32, as in the graph.
    """

    def __init__(self, y: np.ndarray, x: np.ndarray, ink: np.ndarray, cover: np.ndarray) -> None:
        self.y, self.x, self.ink, self.cover = y, x, ink, cover
        self.left, self.top = (x + 1 - cover).min(), (y + 1 - cover).min()  # float32, as in the graph
        self.right, self.bottom = (x + cover).max(), (y + cover).max()
        self.width, self.height = self.right - self.left, self.bottom - self.top
        self.size = max(self.width, self.height)

    def where(self, inside: np.ndarray) -> "Part":
        """Some of its cells."""
        return Part(self.y[inside], self.x[inside], self.ink[inside], self.cover[inside])

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of mass: y and x."""
        return float(np.average(self.y + 0.5, weights=self.ink)), float(np.average(self.x + 0.5, weights=self.ink))


def union(parts: list[Part]) -> Part:
    return Part(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "x", "ink", "cover")))


def read(sketch: np.ndarray, networks: Networks) -> Reading:
    """Read a sketch, uint8 [height, width], 8 x 8 to 2,048 x 2,048, dark on light or light on dark."""
    image, sign, paper, found = (np.asarray(each)[0] for each in separate(sketch[None]))
    sheet = ink_of(sketch, float(sign.squeeze()), paper, found)
    lines = lines_of(parts_of(sheet.ink)) if image.any() else []
    if len(lines) == 1 and len(lines[0]) == 1:
        seen = image[None]
    else:
        seen = np.array([image_of(group, sheet) for line in lines for group in line]).reshape(-1, SIDE, SIDE)
    probabilities = judged(networks, seen)
    sure = probabilities[:, 2].max(axis=1, initial=0)
    heights = [max(part.height for part in line) for line in lines for _ in line]
    groups = [group for line in lines for group in line]
    doubtful = [
        may_be_cut(group, height) and (p < SURE or group.width > group.height)
        for group, height, p in zip(groups, heights, sure, strict=True)
    ]
    if sum(doubtful) > TO_CUT:
        doubtful = [False] * len(groups)

    entries: list[tuple[int, int, Part, np.ndarray, np.ndarray]] = []
    number = 0
    for row, line in enumerate(lines):
        pieces = []
        for group in line:
            digits = best_way(cut(group), heights[number], sheet, networks) if doubtful[number] else []
            if digits and min(p[2].max() for _, _, p in digits) > CERTAIN:
                pieces += digits
            else:
                pieces.append((group, seen[number], probabilities[number]))
            number += 1
        answers = [int(p[2].argmax()) if p[2].max() > PROBABLE else -1 for _, _, p in pieces]
        is_number = np.mean(np.array(answers) >= 0) >= DIGITS
        entries += [(a if is_number else -1, row, *piece) for a, piece in zip(answers, pieces, strict=True)]
    if len(groups) > 1 and any(answer[2].max() <= PROBABLE for *_, answer in entries):
        answer = judged(networks, image[None])[0]
        if answer[2].max() > SURE:  # part of a digit, or what is beside it, was taken for another
            entries = [(int(answer[2].argmax()), 0, union(groups), image, answer)]
    return _reading(entries[:PIECES], sheet.cell)


def _reading(found: list[tuple[int, int, Part, np.ndarray, np.ndarray]], cell: int) -> Reading:
    boxes = [[part.left, part.top, part.right, part.bottom] for _, _, part, _, _ in found]
    probabilities = np.array([p for *_, p in found], np.float32).reshape(-1, 3, 10)
    return Reading(
        np.array([digit for digit, *_ in found], np.int64),
        np.array([row for _, row, *_ in found], np.int64),
        probabilities[:, 2].max(axis=1, initial=0),
        cell * np.array(boxes, np.float32).reshape(-1, 4),
        probabilities,
        np.array([image for *_, image, _ in found], np.float32).reshape(-1, SIDE, SIDE),
    )


def judged(networks: Networks, images: np.ndarray) -> np.ndarray:
    """Ask both networks: probabilities float32 [count, 3, 10], LeNet5's, FFNN's, and their mean."""
    if not len(images):
        return np.zeros((0, 3, 10), np.float32)
    both = networks(images)
    return np.concatenate([both, both.mean(axis=1, keepdims=True)], axis=1)


def ink_of(sketch: np.ndarray, sign: float, paper: np.ndarray, found: np.ndarray) -> Sheet:
    """Find the cells that hold ink."""
    level = sign * sketch.astype(np.float32)
    height, width = level.shape
    cell = math.ceil(math.sqrt(height * width / CELLS))
    rows, columns = height // cell, width // cell
    cells = level[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell).mean(axis=(1, 3))
    darkest = -_around(-paper)  # at an edge of the sheet, what is beyond it is no ink
    y, x = ((2 * np.arange(n) + 1) * cell * GRID // (2 * side) for n, side in ((rows, height), (columns, width)))
    ink = np.where(_around(found > 0)[y][:, x], darkest[y][:, x] - cells, 0)
    strongest = ink.max()
    ink[(ink <= INK * strongest) | (strongest < CONTRAST)] = 0
    return Sheet(level, paper, cell, ink)


def _around(grid: np.ndarray) -> np.ndarray:
    """The largest value in and around each cell of [GRID, GRID]."""
    around = np.pad(grid, 1, mode="edge")
    return np.max([around[y : y + GRID, x : x + GRID] for y in range(3) for x in range(3)], axis=0)


def parts_of(ink: np.ndarray) -> list[Part]:
    """Find the largest parts, in the order of their size: cells that touch, at a corner too."""
    label = np.full(np.add(ink.shape, 2), -1)
    stood: list[int] = []  # each label's parent

    def root(number: int) -> int:
        while stood[number] != number:
            number = stood[number]
        return number

    cells = np.argwhere(ink > 0)
    for y, x in cells.tolist():
        near = {root(n) for n in (*label[y, x : x + 3].tolist(), label[y + 1, x]) if n >= 0}
        number = min(near, default=len(stood))
        if not near:
            stood.append(number)
        for other in near:
            stood[other] = number
        label[y + 1, x + 1] = number
    roots = np.array([root(number) for number in label[1:-1, 1:-1][ink > 0]], int)
    level = ink[ink > 0]
    parts = []
    for number in np.unique(roots):
        mine = roots == number
        y, x = cells[mine].T.astype(np.float32)
        parts.append(Part(y, x, level[mine], level[mine] / level[mine].max()))
    return sorted(parts, key=lambda part: -part.size)[:PARTS]


def lines_of(parts: list[Part]) -> list[list[Part]]:
    """Put parts in lines, and join those that make up one digit. Lines from the top, digits from the left."""
    if not parts:
        return []
    tall = [part for part in parts if part.height >= TALL * parts[len(parts) // 4].size] or parts[:1]
    lines = closed(tall, lambda a, b: _shared(a.top, a.bottom, b.top, b.bottom) > BESIDE * min(a.height, b.height))
    heights = [max(part.height for part in line) for line in lines]
    home = {id(part): number for number, line in enumerate(lines) for part in line}
    for part in parts:
        if id(part) not in home:
            home[id(part)] = home[id(min(tall, key=lambda other: _distance(part, other)))]
    found = []
    for number, height in enumerate(heights):
        if height < LOW_LINE * max(heights):
            continue
        line = [part for part in parts if home[id(part)] == number and part.size >= SPECK * height]

        def belong(a: Part, b: Part, height: float = height) -> bool:
            shared = _shared(a.left, a.right, b.left, b.right)
            return min(a.height, b.height) < SMALL * height and shared >= OVER * min(a.width, b.width)

        groups = [union(group) for group in closed(line, belong)]
        found.append(sorted(groups, key=lambda group: group.middle[1]))
    return sorted(found, key=lambda line: float(np.mean([group.top + group.bottom for group in line])))


def _shared(start: float, end: float, other_start: float, other_end: float) -> float:
    return min(end, other_end) - max(start, other_start)


def _distance(a: Part, b: Part) -> float:
    return max(0.0, -_shared(a.left, a.right, b.left, b.right)) + max(0.0, -_shared(a.top, a.bottom, b.top, b.bottom))


def closed(parts: list[Part], related: Callable[[Part, Part], bool]) -> list[list[Part]]:
    """Divide parts into classes such that related ones are in the same."""
    classes: list[list[Part]] = []
    for part in parts:
        mine = [each for each in classes if any(related(part, other) for other in each)]
        classes = [each for each in classes if all(each is not one for one in mine)]
        classes.append([other for each in mine for other in each] + [part])
    return classes


def image_of(part: Part, sheet: Sheet) -> np.ndarray:
    """Normalize a part to what the networks see, float32 [28, 28], as model/normalize.py does a whole sheet."""
    height, width = sheet.level.shape
    step = max(part.size, 0.1) * sheet.cell / BOX
    y, x = (sheet.cell * middle for middle in part.middle)
    rows, columns = _overlaps(y, step, height), _overlaps(x, step, width)
    down, across = (
        np.clip(((middle + step * (np.arange(SIDE) + 0.5 - CENTRE)) * GRID / side).astype(int), 0, GRID - 1)
        for middle, side in ((y, height), (x, width))
    )
    covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)
    image = np.maximum(sheet.paper[down][:, across] * covered - rows @ sheet.level @ columns.T, 0)
    near = np.zeros((SIDE + 2, SIDE + 2), bool)  # the pixels of the part's own cells, and those around them
    at = np.floor((np.stack([part.y, part.x]) + 0.5) * sheet.cell / step - [[y / step], [x / step]] + CENTRE)
    at = at.astype(int)[:, ((at >= 0) & (at < SIDE)).all(axis=0)] + 1
    for down_one in (-1, 0, 1):
        for right_one in (-1, 0, 1):
            near[at[0] + down_one, at[1] + right_one] = True
    image *= near[1:-1, 1:-1]
    return (image / max(image.max(), 1e-6)).astype(np.float32)


def _overlaps(middle: float, step: float, length: int) -> np.ndarray:
    """Overlap of each image pixel with each pixel of the sheet, [28, length]."""
    edges = middle + step * (np.arange(SIDE + 1)[:, None] - CENTRE)
    covered = np.clip(edges - np.arange(length), 0, 1)
    return covered[1:] - covered[:-1]


def may_be_cut(group: Part, height: float) -> bool:
    """Whether a group in a line of this height has the form of several digits that touch."""
    return NARROW * group.height < group.width < WIDEST * group.height and group.height > SMALL * height


def cut(group: Part) -> list[tuple[Part, float, float]]:
    """Cut a group along its seams: pieces from the left, each with the costs of the seams on its left and right."""
    scale = np.float32(ROWS) / group.height
    row = np.arange(ROWS, dtype=np.float32)
    column = np.arange(math.floor(group.width * scale) + 2, dtype=np.float32)
    filled = np.zeros((int(group.y.max()) + 2, int(group.x.max()) + 2), np.float32)
    filled[group.y.astype(int), group.x.astype(int)] = 1
    y = np.clip(((row + 0.5) / scale + group.top).astype(int), 0, len(filled) - 1)
    x = np.clip(((column - 0.5) / scale + group.left).astype(int), 0, filled.shape[1] - 1)
    ink = filled[y][:, x]
    ink[:, [0, -1]] = 0
    paths, costs = seams(ink)
    at_row = np.clip(((group.y + 0.5 - group.top) * scale).astype(int), 0, ROWS - 1)
    at_column = np.clip(((group.x + 0.5 - group.left) * scale).astype(int) + 1, 0, len(column) - 1)
    passed = (at_column > paths[:, at_row]).sum(axis=0)  # seams on the left of each cell
    bounds = [0.0, *costs, 0.0]
    pieces = []
    for number in range(len(paths) + 1):
        inside = passed == number
        if inside.any():
            pieces.append((group.where(inside), bounds[number], bounds[number + 1]))
    return pieces


def seams(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the cheapest seams through ink [ROWS, columns], 1 or 0, from top to bottom.

    A seam goes down a row a step, and at most a column to the side. Returns the column of each seam in each row,
    [seams, ROWS], in the order of their middles, and their costs.
    """
    upper, lower = ink[: ROWS // 2], ink[ROWS // 2 :][::-1]
    (above, steps_up), (below, steps_down) = _ways(upper), _ways(lower)
    ends, into = _step(below, -np.minimum(upper[-1], _neighbours(lower[-1], 0)))
    total = above + ends
    middle = (len(total) - 1) / 2
    rank = total + 1e-4 * np.abs(np.arange(len(total)) - middle)
    padded = np.pad(rank, NEAR_SEAMS, constant_values=np.inf)
    cheapest = np.min([padded[i : i + len(rank)] for i in range(2 * NEAR_SEAMS + 1)], axis=0)
    allowed = (rank <= cheapest) & (total <= THROUGH)
    allowed[:EDGE] = allowed[-EDGE:] = False
    (starts,) = np.nonzero(allowed)
    starts = np.sort(starts[np.argsort(rank[starts], kind="stable")[:SEAMS]])
    paths = np.zeros((len(starts), ROWS), int)
    for path, start in zip(paths, starts, strict=True):
        path[ROWS // 2 - 1] = column = start
        for i, steps in enumerate(steps_up[::-1]):
            column = column + steps[column]
            path[ROWS // 2 - 2 - i] = column
        path[ROWS // 2] = column = start + into[start]
        for i, steps in enumerate(steps_down[::-1]):
            column = column + steps[column]
            path[ROWS // 2 + 1 + i] = column
    return paths, total[starts]


def _neighbours(values: np.ndarray, beyond: float) -> np.ndarray:
    """The value itself, its left and its right neighbour: [3, columns]."""
    padded = np.pad(values, 1, constant_values=beyond)
    return np.stack([values, padded[:-2], padded[2:]])


def _step(cost: np.ndarray, entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest way to each column from the columns beside it, and which that is: 0, -1 or 1."""
    ways = _neighbours(cost, 1e9) + entry + np.array([[0], [SIDEWAYS], [SIDEWAYS]], np.float32)
    return ways.min(axis=0), np.array([0, -1, 1])[ways.argmin(axis=0)]


def _ways(ink: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The cost of the cheapest way from the first row to each column of the last, and its steps from row to row."""
    cost, steps = ink[0] * (1 + ALONG), []
    for before, here in pairwise(ink):
        cost, step = _step(cost, np.maximum(here - _neighbours(before, 0), 0))
        cost = cost + ALONG * here
        steps.append(step)
    return cost, steps


def best_way(
    pieces: list[tuple[Part, float, float]], height: float, sheet: Sheet, networks: Networks
) -> list[tuple[Part, np.ndarray, np.ndarray]]:
    """Join pieces to digits such that the digits are as good as possible. Returns each with its image and answer."""
    spans = []
    for start in range(len(pieces)):
        for end in range(start + 1, len(pieces) + 1):
            part = union([piece for piece, _, _ in pieces[start:end]])
            is_whole = end - start == len(pieces)
            if is_whole or part.width <= WIDE_DIGIT * max(part.height, SMALL * height):
                spans.append((start, end, part, pieces[start][1] + pieces[end - 1][2]))
    images = np.array([image_of(part, sheet) for _, _, part, _ in spans])
    probabilities = judged(networks, images)
    best = [0.0] + [-math.inf] * len(pieces)
    last = [0] * (len(pieces) + 1)
    for number, (start, end, part, seam_costs) in enumerate(spans):
        goodness = best[start] + float(features(part, height, seam_costs, probabilities[number]) @ FEATURES)
        if goodness > best[end]:
            best[end], last[end] = goodness, number
    way, end = [], len(pieces)
    while end:
        start, _, part, _ = spans[last[end]]
        way.append((part, images[last[end]], probabilities[last[end]]))
        end = start
    return way[::-1]


def features(part: Part, height: float, seam_costs: float, probabilities: np.ndarray) -> np.ndarray:
    """What tells a digit from half a digit and from two: float [6]."""
    lenet5, ffnn, mean = np.maximum(probabilities[:, probabilities[2].argmax()], 0.03)
    width = part.width / max(part.height, SMALL * height)
    return np.array(
        [
            1,
            math.log(mean),
            max(0, 0.7 - part.height / height),
            max(0, width - 0.8),
            seam_costs,
            math.log(lenet5 * ffnn),
        ]
    )
