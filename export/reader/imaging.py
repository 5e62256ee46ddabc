"""Images of pieces of ink, as the networks see them."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from export.reader.connecting import Cells
from export.reader.shading import Pages
from export.reader.tensors import Tensor, around, crossed
from model.normalize import BOX, CENTRE, GRID, SIDE
from model.reader import imaging


class Areas(NamedTuple):
    """Boxes around ink and its centre of mass, in cells, [n] each."""

    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    y: Tensor
    x: Tensor

    def gather(self, index: Tensor) -> "Areas":
        """Some of the areas."""
        return Areas(*(tf.gather(values, index) for values in self))


def areas_of(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor, mass: Tensor, y: Tensor, x: Tensor) -> Areas:
    """Areas from boxes, masses, and first moments."""
    return Areas(left, top, right, bottom, y / mass, x / mass)


def images_of(cells: Cells, sheet: Tensor, areas: Areas, pages: Pages) -> Tensor:
    """Normalize areas [n] to images [n, 28, 28]; the cells of each name it as owner."""
    step = tf.maximum(tf.maximum(areas.right - areas.left, areas.bottom - areas.top), 0.1) * (pages.cell / BOX)
    y, x = areas.y * pages.cell, areas.x * pages.cell
    edges = step[:, None] * (np.arange(SIDE + 1, dtype=np.float32) - CENTRE)
    grid = tf.pad(tf.stack([pages.cell / step, y / step, x / step], axis=1), [[0, 1], [0, 0]], constant_values=1e6)
    scale, middle_y, middle_x = tf.unstack(tf.gather(grid, cells.owner), axis=1)
    at_y, at_x = (
        tf.cast(tf.floor((place + 0.5) * scale - middle + (CENTRE + imaging.NUDGE)), tf.int32)
        for place, middle in ((cells.y, middle_y), (cells.x, middle_x))
    )
    inside = (at_y >= 0) & (at_y < SIDE) & (at_x >= 0) & (at_x < SIDE)
    at = tf.where(inside, (cells.owner * SIDE + at_y) * SIDE + at_x, tf.size(sheet) * SIDE * SIDE)
    own = tf.tensor_scatter_nd_update(tf.zeros([tf.size(sheet) * SIDE * SIDE + 1]), at[:, None], tf.ones_like(cells.y))
    own = tf.reshape(own[:-1], [-1, SIDE, SIDE])
    image = darkness(sheet, y[:, None] + edges, x[:, None] + edges, pages) * around(own)
    return image / tf.maximum(tf.reduce_max(image, axis=(1, 2), keepdims=True), 1e-6)


def darkness(sheet: Tensor, down: Tensor, across: Tensor, pages: Pages) -> Tensor:
    """How much darker than the paper sheets are between edges [n, rows + 1] and [n, columns + 1]."""
    height, width = tf.shape(pages.level)[1], tf.shape(pages.level)[2]
    down, across = _intervals(down, height), _intervals(across, width)
    row = tf.gather(pages.sketch, sheet)[:, None] * height + down.pixel
    above, level = (tf.gather(tf.reshape(values, [-1, width]), row) for values in (pages.above, pages.level))
    sums = above - above[:, :1] + down.beyond[:, :, None] * level  # small numbers keep float32 exact
    sign = tf.gather(pages.sign, sheet)
    white = tf.math.ceil(tf.reduce_max(pages.paper))
    dark = down.length[:, :, None] * white - (sums[:, 1:] - sums[:, :-1]) * sign  # [n, rows, width]
    sums = tf.cumsum(tf.pad(dark, [[0, 0], [0, 0], [1, 0]]), axis=2)
    at = (_numbered(dark) * (width + 1))[:, :, None] + across.pixel[:, None]
    before, after = (tf.gather(tf.reshape(sums, [-1]), at + step) for step in (0, 1))
    sums = before + (after - before) * across.beyond[:, None]
    covered = down.length[:, :, None] * across.length[:, None]
    paper = tf.gather(tf.reshape(pages.paper, [-1]), crossed((sheet[:, None] * GRID + down.paper) * GRID, across.paper))
    return tf.nn.relu((paper - white) * covered + sums[:, :, 1:] - sums[:, :, :-1])


def _numbered(values: Tensor) -> Tensor:
    """The number of each row of each of the values, [n, rows]."""
    count, rows = tf.shape(values)[0], tf.shape(values)[1]
    return tf.reshape(tf.range(count * rows), [count, rows])


class _Intervals(NamedTuple):
    """Intervals between edges along one axis of the sheets."""

    pixel: Tensor
    """The sheet's pixel in which each edge lies, [n, edges]."""
    beyond: Tensor
    """How far the edge lies beyond that pixel's start, [n, edges]."""
    length: Tensor
    """Of the sheet's pixels in each interval, [n, edges - 1]."""
    paper: Tensor
    """The cell of the paper in which each interval's middle lies, [n, edges - 1]."""


def _intervals(edges: Tensor, side: Tensor) -> _Intervals:
    length = tf.cast(side, tf.float32)
    middle = (edges[:, :-1] + edges[:, 1:]) / 2
    paper = tf.clip_by_value(tf.cast(middle * GRID / length + imaging.NUDGE, tf.int32), 0, GRID - 1)
    edges = tf.clip_by_value(edges, 0.0, length)
    pixel = tf.minimum(tf.cast(edges, tf.int32), side - 1)
    return _Intervals(pixel, edges - tf.cast(pixel, tf.float32), edges[:, 1:] - edges[:, :-1], paper)
