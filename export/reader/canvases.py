"""Canvases on a page, as in a screenshot."""

from functools import reduce

import tensorflow as tf

from export.reader.connecting import parts_of
from export.reader.shading import cell_side, means
from export.reader.tensors import Tensor, indices, segment_sums
from model.normalize import CLEAR, PAGE, Averaged, averaged
from model.reader import canvases, shading


def any_may_hold_canvases(sketches: Averaged) -> Tensor:
    """Whether any sketch may hold canvases."""
    return tf.reduce_max(sketches.pages) > 0


def leave(sketches: Averaged) -> Averaged:
    """Leave the sketches as they are."""
    return sketches


def turn(sketches: Averaged) -> Averaged:
    """Turn canvases on pages to the pages' side."""
    level, above = sketches.sheets.level, sketches.sheets.above
    height, width = tf.shape(level)[1], tf.shape(level)[2]
    cell = cell_side(height, width, shading.CELLS[0])
    cells = means(level, above, cell)
    least, most = (reduce_(cells, axis=(1, 2), keepdims=True) for reduce_ in (tf.reduce_min, tf.reduce_max))
    border = tf.concat([cells[:, 0], cells[:, -1], cells[:, :, 0], cells[:, :, -1]], axis=1)
    is_light = 2 * tf.reduce_mean(border, axis=1)[:, None, None] > least + most
    page, ground = tf.where(is_light, most, least), tf.where(is_light, least, most)
    contrast = most - least
    is_even = tf.abs(border - page[:, 0]) < PAGE * contrast[:, 0]
    is_even = tf.reduce_mean(tf.cast(is_even, tf.float32), axis=1) >= CLEAR
    is_page = is_even[:, None, None] & (contrast >= shading.CONTRAST)
    is_page &= sketches.pages[:, 0] > 0
    other = tf.cast(is_page & (tf.abs(cells - page) > contrast / 2), tf.float32)[..., None]
    for sign in (-1, 1):  # the least in each window, and then the most
        other = sign * tf.nn.max_pool2d(
            tf.pad(sign * other, [[0, 0], [1, 1], [1, 1], [0, 0]]), canvases.THIN, 1, "VALID"
        )
    cells, parts = parts_of(other[..., 0] > 0, other[..., 0])
    wide, high = parts.right - parts.left, parts.bottom - parts.top
    ends = (tf.gather(side, cells.owner) for side in (parts.left, parts.right - 1, parts.top, parts.bottom - 1))
    on_edge = reduce(
        tf.logical_or, (at == end for at, end in zip((cells.x, cells.x, cells.y, cells.y), ends, strict=True))
    )
    edge = segment_sums(cells.owner, tf.cast(on_edge, tf.float32), tf.size(wide))
    share = parts.mass / (wide * high)
    ring = edge / (2 * (wide + high) - 4)
    may_be = (tf.minimum(wide, high) >= canvases.SMALLEST) & (ring >= canvases.RING[1])
    may_be &= (share > canvases.FILLED[0]) & (share < canvases.FILLED[1])
    (number,) = indices(may_be)
    sheet, wide, high, ring = (tf.gather(each, number) for each in (parts.sheet, wide, high, ring))
    alike = (sheet[:, None] == sheet) & (ring >= canvases.RING[0])
    for side in (wide, high):
        alike &= tf.abs(side[:, None] - side) <= canvases.ALIKE
    number = tf.gather(number, indices(tf.reduce_any(alike, axis=1))[0])
    sheet, left, top, right, bottom = (  # and one on no sheet: ONNX Runtime forgets to fill a batch of empty products
        tf.concat([tf.gather(each, number), [none]], axis=0)
        for each, none in zip(parts[:5], (-1, 0.0, 0.0, 0.0, 0.0), strict=True)
    )
    mine = tf.cast(tf.range(tf.shape(level)[0])[:, None] == sheet, tf.float32)[:, None]  # [B, 1, canvases]

    def inside(step: int) -> Tensor:
        """Whether each pixel is inside a canvas that is smaller by so many cells on all sides."""
        down, across = (
            tf.cast((at >= (low + step) * size) & (at < (high - step) * size), tf.float32)
            for at, low, high in (
                (tf.range(tf.cast(height, tf.float32))[:, None], top, bottom),
                (tf.range(tf.cast(width, tf.float32))[:, None], left, right),
            )
        )
        return tf.matmul(mine * down, tf.tile(across[None], [tf.shape(level)[0], 1, 1]), transpose_b=True) > 0

    size = tf.cast(cell, tf.float32)
    turned = tf.clip_by_value(tf.round(page + ground) - level, 0.0, 255.0)
    return averaged(tf.where(inside(1), turned, tf.where(inside(-1), tf.round(page), level)))
