"""Sheets on cells: how dark each is, and how dark ink is there at least."""

from typing import NamedTuple

import tensorflow as tf

from export.reader.looking import Looks
from export.reader.tensors import FAR, Tensor, around
from model.normalize import BOX, GRID
from model.reader import imaging, shading


class Pages(NamedTuple):
    """The sheets from which images are taken: looks at sketches."""

    level: Tensor
    """Of the sketches, [sketches, height, width]."""
    above: Tensor
    """Sums of the levels above each pixel, in whole numbers."""
    number: Tensor
    """Of each sheet as a look, [B]."""
    sketch: Tensor
    """Number of each sheet's sketch, [B]."""
    sign: Tensor
    """1 where ink is dark, -1 where it is light, [B, 1, 1]."""
    paper: Tensor
    """The paper's sign * level, [B, GRID, GRID]."""
    cell: Tensor
    """Pixels a side of a cell."""
    image: Tensor
    """Each sheet as one digit, [B, 28, 28]."""
    size: Tensor
    """Of the ink in that image, in cells, at least: [B]."""


class Shades(NamedTuple):
    """How dark the cells are, and where they lie on the grid of GRID x GRID."""

    ink: Tensor
    """How much darker than the paper each cell is near a digit, [B, rows, columns]; elsewhere below 0."""
    least: Tensor
    """Less is no ink, [B, rows, columns]."""
    cells: Tensor
    """Mean of sign * level, [B, rows, columns]."""
    darkest: Tensor
    """-sign * level of the darkest paper in and around each cell of the grid, [B, GRID, GRID]."""
    near: Tensor
    """Above 0 near a digit, [B, GRID, GRID]."""
    is_line: Tensor
    """1.0 where a printed line is, [B, GRID, GRID]."""
    y: Tensor
    """Where each row of cells lies on the grid, [rows]."""
    x: Tensor
    """Where each column lies, [columns]."""


def shades(looks: Looks, level: Tensor, above: Tensor) -> tuple[Pages, Shades, Tensor]:
    """Lay the sheets on cells; and tell whether any has printed lines."""
    image, step, sign, paper, found, strength, lines, flat, number = looks
    height, width = tf.shape(level)[1], tf.shape(level)[2]
    small, large = (cell_side(height, width, count) for count in shading.CELLS)
    cell = tf.minimum(small, tf.maximum(2, large))
    longest = tf.cast(tf.maximum(height, width), tf.float32)
    size = (tf.reshape(step, [-1]) * BOX - imaging.COARSE / GRID * longest) / tf.cast(cell, tf.float32)
    sketch = number % tf.shape(level)[0]
    pages = Pages(level, above, number, sketch, sign, paper, tf.cast(cell, tf.float32), image, size)
    is_line = tf.cast(lines > shading.PRINTED, tf.float32)
    return pages, _shades_of(pages, found, strength, is_line, flat, cell), tf.reduce_max(is_line) > 0


def cell_side(height: Tensor, width: Tensor, count: int) -> Tensor:
    """Pixels a side of a cell, if there are to be at most about `count`."""
    return tf.cast(tf.math.ceil(tf.sqrt(tf.cast(height * width, tf.float32) / count)), tf.int32)


def means(level: Tensor, above: Tensor, cell: Tensor) -> Tensor:
    """Mean level of each cell, [B, rows, columns]."""
    rows, columns = tf.shape(level)[1] // cell, tf.shape(level)[2] // cell
    last = tf.range(1, rows + 1) * cell - 1
    sums = tf.gather(above, last, axis=1) + tf.gather(level, last, axis=1)
    sums = tf.reshape(sums[:, :, : columns * cell], [-1, rows, columns, cell])
    sums = tf.pad(tf.reduce_sum(sums, axis=3), [[0, 0], [1, 0], [0, 0]])
    return (sums[:, 1:] - sums[:, :-1]) / tf.cast(cell * cell, tf.float32)


def _shades_of(pages: Pages, found: Tensor, strength: Tensor, is_line: Tensor, flat: Tensor, cell: Tensor) -> Shades:
    height, width = tf.shape(pages.level)[1], tf.shape(pages.level)[2]
    cells = tf.gather(means(pages.level, pages.above, cell), pages.sketch) * pages.sign
    rows, columns = tf.shape(cells)[1], tf.shape(cells)[2]
    darkest, near = tf.split(around(tf.concat([-pages.paper, found], axis=0)), 2)
    y = (2 * tf.range(rows) + 1) * cell * GRID // (2 * height)
    x = (2 * tf.range(columns) + 1) * cell * GRID // (2 * width)
    ink = _on_cells(tf.where(near > 0, -darkest, -FAR), y, x) - cells
    strongest = tf.reduce_max(ink, axis=(1, 2), keepdims=True)
    has_ink = (strongest >= shading.CONTRAST) & (tf.reduce_max(pages.image, axis=(1, 2), keepdims=True) > 0)
    strongest *= _on_cells(strength, y, x)
    least = tf.where(has_ink, shading.INK * tf.maximum(strongest, around(ink) * flat), FAR)
    return Shades(ink, least, cells, darkest, near, is_line, y, x)


def beyond(shades: Shades) -> Tensor:
    """How dark each cell or one beside it is that is near no digit, at least 0: [B, rows, columns]."""
    darkest, near, y, x = shades.darkest, shades.near, shades.y, shades.x
    return around(tf.where(_on_cells(near, y, x) > 0, 0.0, -_on_cells(darkest, y, x) - shades.cells))


def _on_cells(grid: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The values of [B, GRID, GRID] where each cell lies: [B, rows, columns]."""
    columns = tf.transpose(tf.gather(tf.transpose(grid, (0, 2, 1)), x, axis=1), (0, 2, 1))  # copies whole rows
    return tf.gather(columns, y, axis=1)


def least(shades: Shades) -> Tensor:
    """Less is no ink, on sheets without printed lines."""
    return shades.least


def least_on_lines(shades: Shades) -> Tensor:
    """Less is no ink. Where printed lines run, ink is darker than they are."""
    _, least, cells, darkest, near, is_line, y, x = shades
    dark = -_on_cells(darkest, y, x) - cells
    near_line, beyond = tf.split(around(tf.concat([is_line, near], axis=0)), 2)
    away = _on_cells(tf.where(beyond > 0, 0.0, is_line), y, x)
    margin = [shading.RUN // 2] * 2
    down = tf.nn.avg_pool2d(tf.pad(dark, [[0, 0], margin, [0, 0]])[..., None], (shading.RUN, 1), 1, "VALID")
    across = tf.nn.avg_pool2d(tf.pad(dark, [[0, 0], [0, 0], margin])[..., None], (1, shading.RUN), 1, "VALID")
    runs = tf.maximum(down, across)[..., 0]
    for _ in range(shading.MEANS):
        total, count = (tf.reduce_sum(values, axis=(1, 2), keepdims=True) for values in (runs * away, away))
        darkness = total / tf.maximum(count, 1.0)
        away = tf.where(runs >= darkness, away, 0.0)
    on_line = tf.clip_by_value(shading.DARKER * darkness, least, shading.CERTAIN / shading.INK * least)
    return tf.where(_on_cells(near_line, y, x) > 0, on_line, least)
