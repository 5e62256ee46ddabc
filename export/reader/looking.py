"""Looks at sketches: three, where it is unclear which side is ink."""

from typing import NamedTuple

import tensorflow as tf

from export.reader.tensors import Tensor
from model.normalize import Separation, look_again


class Clearness(NamedTuple):
    """How clear each sketch is, [B] each."""

    unclear: Tensor
    """Separation.unclear of the first look."""
    other: Tensor
    """Whether the look that has the ink on the other side is clear,"""
    same: Tensor
    """and that with wider strokes."""


class Looks(NamedTuple):
    """One look at all sketches, or three, one after another: the fields of Separation of the same names."""

    image: Tensor
    step: Tensor
    sign: Tensor
    paper: Tensor
    found: Tensor
    strength: Tensor
    lines: Tensor
    flat: Tensor


def is_any_unclear(first: Separation) -> Tensor:
    """Whether it is unclear in any sketch which side is ink."""
    return tf.reduce_max(first.unclear) > 0


def once(first: Separation) -> tuple[Looks, Clearness]:
    """Look once at all sketches."""
    unclear = tf.reshape(first.unclear, [-1])
    return Looks(*first[:8]), Clearness(unclear, unclear > 0, unclear > 0)


def thrice(first: Separation) -> tuple[Looks, Clearness]:
    """Look again. Of sketches that are clear, these looks find nothing."""
    again = look_again(first)
    is_unclear = tf.cast(first.unclear > 0, tf.float32)
    image, step, sign, paper, found, *rest = (
        tf.concat(both, axis=0) for both in zip(first[:8], again[:8], strict=True)
    )
    found *= tf.concat([tf.ones_like(is_unclear), is_unclear, is_unclear], axis=0)
    other, same = (tf.reshape(half, [-1]) == 0 for half in tf.split(again.unclear, 2))
    return Looks(image, step, sign, paper, found, *rest), Clearness(tf.reshape(first.unclear, [-1]), other, same)
