"""Normalize a sketch to the image that the networks see, the way MNIST itself was made.

MNIST's digits were scaled to fit 20 x 20 pixels with their aspect kept, antialiased, and placed in 28 x 28 by their
centre of mass (LeCun, Bottou, Bengio, Haffner 1998, section III A). Two small matrices do all of this. Pixel i of the
image covers an interval of the sketch's axis, and row i of the matrix holds the overlaps of that interval with the
sketch's pixels. So `rows @ ink @ columns` crops, scales, antialiases and centres at once, in operators that every
runtime has.

Ink is what stands out from the paper. On a canvas the paper has one grey level. In a photograph it is lit unevenly and
has grain. So the paper is a curved surface, fitted to the border of the sketch. Ink lies on one side of it, lighter or
darker, and farther away than the paper's own grain reaches on the other side.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from PIL import Image

SIDE = 28  # pixels of the image
BOX = 20  # pixels that the longer side of the ink takes
CENTRE = 14.5  # MNIST moved the centre of mass into pixel 14, by whole pixels: on average, to the middle of it

CONTRAST = 19.5  # grey levels of 255: if no ink differs more from the paper, the sheet is blank
FAINTEST = 101 / 510  # of the strongest ink: less is paper. No two grey levels have this ratio, so no tie can occur
GRAIN = 1.2  # times the grain of the paper: less is paper
ABOVE_GRAIN = 1.6  # times the grain: if no ink is stronger, the sheet is blank

CELLS = 8  # along each edge of the sketch; the paper is measured in them
EDGE = 1 / 64  # depth of a cell, as a share of the sketch's height or width
INKED = 9  # of the 32 cells may hold ink and still do not count as paper
TOLERANCE = 1.5  # times the deviation of the other cells from the median: cells beyond that are clipped to it

KNOTS = np.linspace(0, 1, CELLS + 2, dtype=np.float32)[:, None]  # one edge, the middle of each cell, the other edge
REACH = np.array([EDGE, *[1 / (CELLS + 1)] * CELLS, EDGE], np.float32)[
    :, None
]  # how far each knot reaches to either side
_y, _x = np.divmod(np.arange(len(KNOTS) ** 2), len(KNOTS))
BORDER = np.flatnonzero((_y % (CELLS + 1) == 0) != (_x % (CELLS + 1) == 0)).astype(
    np.int32
)  # indices of the 32 border cells among all 100


def _curves(z: Any) -> Any:
    """Compute z², z (z - 1) and (z - 1)², a basis of all curves of second degree: [..., 1, n] -> [..., 3, n]."""
    return (z - np.array([[0], [0], [1]], np.float32)) * (z - np.array([[0], [1], [1]], np.float32))


def _fit() -> np.ndarray:
    """Least-squares fit of a surface a + by + cx + dy² + exy + fx² to the levels of the border: a matrix [32, 9].

    The surface is given as 3 x 3 weights of `_curves` along y times `_curves` along x.
    """
    y, x = KNOTS[_y, 0].astype(float), KNOTS[_x, 0].astype(float)
    surfaces = np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], axis=1)  # [100, 6]
    products = np.kron(_curves(KNOTS.T), _curves(KNOTS.T)).T  # [100, 9]
    return (np.linalg.lstsq(products, surfaces)[0] @ np.linalg.pinv(surfaces[BORDER])).T.astype(np.float32)


FIT = _fit()


def normalize(sketch: Any) -> Any:
    """Normalize sketches to the images that the networks see.

    `sketch` is uint8 [batch, height, width], 8 x 8 to 2,048 x 2,048, drawn or photographed, dark on light or light on
    dark. Returns float32 [batch, 28, 28]: paper 0, the strongest ink 1. A blank sketch gives a blank image.
    """
    level = ops.cast(sketch, "float32")
    down, across = _transpose(_ones(level, axis=2)), _ones(level, axis=1)  # [batch, 1, height], [batch, 1, width]
    y, x = ops.cumsum(down, axis=2), ops.cumsum(across, axis=2)  # 1, 2, 3 ...
    ink = _ink(level - _paper(level, y, x))

    mass_y, mass_x = _transpose(ops.sum(ink, axis=2, keepdims=True)), ops.matmul(down, ink)
    (top, bottom), (left, right) = _extent(mass_y, y), _extent(mass_x, x)
    y, x = y - top, x - left  # small numbers keep float32 exact on a large sketch
    mass = ops.maximum(ops.sum(mass_x, axis=2, keepdims=True), 1e-6)
    step = ops.maximum(ops.maximum(bottom - top, right - left) + 1, 1.0) / BOX
    rows = _overlaps(y - ops.matmul(mass_y, _transpose(y)) / mass, step)
    columns = _overlaps(x - ops.matmul(mass_x, _transpose(x)) / mass, step)

    image = ops.matmul(rows, ops.matmul(ink, _transpose(columns)))
    return image / ops.maximum(_max(image), 1e-6)


_normalize_graph = tf.function(normalize, reduce_retracing=True)


def normalize_all(sketches: Iterator[Image.Image], count: int, batch_size: int = 100) -> np.ndarray:
    """Normalize `count` sketches of one size in batches: uint8 [count, 28, 28], ink 255 on paper 0."""
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, batch_size):
        batch = np.stack([np.asarray(next(sketches)) for _ in range(min(batch_size, count - start))])
        images[start : start + len(batch)] = np.rint(_normalize_graph(batch).numpy() * 255)
    return images


def _ones(level: Any, axis: int) -> Any:
    """Give 1 for each row or column. Their cumulative sum counts them without Shape and Range, which tract refuses."""
    return ops.take(level, np.zeros(1, np.int32), axis=axis) * 0 + 1


def _paper(level: Any, y: Any, x: Any) -> Any:
    """Fit the grey level of the paper to the border: a surface of second degree, [batch, height, width]."""
    height, width = _max(y), _max(x)
    z_y, z_x = (y - 0.5) / height, (x - 0.5) / width
    at_y, at_x = _near_knots(y, height), _near_knots(x, width)
    levels = ops.matmul(at_y, ops.matmul(level, _transpose(at_x)))  # [batch, 10, 10], sums of weighted levels
    weights = ops.matmul(ops.sum(at_y, axis=2, keepdims=True), _transpose(ops.sum(at_x, axis=2, keepdims=True)))
    cells = ops.reshape(levels / weights, (-1, len(KNOTS) ** 2))
    border = ops.take(cells, BORDER, axis=1)  # [batch, 32]

    middle = _least_of_largest(border, len(BORDER) // 2)
    near = TOLERANCE * _least_of_largest(ops.abs(border - middle), INKED + 1)
    border = ops.maximum(ops.minimum(border, middle + near), middle - near)
    surface = ops.reshape(ops.matmul(border, FIT), (-1, 3, 3))
    return ops.matmul(_transpose(_curves(z_y)), ops.matmul(surface, _curves(z_x)))


def _near_knots(position: Any, length: Any) -> Any:
    """Weigh n positions for each knot, [batch, 10, n]: the weight falls with the distance, to 0 beyond the reach."""
    reach = ops.maximum(REACH * length, 1.0)  # so that a pixel lies within reach on the smallest sketch
    return ops.relu(reach - ops.abs(position - (KNOTS * length + 0.5)))


def _least_of_largest(values: Any, count: int) -> Any:
    return ops.min(ops.top_k(values, count)[0], axis=1, keepdims=True)


def _ink(level: Any) -> Any:
    """Measure the ink in each pixel, [batch, height, width]; 0 where there is none.

    `level` [batch, height, width] is the grey level minus that of the paper. The result is in units of the faintest
    ink that counts.
    """
    lighter, darker = _max(level), 0 - _min(level)
    contrast, grain = ops.maximum(lighter, darker), ops.minimum(lighter, darker)
    has_ink = ops.cast(contrast > ops.maximum(ABOVE_GRAIN * grain, CONTRAST), "float32")
    least = ops.maximum(ops.maximum(FAINTEST * contrast, GRAIN * grain), 1.0)
    side = ops.clip(lighter - darker, -1.0, 1.0)  # if there is ink, the two differ by more than a grey level
    ink = level * (side * has_ink / least)
    return ink * ops.cast(ink > 1, "float32")


def _extent(mass: Any, position: Any) -> tuple[Any, Any]:
    """Find the first and the last position with ink, each [batch, 1, 1]. Without ink the last is before the first."""
    inked = ops.minimum(mass, 1.0)  # where there is ink there is more than one unit of it
    beyond = 4096.0
    return _min(position - beyond * inked) + beyond, _max(position * inked)


def _overlaps(position: Any, step: Any) -> Any:
    """Overlap of each image pixel, `step` long, with each of n sketch pixels, 1 long: [batch, 28, n], in some unit.

    `position` is the distance of the sketch pixels from the centre of mass. Two intervals overlap by half the sum of
    their lengths minus the distance of their middles; at least by 0, at most by the shorter length.
    """
    unit = ops.minimum(step, 1.0) / 6  # in this unit relu6 clips at both ends
    middle = np.arange(SIDE, dtype=np.float32)[:, None] + 0.5 - CENTRE
    return ops.relu6((step + 1) / (2 * unit) - ops.abs(position / unit - middle * (step / unit)))


def _min(array: Any) -> Any:
    return ops.min(array, axis=(1, 2), keepdims=True)


def _max(array: Any) -> Any:
    return ops.max(array, axis=(1, 2), keepdims=True)


def _transpose(matrix: Any) -> Any:
    return ops.transpose(matrix, (0, 2, 1))
