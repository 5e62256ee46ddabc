"""Sheets on cells: how dark each is, and which hold ink."""

import math
from typing import Literal, NamedTuple

import numpy as np

from model.normalize import GRID

CELLS = 60_000, 490_000  # on a sheet, at most: with a cell of one pixel, and with one of 3 x 3 or more
INK = 0.25  # of the strongest ink around: less is paper
PRINTED = 1.5  # grey levels by which a printed line darkens a cell of the normalization's grid, at least
RUN = 5  # cells in a row over which a line's darkness is averaged, against grain
MEANS = 3  # each of what exceeds the last one: the paper between the lines is left behind
DARKER = 1.3  # of the darkness of printed lines: what is darker where they run is ink,
CERTAIN = 0.6  # and so is what is darker than this share of the strongest ink around
CONTRAST = 6.0  # grey levels: if no ink is darker, the sheet is blank


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


def ink_of(
    sketch: np.ndarray,
    sign: float,
    paper: np.ndarray,
    found: np.ndarray,
    strength: np.ndarray,
    printed: np.ndarray,
    is_flat: bool,
) -> Sheet:
    """Find the cells of a sketch, uint8 [height, width], that hold ink.

    All else is what a model.normalize.Separation says of it: `sign` is 1 where ink is dark and -1 where it is light,
    `paper`, `found`, `strength` and `printed`, its lines, are float32 [GRID, GRID], and `is_flat` is whether the paper
    is quite even.
    """
    level = sign * sketch.astype(np.float32)
    height, width = level.shape
    small, large = (cell_side(height, width, count) for count in CELLS)
    cell = min(small, max(2, large))
    cells = means(level, cell)
    rows, columns = cells.shape
    darkest = -_around(-paper)  # at an edge of the sheet, what is beyond it is no ink
    y, x = ((2 * np.arange(n) + 1) * cell * GRID // (2 * side) for n, side in ((rows, height), (columns, width)))
    dark, near = darkest[y][:, x] - cells, _around(found > 0)
    ink = np.where(near[y][:, x], dark, 0)
    strongest = ink.max()
    least = INK * strongest * strength[y][:, x]
    if is_flat:  # a thin pen's ink may be weak, but what is as weak beside strong ink is its smooth edge
        least = np.maximum(least, INK * _around(ink, beyond="constant"))
    is_line = printed > PRINTED
    if is_line.any():
        darkness = DARKER * darkness_of_lines(dark, (is_line & ~_around(near))[y][:, x])
        least = np.where(_around(is_line)[y][:, x], np.clip(darkness, least, CERTAIN / INK * least), least)
    ink[(ink <= least) | (strongest < CONTRAST)] = 0
    return Sheet(level, paper, cell, ink, _around(np.where(near[y][:, x], 0, dark), beyond="constant"))


def cell_side(height: int, width: int, count: int) -> int:
    """Pixels a side of a cell, if there are to be at most about `count`."""
    return math.ceil(math.sqrt(height * width / count))


def means(level: np.ndarray, cell: int) -> np.ndarray:
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


def _around(values: np.ndarray, beyond: Literal["edge", "constant"] = "edge") -> np.ndarray:
    """The largest value in and around each cell, [rows, columns]. What is `beyond` is as at the edge, or 0."""
    rows, columns = values.shape
    around = np.pad(values, 1, mode=beyond)
    return np.max([around[y : y + rows, x : x + columns] for y in range(3) for x in range(3)], axis=0)
