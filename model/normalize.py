"""Sketch to image, the way MNIST itself was made.

MNIST's digits were scaled to fit 20 x 20 with their aspect kept, antialiased, and placed in 28 x 28 by their centre of
mass (LeCun, Bottou, Bengio, Haffner 1998, section III A). Both steps are two small matrices: pixel i of the image
covers an interval of the sketch's axis, and its weights are the overlaps of that interval with the sketch's pixels.
`rows @ ink @ columns` crops, scales, antialiases and centres at once, in operators that every runtime has.
"""

from typing import Any

import numpy as np
from keras import ops

SIDE = 28  # pixels of the image
BOX = 20  # pixels that the longer side of the ink fills
CENTRE = 14.5  # MNIST moved whole pixels until the centre of mass lay in pixel 14: on average, in that pixel's middle
CONTRAST = 19.5  # grey levels of 255: with less between paper and ink, the sheet is blank
NOISE = 101 / 510  # of the strongest ink: less is paper; no fraction of two grey levels equals it, so no runtime rounds


def normalize(sketch: Any) -> Any:
    """What the networks see of a drawing.

    Takes uint8 [batch, height, width], dark on light or light on dark, 8 x 8 to 2,048 x 2,048; the mean of its border
    is the paper. Gives float32 [batch, 28, 28], paper 0, the strongest ink 1. A blank sketch gives a blank image.
    """
    level = ops.cast(sketch, "float32")
    darkest = ops.min(level, axis=2, keepdims=True)  # [batch, height, 1]
    lightest = ops.max(level, axis=1, keepdims=True)  # [batch, 1, width]
    y, x = _positions(darkest, axis=1), _positions(lightest, axis=2)
    ink = _ink(level, _border(level, y, x), _min(darkest), _max(lightest))

    row_mass = ops.sum(ink, axis=2, keepdims=True)
    column_mass = ops.sum(ink, axis=1, keepdims=True)
    (top, height), (left, width) = _extent(row_mass, y), _extent(column_mass, x)
    y, x = y - top, x - left  # small numbers keep float32 exact on a large canvas
    step = ops.maximum(ops.maximum(height, width), 1.0) / BOX  # sketch pixels that one image pixel covers
    rows = _overlaps(y, _centre(row_mass, y), step, (1, 1, SIDE))
    columns = _overlaps(x, _centre(column_mass, x), step, (1, SIDE, 1))

    image = ops.matmul(_transpose(rows), ops.matmul(ink, _transpose(columns)))
    return image / ops.maximum(_max(image), 1e-6)


def _positions(line: Any, axis: int) -> Any:
    """1, 2, 3 ... along `axis`: a running sum of ones, since tract refuses the Shape and Range of ops.arange."""
    return ops.cumsum(line * 0 + 1, axis=axis)


def _border(level: Any, y: Any, x: Any) -> Any:
    """Mean grey level of the outermost rows and columns, [batch, 1, 1]."""

    def ends(position: Any) -> Any:
        return ops.maximum(2 - position, 0.0) + ops.maximum(position + (1 - _max(position)), 0.0)

    top_and_bottom = ops.matmul(_transpose(ends(y)), level)
    left_and_right = ops.matmul(level, _transpose(ends(x)))
    return (_mean(top_and_bottom) + _mean(left_and_right)) / 4


def _ink(level: Any, paper: Any, darkest: Any, lightest: Any) -> Any:
    """Distance from the paper on the side where the ink is, [batch, height, width]: 1 at its strongest, else 0."""
    darker, lighter = paper - darkest, lightest - paper
    contrast = ops.maximum(darker, lighter)
    sign = 1 - 2 * ops.cast(darker > lighter, "float32")
    drawn = ops.cast(contrast > CONTRAST, "float32")
    ink = (level - paper) * (sign * drawn / ops.maximum(contrast, CONTRAST))
    return ink * ops.cast(ink > NOISE, "float32")


def _extent(mass: Any, position: Any) -> tuple[Any, Any]:
    """First position with ink, and how many there are to the last; each [batch, 1, 1]. Negative count: no ink."""
    inked = ops.cast(mass > 0, "float32")
    beyond = 4096.0
    first = _min(position - beyond * inked) + beyond
    return first, _max(position * inked) - first + 1


def _centre(mass: Any, position: Any) -> Any:
    """Centre of mass, [batch, 1, 1]; 0 if there is none."""
    moment = ops.sum(mass * position, axis=(1, 2), keepdims=True)
    return moment / ops.maximum(ops.sum(mass, axis=(1, 2), keepdims=True), 1e-6)


def _overlaps(position: Any, centre: Any, step: Any, shape: tuple[int, ...]) -> Any:
    """How much of each image pixel, `step` long, each sketch pixel, 1 long and centred on its position, covers."""
    pixel = np.arange(SIDE, dtype=np.float32).reshape(shape) - CENTRE
    start = centre + pixel * step
    overlap = ops.minimum(start + step, position + 0.5) - ops.maximum(start, position - 0.5)
    return ops.maximum(overlap, 0.0) / step


def _min(array: Any) -> Any:
    return ops.min(array, axis=(1, 2), keepdims=True)


def _max(array: Any) -> Any:
    return ops.max(array, axis=(1, 2), keepdims=True)


def _mean(array: Any) -> Any:
    return ops.mean(array, axis=(1, 2), keepdims=True)


def _transpose(matrix: Any) -> Any:
    return ops.transpose(matrix, (0, 2, 1))
