"""Connected parts of the cells with ink."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from export.reader.shading import Pages, Shades, beyond
from export.reader.tensors import FAR, Tensor, indices, segment_sums
from model.reader import connecting, imaging


class Cells(NamedTuple):
    """Cells with ink, [N] each."""

    owner: Tensor
    """Number of the part, group or piece that it belongs to, or the next number: to none."""
    y: Tensor
    x: Tensor


class Parts(NamedTuple):
    """Connected parts, one after another."""

    sheet: Tensor
    left: Tensor
    top: Tensor
    right: Tensor
    bottom: Tensor
    mass: Tensor
    down: Tensor
    """The mass's first moment along y."""
    across: Tensor
    """Along x."""

    def gather(self, index: Tensor) -> "Parts":
        """Some of the parts."""
        return Parts(*(tf.gather(values, index) for values in self))


def has_ink(shades: Shades, least: Tensor) -> Tensor:
    """Whether any sheet holds ink."""
    return tf.reduce_any(shades.ink > least)


def find(pages: Pages, shades: Shades, least: Tensor) -> tuple[Any, ...]:
    """Find the connected parts of the cells with ink.

    Returns the cells, the parts, how many each sheet has [B], whether any sheet has other ink than one part, and
    whether every sheet has exactly one.
    """
    cells, parts = parts_of(shades.ink > least, shades.ink)
    counts = segment_sums(parts.sheet, tf.ones_like(parts.sheet), tf.shape(shades.ink)[0])
    are_several = (tf.reduce_max(counts) > 1) | ~tf.reduce_all(is_all(parts.sheet, parts[1:5], pages))
    are_several |= (tf.size(counts) > tf.shape(pages.level)[0]) & (tf.size(parts.sheet) > 0)
    return cells, parts, counts, are_several, ~are_several & (tf.reduce_min(counts) == 1)


def ends(shades: Shades, cells: Cells, parts: Parts) -> Tensor:
    """1.0 for each part that goes on where no digit is near, else 0.0."""
    sheet, count = tf.gather(parts.sheet, cells.owner), tf.size(parts.sheet)
    dark = beyond(shades)
    rows, columns = tf.shape(dark)[1], tf.shape(dark)[2]
    y, x = tf.cast(cells.y, tf.int32), tf.cast(cells.x, tf.int32)
    dark = tf.gather(tf.reshape(dark, [-1]), (sheet * rows + y) * columns + x)
    darkest = tf.tensor_scatter_nd_max(tf.zeros([count]), cells.owner[:, None], dark)
    mean = parts.mass / segment_sums(cells.owner, tf.ones_like(dark), count)
    return tf.cast(darkest > connecting.GOES_ON * mean, tf.float32)


def is_all(sheet: Tensor, box: Iterable[Tensor], pages: Pages) -> Tensor:
    """Whether there is no other ink in the image of the sheet than what is in the box."""
    left, top, right, bottom = box
    return tf.gather(pages.size, sheet) <= imaging.ALONE * tf.maximum(right - left, bottom - top)


def parts_of(is_ink: Tensor, ink: Tensor) -> tuple[Cells, Parts]:
    """Find connected parts of the cells where `is_ink`, which are as dark as `ink`, [B, rows, columns] each."""
    rows, columns = tf.shape(ink)[1], tf.shape(ink)[2]
    sheet, y, x = indices(is_ink)
    row = sheet * rows + y
    level = tf.gather(tf.reshape(ink, [-1]), row * columns + x)

    # Runs of cells in a row, and which of them touch a run in the row above
    place = (row + sheet + 1) * (columns + 2) + x + 1  # with a row above and columns around each sheet
    outermost, apart = place[:1] > 0, place[1:] - place[:-1] > 1
    is_start = tf.concat([outermost, apart], axis=0)
    (start,) = indices(is_start)
    end = tf.concat([start, tf.shape(row)], axis=0)[1:] - 1
    numbers = tf.range(tf.size(start))
    run = tf.cumsum(tf.cast(is_start, tf.int32)) - 1
    size = tf.shape(ink)[0] * (rows + 1) * (columns + 2)
    runs = tf.tensor_scatter_nd_update(tf.fill([size], -1), place[:, None], run)
    above = place - columns - 2
    over = tf.gather(runs, above)
    left, right = (tf.gather(runs, tf.gather(above, cell) + step) for cell, step in ((start, -1), (end, 1)))
    is_other = tf.concat([outermost, apart | (over[1:] != over[:-1])], axis=0)  # than over the cell to the left
    touches = (
        (over >= 0) & is_other,
        (left >= 0) & (tf.gather(over, start) < 0),
        (right >= 0) & (tf.gather(over, end) < 0),
    )
    (touching,) = indices(tf.concat(touches, axis=0))
    one = tf.gather(tf.concat([run, numbers, numbers], axis=0), touching)
    other = tf.gather(tf.concat([over, left, right], axis=0), touching)

    def spread(label: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
        """Give both runs, and the runs that their labels name, the larger label."""
        mine, theirs = tf.gather(label, one), tf.gather(label, other)
        larger = tf.maximum(mine, theirs)
        to = tf.concat([mine, theirs, one, other], axis=0)
        spread = tf.tensor_scatter_nd_max(label, to[:, None], tf.concat([larger] * 4, axis=0))
        for _ in range(3):
            spread = tf.gather(spread, spread)
        return spread, tf.reduce_any(spread != label)

    label, changed = spread(numbers, tf.constant(True))
    for _ in range(2):  # is enough for digits; a loop takes longer
        label, changed = spread(label, changed)
    label, _ = tf.while_loop(lambda label, changed: changed, spread, [label, changed])
    part_of_run = tf.cumsum(tf.cast(label == numbers, tf.int32)) - 1
    part = tf.gather(part_of_run, label)[:, None]
    count = tf.reduce_max(tf.concat([part_of_run, [-1]], axis=0)) + 1

    # Of each run, and then of each part
    y, x = tf.cast(y, tf.float32), tf.cast(x, tf.float32)
    none, empty = tf.zeros_like(tf.cast(start, tf.float32)), tf.zeros([count])
    darkest = tf.tensor_scatter_nd_max(none, run[:, None], level)
    mass, across = (tf.tensor_scatter_nd_add(none, run[:, None], m) for m in (level, level * (x + 0.5)))
    strongest = tf.gather(tf.tensor_scatter_nd_max(empty, part, darkest), part[:, 0])
    y_of_run = tf.gather(y, start)
    cover, first, last = darkest / strongest, tf.gather(level, start) / strongest, tf.gather(level, end) / strongest
    far = empty + FAR
    parts = Parts(
        tf.tensor_scatter_nd_max(tf.cast(empty, tf.int32), part, tf.gather(sheet, start)),
        tf.tensor_scatter_nd_min(far, part, tf.gather(x, start) + 1 - first),
        tf.tensor_scatter_nd_min(far, part, y_of_run + 1 - cover),
        tf.tensor_scatter_nd_max(-far, part, tf.gather(x, end) + last),
        tf.tensor_scatter_nd_max(-far, part, y_of_run + cover),
        *(tf.tensor_scatter_nd_add(empty, part, m) for m in (mass, mass * (y_of_run + 0.5), across)),
    )
    return Cells(tf.gather(part[:, 0], run), y, x), parts
