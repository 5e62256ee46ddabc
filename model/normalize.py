"""Sketch to image, the way MNIST itself was made.

MNIST's digits were scaled to fit 20 x 20 with their aspect kept, antialiased, and placed in 28 x 28 by their centre of
mass (LeCun, Bottou, Bengio, Haffner 1998, section III A). Both steps are two small matrices: pixel i of the image
covers an interval of the sketch's axis, and its weights are the overlaps of that interval with the sketch's pixels.
`rows @ ink @ columns` crops, scales, antialiases and centres at once, in operators that every runtime has.

Ink is what stands out from the paper. On a canvas paper is one grey level; on a photograph it is lit unevenly and has
grain. So the paper is a curved surface, fitted to the sketch's border, and ink is what lies farther from it, on one
side, than the paper itself does on the other.
"""

from typing import Any

import numpy as np
from keras import ops

SIDE = 28  # pixels of the image
BOX = 20  # pixels that the longer side of the ink fills
CENTRE = 14.5  # MNIST moved whole pixels until the centre of mass lay in pixel 14: on average, in that pixel's middle

CONTRAST = 19.5  # grey levels of 255 between paper and ink: with less the sheet is blank
FAINTEST = 101 / 510  # of the strongest ink: less is paper; no fraction of two grey levels, so rounding decides nothing
GRAIN = 1.2  # times the paper's farthest level on the other side: less is paper
ABOVE_GRAIN = 1.6  # times that level: with no stronger ink the sheet is blank

CELLS = 8  # along each edge of the sketch, in which the paper's level is taken
EDGE = 1 / 64  # of the sketch's height or width: how deep those cells reach
INKED = 9  # of the 32 cells may hold ink without being taken for paper
TOLERANCE = 1.5  # times what the others deviate from the middle level: cells farther off are moved that near

KNOTS = np.linspace(0, 1, CELLS + 2, dtype=np.float32)[:, None]  # an edge, the middles of the cells, the other edge
REACH = np.array([EDGE, *[1 / (CELLS + 1)] * CELLS, EDGE], np.float32)[:, None]  # of each knot to either side
_y, _x = np.divmod(np.arange(len(KNOTS) ** 2), len(KNOTS))
BORDER = np.flatnonzero((_y % (CELLS + 1) == 0) != (_x % (CELLS + 1) == 0)).astype(np.int32)  # the 32 cells of all 100


def _curves(z: Any) -> Any:
    """z², z (z - 1) and (z - 1)², which weighted add up to any curve of second degree; [..., 1, n] -> [..., 3, n]."""
    return (z - np.array([[0], [0], [1]], np.float32)) * (z - np.array([[0], [1], [1]], np.float32))


def _fit() -> np.ndarray:
    """[32, 9]: from grey levels on the border to the a + by + cx + dy² + exy + fx² nearest to them.

    These surfaces are 3 x 3 weights of `_curves` along y times `_curves` along x.
    """
    y, x = KNOTS[_y, 0].astype(float), KNOTS[_x, 0].astype(float)
    surfaces = np.stack([np.ones_like(y), y, x, y * y, y * x, x * x], axis=1)  # [100, 6]
    products = np.kron(_curves(KNOTS.T), _curves(KNOTS.T)).T  # [100, 9]
    return (np.linalg.lstsq(products, surfaces)[0] @ np.linalg.pinv(surfaces[BORDER])).T.astype(np.float32)


FIT = _fit()


def normalize(sketch: Any) -> Any:
    """What the networks see of a drawing.

    Takes uint8 [batch, height, width], dark on light or light on dark, 8 x 8 to 2,048 x 2,048, drawn or photographed.
    Gives float32 [batch, 28, 28], paper 0, the strongest ink 1. A blank sketch gives a blank image.
    """
    level = ops.cast(sketch, "float32")
    down, across = _transpose(_ones(level, axis=2)), _ones(level, axis=1)  # [batch, 1, height], [batch, 1, width]
    y, x = ops.cumsum(down, axis=2), ops.cumsum(across, axis=2)  # 1, 2, 3 ...
    ink = _ink(level - _paper(level, y, x))

    mass_y, mass_x = _transpose(ops.sum(ink, axis=2, keepdims=True)), ops.matmul(down, ink)
    (top, bottom), (left, right) = _extent(mass_y, y), _extent(mass_x, x)
    y, x = y - top, x - left  # small numbers keep float32 exact on a large canvas
    mass = ops.maximum(ops.sum(mass_x, axis=2, keepdims=True), 1e-6)
    step = ops.maximum(ops.maximum(bottom - top, right - left) + 1, 1.0) / BOX
    rows = _overlaps(y - ops.matmul(mass_y, _transpose(y)) / mass, step)
    columns = _overlaps(x - ops.matmul(mass_x, _transpose(x)) / mass, step)

    image = ops.matmul(rows, ops.matmul(ink, _transpose(columns)))
    return image / ops.maximum(_max(image), 1e-6)


def _ones(level: Any, axis: int) -> Any:
    """1 for each row or column. Counting these gives positions without Shape and Range, which tract refuses."""
    return ops.take(level, np.zeros(1, np.int32), axis=axis) * 0 + 1


def _paper(level: Any, y: Any, x: Any) -> Any:
    """Grey level of the paper, [batch, height, width]: a surface of second degree, fitted to the border."""
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
    """Weight of each of n positions for each knot, [batch, 10, n]: less with distance, 0 out of reach."""
    reach = ops.maximum(REACH * length, 1.0)  # so that a pixel lies within it on the smallest sketch
    return ops.relu(reach - ops.abs(position - (KNOTS * length + 0.5)))


def _least_of_largest(values: Any, count: int) -> Any:
    return ops.min(ops.top_k(values, count)[0], axis=1, keepdims=True)


def _ink(level: Any) -> Any:
    """How far `level`, of which the paper is 0, reaches to the side where the ink is; 0 where there is none.

    The unit is the least that counts as ink: only proportions matter. Both are [batch, height, width].
    """
    lighter, darker = _max(level), 0 - _min(level)
    contrast, grain = ops.maximum(lighter, darker), ops.minimum(lighter, darker)
    drawn = ops.cast(contrast > ops.maximum(ABOVE_GRAIN * grain, CONTRAST), "float32")
    least = ops.maximum(ops.maximum(FAINTEST * contrast, GRAIN * grain), 1.0)
    side = ops.clip(lighter - darker, -1.0, 1.0)  # more than a grey level apart wherever something is drawn
    ink = level * (side * drawn / least)
    return ink * ops.cast(ink > 1, "float32")


def _extent(mass: Any, position: Any) -> tuple[Any, Any]:
    """First and last position with ink, each [batch, 1, 1]; the last before the first if there is none."""
    inked = ops.minimum(mass, 1.0)  # where there is ink there is more than one unit of it
    beyond = 4096.0
    return _min(position - beyond * inked) + beyond, _max(position * inked)


def _overlaps(position: Any, step: Any) -> Any:
    """How much of each image pixel, `step` long, each of n sketch pixels, 1 long, covers, [batch, 28, n], in some unit.

    `position` is that of the sketch pixel from the centre of mass. Two intervals overlap by half the sum of their
    lengths less the distance of their middles, but by no less than nothing and no more than the shorter one.
    """
    unit = ops.minimum(step, 1.0) / 6  # in which relu6 cuts off at both ends
    middle = np.arange(SIDE, dtype=np.float32)[:, None] + 0.5 - CENTRE
    return ops.relu6((step + 1) / (2 * unit) - ops.abs(position / unit - middle * (step / unit)))


def _min(array: Any) -> Any:
    return ops.min(array, axis=(1, 2), keepdims=True)


def _max(array: Any) -> Any:
    return ops.max(array, axis=(1, 2), keepdims=True)


def _transpose(matrix: Any) -> Any:
    return ops.transpose(matrix, (0, 2, 1))
