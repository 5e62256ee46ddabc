"""Read what stands on a sheet: find the pieces of ink, put them in lines, cut digits that touch, ask the networks.

This is the plain reference of the graph in export/reader.onnx, which does the same with the operators of ONNX. The
steps:

0. Looks: light digits on dark canvases on a light page, as in a screenshot, are turned to dark ones first. Where it is
   unclear which side is ink, the sketch is looked at three times, each look is read, and the best one counts.
1. Cells: the sheet is averaged over square cells. A cell holds ink if it is clearly darker than the paper, and than
   printed lines, as model/normalize.py finds both.
2. Parts: cells of ink that touch each other, at a corner too, are one part. Where digits of two lines touch, the part
   is cut between the lines.
3. Lines: a tall part and the next one that stands beside it are in one line, so that a line may rise or fall. Small
   parts join the nearest line. Specks do not count, nor commas and other marks above or below it, strokes under,
   over or along several digits, frames, tables, and the combs of forms.
4. Groups: a small part above or below another belongs to it: the roof of a 5, the bar of a 7. So does what another
   surrounds: the dot or the slash in a 0.
5. The networks read each group. One that is alone is seen as model/normalize.py sees the sheet, unless that image holds
   other ink, so that the digit in it is small: an edge's end or a speck, which join no line. If the networks are not
   sure of a group, it and the next one may be one digit, such as a 4 whose strokes stand apart: they are joined if the
   networks are sure of both together. Or it may be several digits that touch. Then it is cut.
6. Cuts: the group is read as the best row of digits that seams from top to bottom leave of it (model/cuts.py). That
   counts if more speaks for a number than for a letter, a word or a zigzag.
7. If a piece is no digit and at most two are, but the networks are sure of the whole sheet as one digit, it is one: in
   a photograph, lines and edges may be left beside a digit.
8. Dots and other smears beside digits are left out, and ends of lines and edges that go on where no digit is near: the
   boxes of a form, the rim of a screen. A line of which half is digits is a number. On a sheet of which
   most is no digit, such as noise or a page of text, that takes a few digits: one is a chance resemblance.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from model import cuts
from model.cuts import ROWS, SMALL, Networks
from model.normalize import (
    BOX,
    CENTRE,
    CLEAR,
    GRID,
    PAGE,
    SIDE,
    Separation,
    averaged,
    look_again,
    separated,
)

CELLS = 60_000, 180_000  # on a sheet, at most: with a cell of one pixel, and with one of 3 x 3 or more
THIN = 3  # cells: frames, axes and letters are thinner than a canvas's margins
SMALLEST = 12  # cells: no canvas is lower or narrower
RING = 0.95, 0.65  # of a canvas's outermost cells are of its ground, or of one that is as large as another canvas,
FILLED = 0.4, 0.98  # and so much of all, at least and at most
ALIKE = 2.0  # cells, at most, by which the sides of canvases differ that are as large
INK = 0.25  # of the strongest ink around: less is paper
PRINTED = 1.5  # grey levels by which a printed line darkens a cell of the normalization's grid, at least
RUN = 5  # cells in a row over which a line's darkness is averaged, against grain
MEANS = 3  # each of what exceeds the last one: the paper between the lines is left behind
DARKER = 1.3  # times as dark as printed lines is ink where they run,
CERTAIN = 0.6  # or as dark as this share of the strongest ink around
CONTRAST = 6.0  # grey levels: if no ink is darker, the sheet is blank
PARTS = 128  # on a sheet, the largest ones
PIECES = 64  # on a sheet, at most
LOWEST = 0.04  # of the highest part: lower ones are specks, and tell nothing of the others
TALL = 0.4  # of the height that a quarter of the other parts exceed: lower parts make no line
HIGH = 1.5  # times that height: digits of two lines may touch in a higher part,
LIKE = 0.25  # beside two others of more than this share of its height: specks tell of no lines
BESIDE = 0.5  # of the height of the lower of two parts: if they share more, they are in one line
FLAT = 3.0  # times as wide as high: a part that is flatter, and no tall one, may be drawn under digits or between them,
RULE = 1.2  # times that height wide,
COMB = 0.3  # of its height: a higher part is drawn so, too, if its centre of mass is nearer to its top or bottom,
OVER_RULE = 2  # if as many tall parts lie over or under it with OVER of their width;
GAP = 0.08  # of that height: or so far under a tall part, and farther over the next one
TOWER = 2.5  # times that height: a stroke so high may be a margin, if TABLE holds for what stands beside it
FRAMED = 0.1, 0.25  # of its height: a part is the frame of tall parts that are as high inside it, and of all that are
WEIGHT = 0.15  # of its ink, if these have more together,
TABLE = 0.8, 0.05  # or if those of more than the second share of its height are together higher than the first;
SLASH = 0.4, 0.8  # but if it is higher than wide, a single part in it that is so high, as shares of its height,
STRAIGHT = 1.2  # times as long as a straight one at most, judged by its ink,
LEAN = 0.25  # and is at least so wide as a share of its own height, is the slash in a 0
SPECK = 0.2  # of its line's height: a smaller part is a speck
LOW_LINE = 0.3  # of the highest line: a lower line is specks
OVER = 0.6  # of the narrower part's width: if two parts share as much, one stands over the other,
HIGHEST = 1.48  # times their line's height, at most: a caption is farther away
ALONE = 1.2  # times its size: if the ink that the sheet's image holds is larger, that is more than the only group,
COARSE = 2.0  # if by more cells of the normalization's grid
INSIDE = 0.06  # of a part's height: what is as far inside its box on all sides belongs to it, if it may be a 0
NEAR = 0.3  # of their line's height: parts that are farther apart are no digit together
SURE = 0.9  # probability: what the networks read so surely is one digit, unless it is wider than any
WIDE = 1.5  # times its height: no digit is wider
TURNED = 0.98  # probability as which a clear look counts that has the ink on the other side, at least
PROBABLE = 0.5  # probability of the digit that counts
DIGITS = 0.5  # of a line's pieces: if fewer are digits, it is no number
SHEET = 0.3  # of a sheet's pieces: if fewer are digits, a line of less than FEW digits is no number either
FEW = 3
GOES_ON = 0.75  # of the mean of a part's ink: if ink beside it is so dark where no digit is near, the part goes on,
THIN_END = 0.4  # of its height: and is an end of a line or an edge if it is narrower, and a 1 or no digit,
END = 0.55, 1.25  # of the digits' mean height: or no digit, and lower or higher than these, or wider than any digit
TO_CUT = 32.0  # heights: if the groups of which the networks are unsure are wider, it is no number; nothing is cut
NARROW = 0.5  # of its height: a group that is narrower is not cut
WIDEST = 12.0  # times its height: a group that is wider is not cut
ONES = 2  # in a group that is cut: if they are more, and most of its digits, it is a zigzag

# Weights, in the order of cut(), of what tells a number from a letter, a word or a house; and, beside others of which
# the networks are mostly sure, from a wide digit. A cut counts if their sum is above 0. Fitted by logistic regression
# to the best ways through numbers of the writers for validation, and through letters, sheets without a number, and wide
# digits. The weights of sure neighbours and of 1s in the first row were set, so that few 1s are lost.
EVIDENCE = np.array([[0.52, 4.42, 7.27, 1.57, 1.44, -1.0, -6.37], [14.3, 2.5, 0.0, 1.3, -2.9, 0.0, -5.2]], np.float32)
MOSTLY = 0.5  # of the other groups

# Ink is compared with a filled rectangle, whose mass is 12 times the root of the determinant of its covariance.
SOLID = (0.95 * 12) ** 2  # times that determinant, of the mass's square: more is a smear
TINY = 12.0  # square pixels of the image: what strays less from its centre is a dot; every digit's ink strays 24
LONG = 8.41  # times the determinant, of the trace's square: longer ink is no smear, but a 1 with a thick pen

NUDGE = 2**-10  # of a cell: what lies on the edge of two falls to the same one, however a runtime rounds

POWERS = (np.arange(SIDE, dtype=np.float32)[:, None] - (SIDE - 1) / 2) ** np.arange(3, dtype=np.float32)
"""1, the distance from the middle and its square, of each row or column: [28, 3]. POWERS.T @ image @ POWERS are the
image's moments."""


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
    beyond: np.ndarray
    """How dark each cell or one beside it is that is near no digit, 0 if all are near: [rows, columns]."""


class Part:
    """Cells of ink that belong together. `cover` says how much of each cell is covered: at the border, less than all.

    Rows and columns are float32, as in the graph.
    """

    def __init__(self, y: np.ndarray, x: np.ndarray, ink: np.ndarray, cover: np.ndarray, goes_on: bool = False) -> None:
        self.y, self.x, self.ink, self.cover, self.goes_on = y, x, ink, cover, goes_on
        self.left, self.top = (x + 1 - cover).min(), (y + 1 - cover).min()  # float32, as in the graph
        self.right, self.bottom = (x + cover).max(), (y + cover).max()
        self.width, self.height = self.right - self.left, self.bottom - self.top
        self.size = max(self.width, self.height)

    @property
    def box(self) -> np.ndarray:
        """Left, top, right and bottom."""
        return np.array([self.left, self.top, self.right, self.bottom], np.float32)

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of mass: y and x."""
        return float(np.average(self.y + 0.5, weights=self.ink)), float(np.average(self.x + 0.5, weights=self.ink))


def union(parts: list[Part]) -> Part:
    y, x, ink, cover = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "x", "ink", "cover"))
    return Part(y, x, ink, cover, any(part.goes_on for part in parts))


def read(sketch: np.ndarray, networks: Networks) -> Reading:
    """Read a sketch, uint8 [height, width], 8 x 8 to 2,048 x 2,048, dark on light or light on dark."""
    sketches = averaged(sketch[None])
    if np.any(sketches.pages):
        sketch = without_canvases(sketch)
        sketches = averaged(sketch[None])
    first = separated(sketches)
    if not np.any(first.unclear):
        return _read(sketch, first, networks)
    again = look_again(first)
    looks = [first, *(Separation(*(each[i : i + 1] for each in again)) for i in range(2))]
    readings = [_read(sketch, look, networks) for look in looks]
    return readings[_best(looks, readings, networks)]


def _best(looks: list[Separation], readings: list[Reading], networks: Networks) -> int:
    """Choose a look at a sketch that is unclear.

    It is the look of whose image as one digit the networks are surest. As a page is no digit, a clear look counts as
    sure: that with the ink on the other side, or else the first of a photograph, and the last of a drawing. What a
    scribble leaves free may look like a digit: at a drawing, the other side counts only if it is clear and they are
    sure of it. But if one look at a photograph shows a few more digits than that, it is a page.
    """
    images = [_surely(networks, np.asarray(look.image)) for look in looks]
    sure = list(images)
    other, same = (not np.any(look.unclear) for look in looks[1:])
    is_drawn = np.any(np.asarray(looks[0].unclear) > 1)
    if is_drawn:
        sure[1:] = sure[1] if other and sure[1] > SURE else 0, SURE if same else 0
    else:
        sure[0], sure[1] = max(sure[0], SURE if same else 0), max(sure[1], TURNED if other else 0)
    surest = int(np.argmax(sure))
    gains = [int(np.sum(np.where(reading.digits < 0, -2, 1))) for reading in readings]
    most = int(np.argmax(gains))
    more = FEW if max(images) < SURE else 2 * FEW
    return most if not is_drawn and gains[most] >= max(gains[surest], 0) + more else surest


def without_canvases(sketch: np.ndarray) -> np.ndarray:
    """Turn canvases on a page, as a screenshot shows them, to its side: their ground to paper, light ink to dark.

    A canvas is a rectangle of the other side's level, full along its edges, with some of the page's level inside.
    """
    level = sketch.astype(np.float32)
    height, width = level.shape
    cell = _cell(height, width, CELLS[0])
    cells = _means(level, cell)
    border = np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]])
    least, most = cells.min(), cells.max()
    page, ground = (most, least) if 2 * border.mean() > least + most else (least, most)
    contrast = most - least
    if contrast < CONTRAST or np.mean(np.abs(border - page) < PAGE * contrast) < CLEAR:
        return sketch
    window = (THIN, THIN)
    other = np.pad(np.abs(cells - page) > contrast / 2, THIN // 2)
    inside = np.pad(sliding_window_view(other, window).all(axis=(2, 3)), THIN // 2)
    inner, outer = np.zeros(sketch.shape, bool), np.zeros(sketch.shape, bool)
    full = np.asarray(sliding_window_view(inside, window).any(axis=(2, 3)), np.float32)
    parts = parts_of(full, 0 * full)
    parts = [part for part in parts if min(part.width, part.height) >= SMALLEST]
    parts = [part for part in parts if FILLED[0] < len(part.y) / (part.width * part.height) < FILLED[1]]
    canvases = [part for part in parts if _ring(part) >= RING[0]]
    for part in parts:
        alike = [c for c in canvases if max(abs(part.width - c.width), abs(part.height - c.height)) <= ALIKE]
        if alike and _ring(part) >= RING[1]:
            left, top, right, bottom = part.box.astype(int)
            inner[(top + 1) * cell : (bottom - 1) * cell, (left + 1) * cell : (right - 1) * cell] = True
            outer[max(0, top - 1) * cell : (bottom + 1) * cell, max(0, left - 1) * cell : (right + 1) * cell] = True
    turned = np.clip(np.rint(page + ground) - level, 0, 255)
    return np.where(inner, turned, np.where(outer, np.rint(page), level))


def _ring(part: Part) -> float:
    """The share of the outermost cells of its box that a part fills."""
    edge = (part.x == part.left) | (part.x == part.right - 1) | (part.y == part.top) | (part.y == part.bottom - 1)
    return float(edge.sum() / (2 * (part.width + part.height) - 4))


def _read(sketch: np.ndarray, separation: Separation, networks: Networks) -> Reading:
    """Read what one look at a sketch shows."""
    image, step, sign, paper, found, strength, printed, flat = (np.asarray(each)[0] for each in separation[:8])
    sheet = ink_of(sketch, float(sign.squeeze()), paper, found, strength, printed, bool(flat > 0))
    lines = lines_of(parts_in_lines(sheet.ink, sheet.beyond)) if image.any() else []
    groups = [group for line in lines for group in line]
    around = BOX * step - COARSE / GRID * max(sketch.shape)
    has_all = len(groups) == 1 and len(groups[0].y) == np.count_nonzero(sheet.ink)
    if has_all and around <= ALONE * sheet.cell * groups[0].size:
        seen = image[None]
    else:
        seen = np.array([image_of(group, sheet) for group in groups]).reshape(-1, SIDE, SIDE)
    probabilities = judged(networks, seen)
    heights_of_lines = [max(group.height for group in line) for line in lines]
    lines, seen, probabilities = joined(lines, seen, probabilities, sheet, networks)
    groups = [group for line in lines for group in line]
    sure = probabilities[:, 2].max(axis=1, initial=0)
    heights = [height for line, height in zip(lines, heights_of_lines, strict=True) for _ in line]
    doubtful = [
        may_be_cut(group, height) and (p < SURE or group.width > WIDE * group.height)
        for group, height, p in zip(groups, heights, sure, strict=True)
    ]
    if sum(group.width / group.height for group, d in zip(groups, doubtful, strict=True) if d) > TO_CUT:
        doubtful = [False] * len(groups)

    entries: list[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]] = []
    ends: list[bool] = []
    number = 0
    for row, line in enumerate(lines):
        for group in line:
            beside = np.delete(sure, number) > SURE
            digits = cut(group, heights[number], sure[number], beside, sheet, networks) if doubtful[number] else []
            pieces = digits or [(group.box, seen[number], probabilities[number])]
            number += 1
            entries += [(digit(image, p), row, box, image, p) for box, image, p in pieces]
            ends += [group.goes_on] * len(pieces)
    if sum(answer[2].max() > PROBABLE for *_, answer in entries) < min(FEW, len(entries)):
        answer = judged(networks, image[None])[0]
        if answer[2].max() > SURE:  # part of a digit, or what is beside it, was taken for another
            entries, ends = [(digit(image, answer), 0, union(groups).box, image, answer)], [False]
    entries = _without_leavings(entries, np.array(ends, bool))
    counted = _in_numbers(*(np.array([entry[i] for entry in entries], np.int64) for i in (0, 1)))
    return _reading(counted[:PIECES], entries[:PIECES], sheet.cell)


def _without_leavings(
    entries: list[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]], goes_on: np.ndarray
) -> list[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]]:
    """Leave out smears beside digits, and ends of what goes on where no digit is near, [count]."""
    digits = np.array([digit for digit, *_ in entries], int)
    wide, high = np.array([box[2:] - box[:2] for _, _, box, *_ in entries], np.float32).reshape(-1, 2).T
    mean = high[digits >= 0].mean() if np.any(digits >= 0) else 0.0
    is_end = (wide < THIN_END * high) & ((digits == 1) | (digits < 0))
    is_end |= (digits < 0) & ((high < END[0] * mean) | (high > END[1] * mean) | (wide > WIDE * high))
    is_end &= goes_on
    if not np.any((digits >= 0) & ~is_end):
        return entries
    return [entry for entry, end in zip(entries, is_end, strict=True) if not end and not is_smear(entry[3])]


def _surely(networks: Networks, images: np.ndarray) -> float:
    """How sure the networks are of an image [1, 28, 28] as a digit."""
    answer = judged(networks, images)[0]
    return 0.0 if digit(images[0], answer) < 0 else float(answer[2].max())


def _in_numbers(digits: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Replace `digits` that are in no number by -1. `rows` are their lines, [count] each."""
    same = (rows[:, None] == rows).astype(int)
    counts = digits >= 0
    counts &= same @ counts >= DIGITS * same.sum(axis=1)
    counts &= (counts.sum() >= SHEET * len(digits)) | (same @ counts >= FEW)
    return np.where(counts, digits, -1)


def _reading(
    digits: np.ndarray, found: list[tuple[int, int, np.ndarray, np.ndarray, np.ndarray]], cell: int
) -> Reading:
    probabilities = np.array([p for *_, p in found], np.float32).reshape(-1, 3, 10)
    return Reading(
        digits,
        np.array([row for _, row, *_ in found], np.int64),
        probabilities[:, 2].max(axis=1, initial=0),
        cell * np.array([box for *_, box, _, _ in found], np.float32).reshape(-1, 4),
        probabilities,
        np.array([image for *_, image, _ in found], np.float32).reshape(-1, SIDE, SIDE),
    )


def digit(image: np.ndarray, answer: np.ndarray) -> int:
    """The digit that an image shows after the networks' answer [3, 10], or -1."""
    return -1 if answer[2].max() <= PROBABLE or is_smear(image) else int(answer[2].argmax())


def is_smear(image: np.ndarray) -> bool:
    """Whether ink has no form but its outline's: it is a dot, or as dense as a filled rectangle, and not long."""
    (mass, x, xx), (y, yx, _), (yy, _, _) = POWERS.T @ image @ POWERS
    yy, xx, yx = mass * yy - y * y, mass * xx - x * x, mass * yx - y * x  # the covariance times the mass's square
    determinant = yy * xx - yx * yx
    is_dense = mass**6 > SOLID * determinant and (yy + xx) ** 2 < LONG * determinant
    return bool(is_dense or yy + xx < TINY * mass**2)


def judged(networks: Networks, images: np.ndarray) -> np.ndarray:
    """Ask both networks: probabilities float32 [count, 3, 10], LeNet5's, FFNN's, and their mean."""
    return with_mean(networks(images)) if len(images) else np.zeros((0, 3, 10), np.float32)


def with_mean(both: np.ndarray) -> np.ndarray:
    """The answers of both networks [count, 2, 10], and their mean: [count, 3, 10]."""
    return np.concatenate([both, both.mean(axis=1, keepdims=True)], axis=1)


def ink_of(
    sketch: np.ndarray,
    sign: float,
    paper: np.ndarray,
    found: np.ndarray,
    strength: np.ndarray,
    printed: np.ndarray,
    is_flat: bool,
) -> Sheet:
    """Find the cells that hold ink."""
    level = sign * sketch.astype(np.float32)
    height, width = level.shape
    small, large = (_cell(height, width, count) for count in CELLS)
    cell = min(small, max(2, large))
    cells = _means(level, cell)
    rows, columns = cells.shape
    darkest = -_around(-paper)  # at an edge of the sheet, what is beyond it is no ink
    y, x = ((2 * np.arange(n) + 1) * cell * GRID // (2 * side) for n, side in ((rows, height), (columns, width)))
    dark, near = darkest[y][:, x] - cells, _around(found > 0)
    ink = np.where(near[y][:, x], dark, 0)
    strongest = ink.max()
    least = INK * strongest * strength[y][:, x]
    if is_flat:  # a thin pen's ink may be weak, but what is as weak beside strong ink is its smooth edge
        least = np.maximum(least, INK * _beside(ink))
    is_line = printed > PRINTED
    if is_line.any():
        darkness = DARKER * darkness_of_lines(dark, (is_line & ~_around(near))[y][:, x])
        least = np.where(_around(is_line)[y][:, x], np.clip(darkness, least, CERTAIN / INK * least), least)
    ink[(ink <= least) | (strongest < CONTRAST)] = 0
    return Sheet(level, paper, cell, ink, _beside(np.where(near[y][:, x], 0, dark)))


def _cell(height: int, width: int, count: int) -> int:
    """Pixels a side of a cell, if there are to be at most about `count`."""
    return math.ceil(math.sqrt(height * width / count))


def _means(level: np.ndarray, cell: int) -> np.ndarray:
    """Mean level of each cell, [rows, columns]."""
    rows, columns = (side // cell for side in level.shape)
    return level[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell).mean(axis=(1, 3))


def darkness_of_lines(dark: np.ndarray, away: np.ndarray) -> float:
    """How dark printed lines are at their darkest. `away` from digits are cells, [rows, columns], that a line is near.

    `dark` is how much darker than the paper each cell is. Along a line many cells in a row are dark, unlike grain.
    """
    runs = np.maximum(_mean_of_run(dark), _mean_of_run(dark.T).T)[away]
    for _ in range(MEANS - 1):
        runs = runs[runs >= runs.mean()] if len(runs) else runs
    return float(runs.mean()) if len(runs) else 0.0


def _mean_of_run(dark: np.ndarray) -> np.ndarray:
    padded = np.pad(dark, ((RUN // 2, RUN // 2), (0, 0)))
    return np.mean([padded[start : start + len(dark)] for start in range(RUN)], axis=0)


def _beside(cells: np.ndarray) -> np.ndarray:
    """The largest value in and beside each cell, [rows, columns]."""
    rows, columns = cells.shape
    padded = np.pad(cells, 1)
    return np.max([padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)], axis=0)


def _around(grid: np.ndarray) -> np.ndarray:
    """The largest value in and around each cell of [GRID, GRID]."""
    around = np.pad(grid, 1, mode="edge")
    return np.max([around[y : y + GRID, x : x + GRID] for y in range(3) for x in range(3)], axis=0)


def parts_of(ink: np.ndarray, beyond: np.ndarray) -> list[Part]:
    """Find the largest parts, in the order of their size: cells that touch, at a corner too.

    One goes on where no digit is near if ink `beyond` is as dark there: the line of a form, the edge of a sheet.
    """
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
        goes_on = beyond[ink > 0][mine].max() > GOES_ON * level[mine].mean()
        parts.append(Part(y, x, level[mine], level[mine] / level[mine].max(), bool(goes_on)))
    return sorted(parts, key=lambda part: -part.size)[:PARTS]


def parts_in_lines(ink: np.ndarray, beyond: np.ndarray) -> list[Part]:
    """Find the largest parts. One in which digits of two lines touch is cut: it loses a row of cells between them."""
    parts = without_rules(parts_of(ink, beyond))
    rows = [(part, row) for part, row in zip(parts, rows_between_lines(parts), strict=True) if row >= 0]
    if not rows:
        return parts
    ink = ink.copy()
    for part, row in rows:
        ink[row, part.x[part.y == row].astype(int)] = 0
    return without_rules(parts_of(ink, beyond))


def rows_between_lines(parts: list[Part]) -> list[int]:
    """The row of cells in which each part is to be cut, or -1.

    It is between the parts of both lines that are nearest: beside the part to be cut, but one above the other.
    """
    tall = _tall(parts)
    rows = []
    for part in parts:
        similar = [other for other in tall if other is not part and other.height > LIKE * part.height]
        beside = [other for other in similar if _are_beside(part, other)]
        upper = [a for a in beside if any(a.bottom <= b.top for b in beside)]
        lower = [b for b in beside if any(a.bottom <= b.top for a in beside)]
        if upper and part.height > HIGH * _usual_height(parts):
            above, below = (min(side, key=lambda other: _gap(part, other)) for side in (upper, lower))
            rows.append(int((above.bottom + below.top) / 2))
        else:
            rows.append(-1)
    return rows


def _gap(a: Part, b: Part) -> float:
    return max(-_shared(a.left, a.right, b.left, b.right), 0.0)


def _usual_height(parts: list[Part]) -> float:
    """The height that a quarter of the parts exceed, without the lowest; 0 without parts."""
    if not parts:
        return 0.0
    heights = np.sort([part.height for part in parts])[::-1]
    heights = heights[heights >= LOWEST * heights[0]]
    return float(heights[len(heights) // 4])


def _tall(parts: list[Part]) -> list[Part]:
    least = TALL * _usual_height(parts)
    return [part for part in parts if part.height >= least]


def without_rules(parts: list[Part]) -> list[Part]:
    """Leave out strokes under, over or along several digits, and frames and tables around digits."""
    if not parts:
        return parts
    usual, tall = _usual_height(parts), _tall(parts)

    def is_rule(part: Part) -> bool:
        if part.width < FLAT * part.height or (part.height >= TALL * usual and not is_comb(part)):
            return False
        others = [each for each in tall if each is not part]
        shared = [each for each in others if _shared(part.left, part.right, each.left, each.right) >= OVER * each.width]
        above = min((part.top - each.bottom for each in shared if each.bottom < part.top), default=np.inf)
        below = min((each.top - part.bottom for each in shared if part.bottom < each.top), default=np.inf)
        return GAP * usual <= above < below or (part.width >= RULE * usual and len(shared) >= OVER_RULE)

    def is_comb(part: Part) -> bool:
        down = (part.middle[0] - part.top) / part.height
        return not COMB <= down <= 1 - COMB

    def is_margin(part: Part) -> bool:
        beside = [
            each.height
            for each in tall
            if _shared(part.top, part.bottom, each.top, each.bottom) >= OVER * each.height
            and HIGH * each.height < part.height
        ]
        return bool(part.height >= max(TOWER * usual, FLAT * part.width) and sum(beside) > TABLE[0] * part.height)

    def is_frame(part: Part) -> bool:
        least = np.clip(TALL * usual, FRAMED[0] * part.height, FRAMED[1] * part.height)
        framed = [each for each in parts if _margin(each, part) > 0 and each.height >= least]
        share = sum(each.ink.sum() for each in framed) / part.ink.sum()
        is_slash = (
            len(framed) == 1
            and part.width < part.height
            and SLASH[0] * part.height <= framed[0].height < SLASH[1] * part.height
            and share * np.pi / 2 * (part.width + part.height) < STRAIGHT * np.hypot(framed[0].width, framed[0].height)
            and framed[0].width >= LEAN * framed[0].height
        )
        small = [each.height for each in parts if _margin(each, part) > 0 and each.height >= TABLE[1] * part.height]
        return bool(share > WEIGHT or sum(small) > TABLE[0] * part.height) and not is_slash

    return [part for part in parts if not is_rule(part) and not is_margin(part) and not is_frame(part)]


def _follow(tall: list[Part]) -> np.ndarray:
    """Whether one of two tall parts is the nearest to the left or to the right that stands beside the other, [n, n].

    Whether parts that are farther away stand beside it says nothing: lines may rise or fall.
    """
    middle, number = np.array([part.left + part.right for part in tall]), np.arange(len(tall))
    later = (middle > middle[:, None]) | ((middle == middle[:, None]) & (number > number[:, None]))
    beside = np.array([[_are_beside(a, b) for b in tall] for a in tall])
    gap = np.where(later & beside, middle - middle[:, None], np.inf)
    follows = (gap < np.inf) & ((gap == gap.min(axis=0)) | (gap == gap.min(axis=1, keepdims=True)))
    return follows | follows.T


def _are_beside(a: Part, b: Part) -> bool:
    return bool(_shared(a.top, a.bottom, b.top, b.bottom) > BESIDE * min(a.height, b.height))


def lines_of(parts: list[Part]) -> list[list[Part]]:
    """Put parts in lines, and join those that make up one digit. Lines from the top, digits from the left."""
    if not parts:
        return []
    tall = _tall(parts)
    follows = _follow(tall)
    place = {id(part): number for number, part in enumerate(tall)}
    lines = closed(tall, lambda a, b: bool(follows[place[id(a)], place[id(b)]]))
    heights = [max(part.height for part in line) for line in lines]
    home = {id(part): number for number, line in enumerate(lines) for part in line}
    marks = []
    for part in parts:
        if id(part) not in home:
            nearest = min(tall, key=lambda other: _distance(part, other))
            home[id(part)] = home[id(nearest)]
            if 2 * part.top > nearest.top + nearest.bottom or part.bottom <= nearest.top:
                marks.append(id(part))
    found = []
    for number, height in enumerate(heights):
        if height < LOW_LINE * max(heights):
            continue
        line = [part for part in parts if home[id(part)] == number and part.size >= SPECK * height]

        def belong(a: Part, b: Part, height: float = height) -> bool:
            shared = _shared(a.left, a.right, b.left, b.right)
            is_over = min(a.height, b.height) < SMALL * height and shared >= OVER * min(a.width, b.width)
            is_over &= max(a.bottom, b.bottom) - min(a.top, b.top) <= HIGHEST * height and a.goes_on == b.goes_on
            return is_over or _is_inside(a, b) or _is_inside(b, a)

        classes = closed(line, belong)
        groups = [union(group) for group in classes if len(group) > 1 or id(group[0]) not in marks]
        found.append(sorted(groups, key=lambda group: group.middle[1]))
    return sorted(found, key=lambda line: float(np.mean([group.top + group.bottom for group in line])))


def _shared(start: float, end: float, other_start: float, other_end: float) -> float:
    return min(end, other_end) - max(start, other_start)


def _margin(part: Part, ring: Part) -> float:
    """How far the box of a part is inside that of another, at least, on all sides."""
    return min(part.left - ring.left, ring.right - part.right, part.top - ring.top, ring.bottom - part.bottom)


def _is_inside(part: Part, ring: Part) -> bool:
    return bool(ring.width < ring.height and _margin(part, ring) > INSIDE * ring.height)


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


def joined(
    lines: list[list[Part]], seen: np.ndarray, probabilities: np.ndarray, sheet: Sheet, networks: Networks
) -> tuple[list[list[Part]], np.ndarray, np.ndarray]:
    """Join neighbours of which one is not surely a digit, if they are surely one together: the strokes of a 4.

    `seen` and `probabilities` are those of all groups, [count, 28, 28] and [count, 3, 10]. Returns the same for those
    that remain.
    """
    sure = probabilities[:, 2].max(axis=1, initial=0)
    unions = {}
    number = 0
    for line in lines:
        height = max(group.height for group in line)
        for i, (a, b) in enumerate(pairwise(line), number):
            both = union([a, b])
            is_near = -_shared(a.left, a.right, b.left, b.right) <= NEAR * height
            may_be_one = both.width <= WIDE * both.height and both.height <= HIGHEST * height
            if is_near and may_be_one and min(sure[i : i + 2]) < SURE:
                unions[i] = both
        number += len(line)
    if not unions:
        return lines, seen, probabilities
    images = np.array([image_of(both, sheet) for both in unions.values()])
    answers = judged(networks, images)
    surely = np.zeros(len(seen) + 1)
    surely[[*unions]] = [a[2].max() if digit(i, a) >= 0 else 0 for i, a in zip(images, answers, strict=True)]
    found = {
        i: (image, answer)
        for i, image, answer in zip(unions, images, answers, strict=True)
        if surely[i] > SURE and surely[i - 1] < surely[i] >= surely[i + 1]
    }
    for i, (image, answer) in found.items():
        seen[i], probabilities[i] = image, answer
    number = 0
    left: list[list[Part]] = []
    for line in lines:
        numbered = enumerate(line, number)
        left.append([unions[i] if i in found else group for i, group in numbered if i - 1 not in found])
        number += len(line)
    kept = [i for i in range(number) if i - 1 not in found]
    return left, seen[kept], probabilities[kept]


def image_of(part: Part, sheet: Sheet) -> np.ndarray:
    """Normalize a part to what the networks see, float32 [28, 28], as model/normalize.py does a whole sheet."""
    step = max(part.size, 0.1) * sheet.cell / BOX
    y, x = (sheet.cell * middle for middle in part.middle)
    edges = step * (np.arange(SIDE + 1) - CENTRE)
    own = np.zeros((SIDE, SIDE), bool)
    at = np.floor((np.stack([part.y, part.x]) + 0.5) * sheet.cell / step - [[y / step], [x / step]] + CENTRE + NUDGE)
    at = at.astype(int)[:, ((at >= 0) & (at < SIDE)).all(axis=0)]
    own[at[0], at[1]] = True
    image = _darkness(sheet, y + edges, x + edges) * _and_around(own)
    return (image / max(image.max(), 1e-6)).astype(np.float32)


def _darkness(sheet: Sheet, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """How much darker than the paper the sheet is between the edges `down` and `across`, [rows, columns]."""
    rows, columns = (_overlaps(edges, side) for edges, side in zip((down, across), sheet.level.shape, strict=True))
    y, x = (
        np.clip(((edges[:-1] + edges[1:]) / 2 * GRID / side + NUDGE).astype(int), 0, GRID - 1)
        for edges, side in zip((down, across), sheet.level.shape, strict=True)
    )
    covered = rows.sum(axis=1)[:, None] * columns.sum(axis=1)
    return np.maximum(sheet.paper[y][:, x] * covered - rows @ sheet.level @ columns.T, 0)


def _overlaps(edges: np.ndarray, length: int) -> np.ndarray:
    """Overlap of each interval between two edges with each pixel, [intervals, length]."""
    return np.diff(np.clip(edges[:, None] - np.arange(length), 0, 1), axis=0)


def _and_around(inside: np.ndarray) -> np.ndarray:
    """Some pixels and those that touch them, [rows, columns]."""
    height, width = inside.shape
    padded = np.pad(inside, 1)
    return np.any([padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0)


def may_be_cut(group: Part, height: float) -> bool:
    """Whether a group in a line of this height has the form of several digits that touch."""
    return NARROW * group.height < group.width < WIDEST * group.height and group.height > SMALL * height


def cut(
    group: Part, height: float, sure: float, beside: np.ndarray, sheet: Sheet, networks: Networks
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Cut a group into digits. Returns the box, the image and the probabilities of each, from the left; none if it is
    not certain that there are several.

    `height` is its line's, `sure` how sure the networks are of it as one digit, `beside` of which other groups they are
    sure.
    """
    ink, filled = on_grid(group, sheet)
    unit = group.height / ROWS
    spans, images, both, goodness = cuts.digits_of(ink, filled, height / unit, networks)
    if len(images) < 2:
        return []
    answers = with_mean(both)
    least = answers[:, 2].max(axis=1).min()
    ones = np.sum(answers[:, 2].argmax(axis=1) == 1)
    surely = np.mean(beside) if len(beside) else 0
    evidence = [
        np.log(least),
        group.width / group.height,
        surely,
        goodness.mean(),
        np.log(max(sure, 0.03)),
        ones / len(images),  # half a letter often looks like a 1
        1,
    ]
    weights = EVIDENCE[int(surely >= MOSTLY)]
    if least <= PROBABLE or ones > max(ONES, len(images) / 2) or evidence @ weights <= 0:
        return []
    boxes = np.stack([spans.left - 1, spans.top, spans.right - 1, spans.bottom], axis=1) * unit
    boxes += [group.left, group.top] * 2
    return list(zip(boxes, images, answers, strict=True))


def on_grid(group: Part, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Lay a group on a grid of ROWS rows between two empty columns.

    Returns how dark each cell of the grid is, 0 to 1, and 1 where it holds ink of the group, else 0, [ROWS, columns]
    each.
    """
    unit = group.height / np.float32(ROWS)  # float32, as in the graph
    down = group.top + unit * np.arange(ROWS + 1, dtype=np.float32)
    across = group.left + unit * np.arange(-1, int(group.width / unit + NUDGE) + 2, dtype=np.float32)
    own = np.zeros(sheet.ink.shape, np.float32)
    own[group.y.astype(int), group.x.astype(int)] = 1
    middles = ((edges[:-1] + unit / 2 + NUDGE).astype(int) for edges in (down, across))
    y, x = (np.clip(middle, 0, size - 1) for middle, size in zip(middles, sheet.ink.shape, strict=True))
    filled = own[y][:, x]
    filled[:, [0, -1]] = 0
    ink = _darkness(sheet, sheet.cell * down, sheet.cell * across) * _and_around(filled > 0)
    return ink / max(ink.max(), 1e-6), filled
