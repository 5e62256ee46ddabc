"""Canvases on a page, as in a screenshot."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from model.normalize import CLEAR, PAGE
from model.reader.connecting import Part, parts_of
from model.reader.shading import CELLS, CONTRAST, cell_side, means

THIN = 3  # cells: frames, axes and letters are thinner than a canvas's margins
SMALLEST = 12  # cells: no canvas is lower or narrower
RING = 0.95, 0.65  # of a canvas's outermost cells: so many are of its ground, or of one that is as large as another
FILLED = 0.4, 0.98  # of all its cells: as many are of its ground at least, and at most
ALIKE = 2.0  # cells: by as much at most the sides of canvases differ that are as large


def without_canvases(sketch: np.ndarray) -> np.ndarray:
    """Turn canvases on a page, as a screenshot shows them, to its side: their ground to paper, light ink to dark.

    A canvas is a rectangle of the other side's level, full along its edges, with some of the page's level inside. Takes
    and returns grey levels [height, width]; without a canvas, the same.
    """
    level = sketch.astype(np.float32)
    height, width = level.shape
    cell = cell_side(height, width, CELLS[0])
    cells = means(level, cell)
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
