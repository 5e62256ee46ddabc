"""Tensors, and what is often done with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Tensor = Any
FAR = np.float32(1e9)


def indices(condition: Tensor) -> list[Tensor]:
    """Where a condition holds: an index for each axis, in order."""
    axes = len(condition.shape)
    found = tf.where(condition)
    return [tf.cast(tf.reshape(found, [-1]), tf.int32)] if axes == 1 else tf.unstack(tf.cast(found, tf.int32), axes, 1)


def first_of(condition: Tensor) -> Tensor:
    """The first index along the last axis for which a condition holds; runtimes differ in ArgMax of equal values."""
    count = tf.shape(condition)[-1]
    return tf.reduce_min(tf.where(condition, tf.range(count), count), axis=-1)


def around(values: Tensor) -> Tensor:
    """The largest value in and around each cell of [n, rows, columns]."""
    return tf.squeeze(tf.nn.max_pool2d(tf.expand_dims(values, 3), 3, 1, "SAME"), 3)


def segment_sums(owner: Tensor, amount: Tensor, owners: Tensor) -> Tensor:
    """The sum of the amounts of each of `owners` owners, [owners]; `owner` is the number of each amount's."""
    return tf.tensor_scatter_nd_add(tf.zeros([owners], amount.dtype), owner[:, None], amount)


def crossed(rows: Tensor, columns: Tensor) -> Tensor:
    """The sum of each of [n, rows] and each of [n, columns], [n, rows, columns]."""
    return rows[:, :, None] + columns[:, None]


def pairs(function: Callable[[Tensor, Tensor], Tensor], values: Tensor) -> Tensor:
    """What a function of two values gives for each two of [B, K], [B, K, K]."""
    return function(values[:, :, None], values[:, None])


def both(values: Tensor) -> Tensor:
    """Whether each two of [B, K] are true, [B, K, K]."""
    return pairs(tf.logical_and, values)


def overlap(start: Tensor, end: Tensor) -> Tensor:
    """How much each two of the intervals [B, K] share, [B, K, K]; what is below 0 lies between them."""
    return pairs(tf.minimum, end) - pairs(tf.maximum, start)
