"""Lines of parts, and groups of those that make up one digit."""

from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from export.reader.connecting import Cells, Parts, is_all, parts_of
from export.reader.connecting import ends as ends_of
from export.reader.imaging import Areas, areas_of, images_of
from export.reader.shading import Pages, Shades
from export.reader.tensors import FAR, Tensor, both, first_of, indices, overlap, pairs, segment_sums
from model.reader import connecting, cuts, grouping


class Groups(NamedTuple):
    """Groups, [G] each but for `areas`."""

    sheet: Tensor
    line: Tensor
    height: Tensor
    """Of the line."""
    parts: Tensor
    """How many it is made of."""
    mass: Tensor
    cells: Tensor
    """How many it has; 0 if it is alone on its sheet."""
    ends: Tensor
    """Above 0 if a part goes on where no digit is near."""
    areas: Areas


def one_each(pages: Pages, shades: Shades, cells: Cells, parts: Parts, counts: Tensor) -> tuple[Any, ...]:
    """Take the one part of each sheet for a group, seen as the whole sheet. None goes on.

    Returns what many() returns, without images of whole sheets.
    """
    one, zero = tf.ones_like(parts.sheet), tf.zeros_like(parts.mass)
    areas = areas_of(*parts[1:])
    groups = Groups(parts.sheet, tf.zeros_like(one), parts.bottom - parts.top, one, parts.mass, zero, zero, areas)
    images = tf.gather(pages.image, parts.sheet)
    return cells, groups, images, images[:0]


def many(pages: Pages, cells: Cells, parts: Parts, counts: Tensor, ends: Tensor) -> tuple[Any, ...]:
    """Put the parts in lines and groups.

    Returns the cells, now with the numbers of their groups, the groups, their images [G, 28, 28], and those of whole
    sheets [B, 28, 28].
    """
    cells, groups = _groups(cells, parts, counts, ends)
    images = images_of(cells, groups.sheet, groups.areas, pages)
    is_alone = (groups.parts == tf.gather(counts, groups.sheet)) & is_all(groups.sheet, groups.areas[:4], pages)
    is_alone = tf.cast(is_alone, tf.float32)[:, None, None]
    return cells, groups, images + is_alone * (tf.gather(pages.image, groups.sheet) - images), pages.image


def rows(parts: Parts, counts: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """The row in which each part is to be cut, or -1, and a last -1 for what is in no part; and whether any is."""
    largest = _largest_of(parts, counts, ends)
    top, bottom = largest.boxes.top, largest.boxes.bottom
    number, high = tf.range(tf.shape(top)[1]), bottom - top
    similar = (number[:, None] != number) & (high[:, None] > grouping.LIKE * high[:, :, None])
    beside = tf.cast(largest.beside & similar, tf.float32)
    above = tf.cast(bottom[:, :, None] <= top[:, None], tf.float32)
    upper = beside * tf.matmul(beside, above, transpose_b=True) > 0
    lower = beside * tf.matmul(beside, above) > 0
    gap = tf.maximum(-largest.shared, 0.0)
    ends = [
        tf.gather(side, tf.argmin(tf.where(near, gap, FAR), axis=2, output_type=tf.int32), batch_dims=1)
        for near, side in ((upper, bottom), (lower, top))
    ]
    is_linked = tf.reduce_any(upper, axis=2) & (high > grouping.HIGH * largest.usual) & largest.exists
    row = tf.where(is_linked, tf.floor((ends[0] + ends[1]) / 2), -1.0)
    to = tf.where(is_linked, largest.part, tf.size(parts.sheet))
    rows = tf.fill([tf.size(parts.sheet) + 1], -1.0)
    rows = tf.tensor_scatter_nd_max(rows, tf.reshape(to, [-1, 1]), tf.reshape(row, [-1]))
    return rows, tf.reduce_any(is_linked)


def split(
    shades: Shades, cells: Cells, parts: Parts, counts: Tensor, ends: Tensor, rows: Tensor
) -> tuple[Cells, Parts, Tensor, Tensor]:
    """Cut parts in which digits of two lines touch."""
    sheet, y, x = tf.gather(parts.sheet, cells.owner), tf.cast(cells.y, tf.int32), tf.cast(cells.x, tf.int32)
    at = (sheet * tf.shape(shades.ink)[1] + y) * tf.shape(shades.ink)[2] + x
    left = tf.cast(cells.y != tf.gather(rows, cells.owner), tf.float32)
    left = tf.tensor_scatter_nd_update(tf.zeros([tf.size(shades.ink)]), at[:, None], left)
    cells, parts = parts_of(tf.reshape(left, tf.shape(shades.ink)) > 0, shades.ink)
    counts = segment_sums(parts.sheet, tf.ones_like(parts.sheet), tf.size(counts))
    return cells, parts, counts, ends_of(shades, cells, parts)


def as_found(
    shades: Shades, cells: Cells, parts: Parts, counts: Tensor, ends: Tensor, rows: Tensor
) -> tuple[Cells, Parts, Tensor, Tensor]:
    """Leave the parts as they are."""
    return cells, parts, counts, ends


def _groups(cells: Cells, parts: Parts, counts: Tensor, ends: Tensor) -> tuple[Cells, Groups]:
    """Put parts in lines, and join those that make up one digit."""
    exists, part, boxes, ends, _, tall, beside, shared, margin = _largest_of(parts, counts, ends)
    _, left, top, right, bottom, *moments = boxes
    high, wide = bottom - top, right - left
    size = tf.where(exists, tf.maximum(high, wide), 0.0)
    number = tf.range(tf.shape(part)[1])  # [K]
    down = overlap(top, bottom)  # [B, K, K]
    lower = pairs(tf.minimum, high)
    same = _closed(_follow(beside, left + right))
    line = first_of(same > 0)
    line_height = tf.reduce_max(same * high[:, None], axis=2)
    away = tf.maximum(-shared, 0.0) + tf.maximum(-down, 0.0)
    nearest = tf.argmin(tf.where(tall[:, None], away, FAR), axis=2, output_type=tf.int32)
    nearest = tf.where(tall, number, nearest)
    line, line_height = (tf.gather(values, nearest, batch_dims=1) for values in (line, line_height))

    highest = tf.reduce_max(tf.where(tall, line_height, 0.0), axis=1, keepdims=True)
    counted = exists & (line_height >= grouping.LOW_LINE * highest) & (size >= grouping.SPECK * line_height)
    in_line = both(counted) & (line[:, :, None] == line[:, None])
    belong = (lower < cuts.SMALL * line_height[:, :, None]) & (shared >= grouping.OVER * pairs(tf.minimum, wide))
    belong &= pairs(tf.maximum, bottom) - pairs(tf.minimum, top) <= grouping.HIGHEST * line_height[:, :, None]
    belong &= ends[:, :, None] == ends[:, None]
    is_inside = (wide < high)[:, None] & (margin > grouping.INSIDE * high[:, None])
    belong |= is_inside | tf.transpose(is_inside, (0, 2, 1))
    joined = _closed(in_line & belong)
    members = tf.reduce_sum(joined, axis=2)
    top_of, bottom_of = (tf.gather(side, nearest, batch_dims=1) for side in (top, bottom))
    is_mark = ~tall & ((2 * top > top_of + bottom_of) | (bottom <= top_of))
    counted &= ~(is_mark & (members < 2))
    moments = tf.unstack(tf.matmul(joined, tf.stack([ends, *moments], axis=2)), axis=2)
    joined = joined > 0
    leader = first_of(joined)
    leads = counted & (leader == number)
    left, top = (tf.reduce_min(tf.where(joined, side[:, None], FAR), axis=2) for side in (left, top))
    right, bottom = (tf.reduce_max(tf.where(joined, side[:, None], -FAR), axis=2) for side in (right, bottom))

    led = tf.cast(in_line & leads[:, None], tf.float32)  # [B, K, K]: the groups of each one's line
    middle = tf.reduce_sum(led * (top + bottom)[:, None], axis=2) / tf.maximum(tf.reduce_sum(led, axis=2), 1.0)
    begins = leads & (first_of(led > 0) == number)  # the first group of its line
    lines_above = begins[:, None] & ~in_line & (middle[:, None] < middle[:, :, None])
    row = tf.reduce_sum(tf.cast(lines_above, tf.int32), axis=2)

    chosen_sheet, chosen = indices(leads)
    chosen = chosen_sheet * tf.size(number) + chosen
    group = tf.reshape(tf.cumsum(tf.cast(tf.reshape(leads, [-1]), tf.int32)) - 1, tf.shape(leads))
    group = tf.where(counted, tf.gather(group, leader, batch_dims=1), tf.size(chosen))
    to = tf.where(exists, part, tf.size(parts.sheet))
    groups = tf.tensor_scatter_nd_min(
        tf.fill([tf.size(parts.sheet) + 1], tf.size(chosen)), tf.reshape(to, [-1, 1]), tf.reshape(group, [-1])
    )
    row, line_height, members, mass, ends, *area = (
        tf.gather(tf.reshape(values, [-1]), chosen)
        for values in (row, line_height, members, moments[1], moments[0], left, top, right, bottom, *moments[1:])
    )
    cells = Cells(tf.gather(groups, cells.owner), cells.y, cells.x)
    size = segment_sums(cells.owner, tf.ones_like(cells.y), tf.size(chosen) + 1)[:-1]
    members = tf.cast(members, tf.int32)
    return cells, Groups(chosen_sheet, row, line_height, members, mass, size, ends, areas_of(*area))


def _follow(beside: Tensor, middle: Tensor) -> Tensor:
    """Whether one of two parts is the nearest to the left or to the right that stands beside the other, [B, K, K]."""
    number = tf.range(tf.shape(middle)[1])
    gap = middle[:, None] - middle[:, :, None]
    later = (gap > 0) | ((gap == 0) & (number > number[:, None]))
    gap = tf.where(later & beside, gap, FAR)
    nearest = tf.minimum(tf.reduce_min(gap, axis=1, keepdims=True), FAR / 2)
    follows = (gap == nearest) | (gap == tf.minimum(tf.reduce_min(gap, axis=2, keepdims=True), FAR / 2))
    return follows | tf.transpose(follows, (0, 2, 1))


def _closed(related: Tensor) -> Tensor:
    """Whether a chain of related parts leads from one to the other, 1.0 or 0.0: [B, K, K]."""
    reached = tf.maximum(tf.cast(related, tf.float32), tf.eye(tf.shape(related)[1]))
    for _ in range(connecting.PARTS.bit_length() - 1):
        reached = tf.minimum(tf.matmul(reached, reached), 1.0)
    return reached


class Largest(NamedTuple):
    """The largest parts of each sheet, the largest first, [B, K] each."""

    exists: Tensor
    part: Tensor
    """Their numbers."""
    boxes: Parts
    ends: Tensor
    """1.0 if it goes on where no digit is near."""
    usual: Tensor
    """The height that a quarter of the parts exceed, [B, 1]."""
    tall: Tensor
    """Whether they make lines."""
    beside: Tensor
    """Whether two tall ones are beside each other, [B, K, K]."""
    shared: Tensor
    """How much of the same columns two of them share, [B, K, K]."""
    margin: Tensor
    """How far the box of one is inside that of another, at least: [B, K inside, K outside]."""


def _largest_of(parts: Parts, counts: Tensor, ends: Tensor) -> Largest:
    """Find the largest parts of each sheet that are no strokes under or between digits, no frames and no margins."""
    sheets = tf.size(counts)
    first = tf.cumsum(counts, exclusive=True)
    most = tf.reduce_max(counts)
    slot = tf.range(tf.size(parts.sheet)) - tf.gather(first, parts.sheet)
    size = tf.maximum(parts.right - parts.left, parts.bottom - parts.top)
    sizes = tf.tensor_scatter_nd_update(tf.fill([sheets, most], -1.0), tf.stack([parts.sheet, slot], axis=1), size)
    largest, index = tf.math.top_k(sizes, tf.minimum(most, connecting.PARTS))
    exists = largest >= 0
    part = tf.minimum(first[:, None] + index, tf.size(size) - 1)
    boxes = parts.gather(part)
    high = boxes.bottom - boxes.top
    exists, usual, tall = _tall(exists, high)
    shared, margin = overlap(boxes.left, boxes.right), _margin(boxes)
    is_left_out = _are_rules(boxes, usual, tall, shared)
    is_left_out |= _are_frames(boxes, usual, exists, margin) | _are_margins(boxes, usual, tall)
    exists, usual, tall = _tall(exists & ~is_left_out, high)
    beside = both(tall) & (overlap(boxes.top, boxes.bottom) > grouping.BESIDE * pairs(tf.minimum, high))
    return Largest(exists, part, boxes, tf.gather(ends, part), usual, tall, beside, shared, margin)


def _are_rules(boxes: Parts, usual: Tensor, tall: Tensor, shared: Tensor) -> Tensor:
    """Whether each part is a stroke under, over or along several digits, or the comb of a form: [B, K]."""
    top, bottom, high, wide = boxes.top, boxes.bottom, boxes.bottom - boxes.top, boxes.right - boxes.left
    down = boxes.down / boxes.mass - top
    is_low, is_comb = high < grouping.TALL * usual, tf.minimum(down, high - down) < grouping.COMB * high
    number = tf.range(tf.shape(top)[1])
    shares = tall[:, :, None] & (shared >= grouping.OVER * wide[:, :, None]) & (number[:, None] != number)
    above, below = (
        tf.reduce_min(tf.where(shares & (apart > 0), apart, FAR), axis=1)
        for apart in (top[:, None] - bottom[:, :, None], top[:, :, None] - bottom[:, None])
    )
    is_rule = (above >= grouping.GAP * usual) & (above < below)
    is_rule |= (wide >= grouping.RULE * usual) & (_how_many(shares) >= grouping.OVER_RULE)
    return is_rule & (is_low | is_comb) & (wide >= grouping.FLAT * high)


def _are_frames(boxes: Parts, usual: Tensor, exists: Tensor, margin: Tensor) -> Tensor:
    """Whether each part is a frame or a table around others, and not a 0 around its slash: [B, K]."""
    high, wide = boxes.bottom - boxes.top, boxes.right - boxes.left
    least = tf.clip_by_value(grouping.TALL * usual, grouping.FRAMED[0] * high, grouping.FRAMED[1] * high)[:, None]
    framed = exists[:, :, None] & (margin > 0) & (high[:, :, None] >= least)
    ink = tf.reduce_sum(tf.where(framed, boxes.mass[:, :, None], 0.0), axis=1) / boxes.mass
    inside = exists[:, :, None] & (margin > 0) & (high[:, :, None] >= grouping.CONTENT * high[:, None])
    inside = tf.reduce_sum(tf.where(inside, high[:, :, None], 0.0), axis=1) / high

    share = tf.reduce_max(tf.where(framed, high[:, :, None], 0.0), axis=1) / high
    is_slash = (_how_many(framed & (wide < grouping.LEAN * high)[:, :, None]) + _how_many(framed) < 2) & (wide < high)
    is_slash &= (share >= grouping.SLASH[0]) & (share < grouping.SLASH[1])
    length = tf.reduce_max(tf.where(framed, tf.sqrt(wide * wide + high * high)[:, :, None], 0.0), axis=1)
    is_slash &= ink * (np.pi / 2) * (wide + high) < grouping.STRAIGHT * length
    return ((ink > grouping.WEIGHT) | (inside > grouping.TABLE)) & ~is_slash


def _are_margins(boxes: Parts, usual: Tensor, tall: Tensor) -> Tensor:
    """Whether each part is a line along a margin: [B, K]."""
    high, wide = boxes.bottom - boxes.top, boxes.right - boxes.left
    beside = tall[:, :, None] & (overlap(boxes.top, boxes.bottom) >= grouping.OVER * high[:, :, None])
    beside &= grouping.HIGH * high[:, :, None] < high[:, None]
    beside = tf.reduce_sum(tf.where(beside, high[:, :, None], 0.0), axis=1) / high
    return (high >= tf.maximum(grouping.TOWER * usual, grouping.FLAT * wide)) & (beside > grouping.TABLE)


def _margin(boxes: Parts) -> Tensor:
    sides = (pairs(tf.subtract, each) for each in (boxes.left, -boxes.right, boxes.top, -boxes.bottom))
    return reduce(tf.minimum, sides)


def _how_many(related: Tensor) -> Tensor:
    return tf.reduce_sum(tf.cast(related, tf.float32), axis=1)


def _tall(exists: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the usual height of the parts that exist, and those that make lines."""
    heights = tf.math.top_k(tf.where(exists, high, 0.0), tf.shape(high)[1])[0]
    counted = exists & (high >= grouping.LOWEST * heights[:, :1])
    quarter = tf.reduce_sum(tf.cast(counted, tf.int32), axis=1, keepdims=True) // 4
    usual = tf.gather(heights, quarter, batch_dims=1)
    return exists, usual, exists & (high >= grouping.TALL * usual)
