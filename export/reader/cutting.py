"""Groups that are several digits which touch."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from export.reader.connecting import Cells
from export.reader.cuts import Networks, Seams, digits_of, seams_of
from export.reader.grouping import Groups
from export.reader.imaging import Areas, darkness
from export.reader.judging import is_digit, is_digit_beside_digits, with_mean
from export.reader.shading import Pages
from export.reader.tensors import Tensor, around, crossed, indices, segment_sums
from model.reader import cuts, cutting, imaging, judging
from model.reader.cuts import ROWS


class Doubts(NamedTuple):
    """Groups that may have to be cut, [U, ...] each, on grids."""

    group: Tensor
    """Their numbers."""
    unit: Tensor
    """Cells a row of the grid."""
    dark: Tensor
    """How dark the grid is, [U, ROWS, C]."""
    filled: Tensor
    """1.0 where it holds ink of the group, [U, ROWS, C]."""
    seams: Seams


class Entries(NamedTuple):
    """Pieces of ink and how they are read, [E, ...] each."""

    sheet: Tensor
    line: Tensor
    x: Tensor
    """Of their group's centre."""
    piece: Tensor
    """Their number in the group."""
    ends: Tensor
    """Above 0 if their group goes on where no digit is near."""
    ink: Tensor
    """Mean darkness of their group's cells; 0 if it is alone on its sheet."""
    counts: Tensor
    """Whether it counts as a digit."""
    boxes: Tensor
    probabilities: Tensor
    images: Tensor
    maps: dict[str, Tensor]
    """What LeNet5's layers made of them."""


def doubtful(groups: Groups, read_whole: Any, pages: Pages) -> tuple[Tensor, Tensor]:
    """Tell which groups are to be cut."""
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    wide, high = groups.areas.right - groups.areas.left, groups.areas.bottom - groups.areas.top
    doubtful = (wide > cutting.NARROW * high) & (wide < cutting.WIDEST * high) & (high > cuts.SMALL * groups.height)
    doubtful &= (sure < judging.SURE) | (wide > judging.WIDE * high)
    to_cut = segment_sums(groups.sheet, tf.where(doubtful, wide / high, 0.0), tf.shape(pages.image)[0])
    doubtful &= tf.gather(to_cut, groups.sheet) <= cutting.TO_CUT
    return doubtful, tf.reduce_any(doubtful)


def entries_of(groups: Groups, images: Tensor, read_whole: Any) -> Entries:
    """Take each group for a piece of ink."""
    boxes = tf.stack(groups.areas[:4], axis=1)
    piece, (probabilities, maps) = tf.zeros_like(groups.sheet), read_whole
    ink = tf.math.divide_no_nan(groups.mass, groups.cells)
    whose = groups.sheet, groups.line, groups.areas.x, piece, groups.ends
    return Entries(*whose, ink, is_digit(probabilities, images), boxes, probabilities, images, maps)


def all_whole(
    groups: Groups, images: Tensor, read_whole: Any, doubtful: Tensor, have_one: Tensor, *laid: Any
) -> tuple[Entries, Tensor]:
    """Cut nothing."""
    return entries_of(groups, images, read_whole), have_one


def doubts(groups: Groups, doubtful: Tensor, cells: Cells, ink: Tensor, pages: Pages) -> tuple[Doubts, Tensor]:
    """Lay the doubtful groups on grids, and find seams through them; and tell whether there are any."""
    (number,) = indices(doubtful)
    order = tf.cumsum(tf.cast(doubtful, tf.int32)) - 1
    owner = tf.concat([tf.where(doubtful, order, -1), [-1]], axis=0)
    owner = tf.gather(owner, cells.owner)
    (mine,) = indices(owner >= 0)
    cells = Cells(*(tf.gather(values, mine) for values in (owner, cells.y, cells.x)))
    sheet, area = tf.gather(groups.sheet, number), groups.areas.gather(number)
    unit = (area.bottom - area.top) / ROWS
    dark, filled, breadth = _on_grid(cells, sheet, area, unit, ink, pages)
    seams = seams_of(filled, breadth)
    return Doubts(number, unit, dark, filled, seams), tf.reduce_any(seams.goal > 1)


def cut(
    networks: Networks,
    groups: Groups,
    images: Tensor,
    read_whole: Any,
    doubtful: Tensor,
    have_one: Tensor,
    doubts: Doubts,
    pages: Pages,
) -> tuple[Entries, Tensor]:
    """Cut the doubtful groups into digits, where it is certain that they are several."""
    whole = entries_of(groups, images, read_whole)
    unsure, unit, dark, filled, seams = doubts
    area, sheet = groups.areas.gather(unsure), tf.gather(groups.sheet, unsure)
    count, line_height = tf.size(unsure), tf.gather(groups.height, unsure) / unit
    digits = digits_of(dark, filled, seams, line_height, networks)

    group, of = digits.spans.group, digits.spans.group[:, None]
    answers = with_mean(digits.answers)
    sure = tf.reduce_max(answers[:, 2], axis=1)
    least = tf.tensor_scatter_nd_min(tf.ones([count]), of, sure)
    pieces = segment_sums(group, tf.ones_like(sure), count)
    ones = segment_sums(group, tf.cast(tf.argmax(answers[:, 2], axis=1, output_type=tf.int32) == 1, tf.float32), count)
    goodness = segment_sums(group, digits.goodness, count) / pieces
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    is_sure = tf.cast(sure > judging.SURE, tf.float32)
    beside = [segment_sums(groups.sheet, v, tf.shape(pages.image)[0]) for v in (is_sure, tf.ones_like(is_sure))]
    surely, others = (tf.gather(n, sheet) - m for n, m in zip(beside, (tf.gather(is_sure, unsure), 1.0), strict=True))
    surely /= tf.maximum(others, 1.0)
    evidence = [
        tf.math.log(least),
        (area.right - area.left) / (area.bottom - area.top),
        surely,
        goodness,
        tf.math.log(tf.maximum(tf.gather(sure, unsure), cuts.UNSURE)),
        ones / pieces,
        tf.ones_like(least),
    ]
    company = tf.cast(others > 0, tf.int32) + tf.cast(surely >= cutting.MOSTLY, tf.int32)
    weights = tf.gather(cutting.EVIDENCE, company)
    certain = tf.reduce_sum(tf.stack(evidence, axis=1) * weights, axis=1) > 0
    certain &= (pieces > 1) & (least > judging.PROBABLE)
    certain &= ones <= tf.maximum(float(cutting.ONES), pieces / 2)
    (chosen,) = indices(tf.gather(certain, group))
    number = tf.cumsum(tf.cast(doubtful, tf.int32)) - 1
    (kept,) = indices(~doubtful | ~tf.gather(certain, tf.maximum(number, 0)))
    spans, group = digits.spans.gather(chosen), tf.gather(group, chosen)
    at = tf.stack([area.left, area.top] * 2, axis=1)
    boxes = tf.stack([spans.left - 1, spans.top, spans.right - 1, spans.bottom], axis=1)
    parts = Entries(
        tf.gather(sheet, group),
        tf.gather(tf.gather(groups.line, unsure), group),
        tf.gather(area.x, group),
        spans.start,
        tf.gather(tf.gather(groups.ends, unsure), group),
        tf.gather(tf.gather(whole.ink, unsure), group),
        is_digit_beside_digits(tf.gather(answers, chosen), tf.gather(digits.images, chosen)),
        boxes * tf.gather(unit, group)[:, None] + tf.gather(at, group),
        *tf.nest.map_structure(lambda values: tf.gather(values, chosen), (answers, digits.images, digits.maps)),
    )
    entries = tf.nest.map_structure(lambda a, b: tf.concat([tf.gather(a, kept), b], axis=0), whole, parts)
    return entries, have_one & (tf.size(chosen) == 0)


def _on_grid(
    cells: Cells, sheet: Tensor, area: Areas, unit: Tensor, ink: Tensor, pages: Pages
) -> tuple[Tensor, Tensor, Tensor]:
    """Lay groups on grids of ROWS rows: darkness and ink [U, ROWS, C], and how many columns each takes."""
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    breadth = tf.cast((area.right - area.left) / unit + imaging.NUDGE, tf.int32) + 2
    column = tf.range(tf.reduce_max(breadth))
    edges = (
        area.top[:, None] + unit[:, None] * np.arange(ROWS + 1, dtype=np.float32),
        area.left[:, None] + unit[:, None] * tf.cast(tf.range(-1, tf.size(column)), tf.float32),
    )
    y, x = (
        tf.clip_by_value(tf.cast(each[:, :-1] + (unit[:, None] / 2 + imaging.NUDGE), tf.int32), 0, size - 1)
        for each, size in zip(edges, (rows, columns), strict=True)
    )
    place = (tf.gather(sheet, cells.owner) * rows + tf.cast(cells.y, tf.int32)) * columns + tf.cast(cells.x, tf.int32)
    owners = tf.tensor_scatter_nd_update(tf.fill([tf.size(ink)], -1), place[:, None], cells.owner)
    own = tf.gather(owners, crossed((sheet[:, None] * rows + y) * columns, x)) == tf.range(tf.size(unit))[:, None, None]
    within = (column > 0) & (column < breadth[:, None] - 1)  # [U, C]
    filled = tf.cast(own & within[:, None], tf.float32)
    dark = darkness(sheet, edges[0] * pages.cell, edges[1] * pages.cell, pages) * around(filled)
    return dark / tf.maximum(tf.reduce_max(dark, axis=(1, 2), keepdims=True), 1e-6), filled, breadth
