"""Draw pen strokes as a sketch, the way a person draws on the page."""

import math
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

Drawing = list[np.ndarray]
"""Strokes, each float [points, 2]. x points right, y points down; the unit does not matter."""

CANVAS = 140  # pixels a side of a training sketch: half of the page's is sharp enough for 28 x 28
SIZE = 90  # pixels that the longer side of the pen's path takes on it
THINNEST, THICKEST = 0.03, 0.3  # brush widths as a share of SIZE: a pencil, and a thumb that draws a small digit


def draw(drawing: Drawing, brush: float, size: float, side: int = 280) -> Image.Image:
    """Draw in black on a white square of `side` pixels.

    The drawing is centred. The longer side of the pen's path is `size` pixels, and the round brush is `brush` pixels
    wide.
    """
    points = np.concatenate(drawing)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / max(float((high - low).max()), 1e-6)
    sketch = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(sketch)
    for stroke in drawing:
        path = [(x, y) for x, y in ((stroke - (low + high) / 2) * scale + side / 2).tolist()]
        pen.line(path, fill=0, width=round(brush), joint="curve")
        for x, y in (path[0], path[-1]):
            pen.circle((x, y), brush / 2, fill=0)
    return sketch


def draw_with_random_brushes(drawings: list[Drawing], random: np.random.Generator) -> Iterator[Image.Image]:
    """Draw each drawing on CANVAS x CANVAS pixels with a random brush, THINNEST to THICKEST."""
    brushes = SIZE * np.exp(random.uniform(math.log(THINNEST), math.log(THICKEST), len(drawings)))
    for drawing, brush in zip(drawings, brushes, strict=True):
        yield draw(drawing, brush, SIZE, CANVAS)
