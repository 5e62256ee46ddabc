"""What the networks say of ink, when it counts as a digit, and neighbours that are one digit together."""

import math
from typing import Any, NamedTuple

import tensorflow as tf

from export.reader.connecting import Cells
from export.reader.cuts import Networks
from export.reader.grouping import Groups
from export.reader.imaging import Areas, images_of
from export.reader.shading import Pages
from export.reader.tensors import FAR, Tensor, indices
from model.reader import grouping, judging


class Pairs(NamedTuple):
    """Each group and the next one in its line, [G] each."""

    next: Tensor
    """Number of the next one."""
    exists: Tensor
    """Whether there is one."""
    may_be_one: Tensor
    """Whether both may be one digit together."""


def judge(networks: Networks, groups: Groups, images: Tensor, pictures: Tensor, have_one: Tensor) -> tuple[Any, Tensor]:
    """Ask the networks, about whole sheets too, `pictures`.

    Returns what judgements() gives for the groups and then for the sheets, and whether a sheet may hold other than one
    digit.
    """
    judged = judgements(networks, tf.concat([images, pictures], axis=0))
    sure = tf.reduce_max(judged[0][:, 2], axis=1)
    left, top, right, bottom, *_ = groups.areas
    is_doubtful = tf.reduce_any(sure < judging.SURE) | tf.reduce_any(right - left > judging.WIDE * (bottom - top))
    return judged, is_doubtful | ~have_one


def neighbours(groups: Groups, images: Tensor, judged: Any) -> tuple[Any, ...]:
    """Tell what was read of groups from that of whole sheets, and which neighbours may be one digit together."""
    of_groups = tf.shape(images)[0]
    read_whole = tf.nest.map_structure(lambda values: values[:of_groups], judged)
    read_pictures = tf.nest.map_structure(lambda values: values[of_groups:], judged)
    sheet, line, height, *_, (left, top, right, bottom, _, x) = groups
    number = tf.range(of_groups)
    later = (x > x[:, None]) | ((x == x[:, None]) & (number > number[:, None]))
    later &= (sheet[:, None] == sheet) & (line[:, None] == line)
    following = tf.argmin(tf.where(later, x, FAR), axis=1, output_type=tf.int32)
    exists = tf.reduce_any(later, axis=1)
    left, top = (tf.minimum(side, tf.gather(side, following)) for side in (left, top))
    gap = tf.gather(groups.areas.left, following) - right
    right, bottom = (tf.maximum(side, tf.gather(side, following)) for side in (right, bottom))
    sure = tf.reduce_max(read_whole[0][:, 2], axis=1)
    may_be_one = exists & (tf.minimum(sure, tf.gather(sure, following)) < judging.SURE) & (gap <= judging.NEAR * height)
    may_be_one &= (right - left <= judging.WIDE * (bottom - top)) & (bottom - top <= grouping.HIGHEST * height)
    return read_whole, read_pictures, Pairs(following, exists, may_be_one), tf.reduce_any(may_be_one)


def judgements(networks: Networks, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Probabilities [n, 3, 10]: LeNet5's, FFNN's, and their mean; LeNet5's maps."""
    lenet5, maps = networks.lenet5(images)
    return with_mean(tf.stack([lenet5, networks.ffnn(images)], axis=1)), maps


def with_mean(both: Tensor) -> Tensor:
    """Add the mean to the probabilities of both networks, [n, 2, 10]."""
    return tf.concat([both, tf.reduce_mean(both, axis=1, keepdims=True)], axis=1)


def is_read(mean: Tensor) -> Tensor:
    """Whether the mean of both networks' probabilities, [n, 10], tells a digit."""
    entropy = -tf.reduce_sum(mean * tf.math.log(tf.maximum(mean, judging.LEAST)), axis=1)
    return (tf.reduce_max(mean, axis=1) > judging.PROBABLE) & (entropy < math.log(judging.OPEN))


def is_digit(probabilities: Tensor, images: Tensor) -> Tensor:
    """Whether each piece of ink counts as a digit."""
    return is_read(probabilities[:, 2]) & ~is_smear(images)


def is_digit_beside_digits(probabilities: Tensor, images: Tensor) -> Tensor:
    """Whether each piece of ink counts as a digit beside digits."""
    return (tf.reduce_max(probabilities[:, 2], axis=1) > judging.PROBABLE) & ~is_smear(images)


def is_smear(images: Tensor) -> Tensor:
    """Whether ink is a dot, or as dense as a filled rectangle, and not long."""
    across = tf.matmul(images, judging.POWERS)
    moments = tf.reduce_sum(across[..., None] * judging.POWERS[:, None], axis=1)  # a matmul fails for no images
    mass, y, yy, x, yx, _, xx, _, _ = tf.unstack(tf.reshape(moments, [-1, 9]), axis=1)
    yy, xx, yx = mass * yy - y * y, mass * xx - x * x, mass * yx - y * x
    determinant = yy * xx - yx * yx
    is_dense = (mass**6 > judging.SOLID * determinant) & ((yy + xx) ** 2 < judging.LONG * determinant)
    return is_dense | (yy + xx < judging.TINY * mass**2)


def probable(answers: Tensor) -> Tensor:
    """Probability of the likeliest digit, [n], or 0 if that does not count."""
    return tf.where(is_read(answers[:, 2]), tf.reduce_max(answers[:, 2], axis=1), 0.0)


def apart(
    cells: Cells, groups: Groups, images: Tensor, read_whole: Any, pairs: Pairs, pages: Pages
) -> tuple[Groups, Tensor, Any, Cells]:
    """Leave the groups as they are."""
    return groups, images, read_whole, cells


def join(
    networks: Networks, cells: Cells, groups: Groups, images: Tensor, read_whole: Any, pairs: Pairs, pages: Pages
) -> tuple[Groups, Tensor, Any, Cells]:
    """Join neighbours that are surely one digit together."""
    (first,) = indices(pairs.may_be_one)
    second = tf.gather(pairs.next, first)
    count, pair = tf.size(groups.sheet), tf.range(tf.size(first))
    mine = []
    for of_pair in (first, second):
        owner = tf.tensor_scatter_nd_update(tf.fill([count + 1], -1), of_pair[:, None], pair)
        owner = tf.gather(owner, cells.owner)
        (kept,) = indices(owner >= 0)
        mine.append(Cells(*(tf.gather(values, kept) for values in (owner, cells.y, cells.x))))
    of_pairs = Cells(*(tf.concat(both, axis=0) for both in zip(*mine, strict=True)))
    (mass, areas), (other_mass, other) = (
        (tf.gather(groups.mass, number), groups.areas.gather(number)) for number in (first, second)
    )
    total = mass + other_mass
    union = Areas(
        *(tf.minimum(a, b) for a, b in zip(areas[:2], other[:2], strict=True)),
        *(tf.maximum(a, b) for a, b in zip(areas[2:4], other[2:4], strict=True)),
        *((a * mass + b * other_mass) / total for a, b in zip(areas[4:], other[4:], strict=True)),
    )
    seen = images_of(of_pairs, tf.gather(groups.sheet, first), union, pages)
    read = judgements(networks, seen)
    sure = tf.where(is_digit(read[0], seen), tf.reduce_max(read[0][:, 2], axis=1), 0.0)
    of_group = tf.tensor_scatter_nd_update(tf.zeros([count]), first[:, None], sure)
    after = tf.where(pairs.exists, tf.gather(of_group, pairs.next), 0.0)
    before = tf.tensor_scatter_nd_max(tf.zeros([count]), pairs.next[:, None], tf.where(pairs.exists, of_group, 0.0))
    is_one = (sure > judging.SURE) & (sure >= tf.gather(after, first)) & (sure > tf.gather(before, first))
    (joined,) = indices(is_one)
    first, second, total = (tf.gather(each, joined) for each in (first, second, total))
    is_left = tf.tensor_scatter_nd_update(tf.ones([count], tf.int32), second[:, None], tf.zeros_like(second))
    (left,) = indices(is_left > 0)

    def replaced(values: Tensor, by: Tensor) -> Tensor:
        return tf.gather(tf.tensor_scatter_nd_update(values, first[:, None], by), left)

    def updated(values: Any, of_unions: Any) -> Any:
        return tf.nest.map_structure(lambda a, b: replaced(a, tf.gather(b, joined)), values, of_unions)

    parts, size, ends = (
        tf.gather(each, first) + tf.gather(each, second) for each in (groups.parts, groups.cells, groups.ends)
    )
    sheet, line, height = (tf.gather(each, left) for each in groups[:3])
    new = Groups(
        sheet,
        line,
        height,
        replaced(groups.parts, parts),
        replaced(groups.mass, total),
        replaced(groups.cells, size),
        replaced(groups.ends, ends),
        updated(groups.areas, union),
    )
    number = tf.cumsum(is_left) - 1
    number = tf.tensor_scatter_nd_update(number, second[:, None], tf.gather(number, first))
    owner = tf.gather(tf.concat([number, tf.shape(left)], axis=0), cells.owner)
    return new, updated(images, seen), updated(read_whole, read), Cells(owner, cells.y, cells.x)
