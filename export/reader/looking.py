"""Looks at sketches: four, at photographs, and where it is unclear which side is ink."""

from typing import NamedTuple

import tensorflow as tf

from export.reader.tensors import Tensor, indices
from model.normalize import LOOKS, Separation, look_again


class Clearness(NamedTuple):
    """How clear each sketch is, [B] each."""

    unclear: Tensor
    """Separation.unclear of the first look."""
    other: Tensor
    """Whether the sketch's middle clearly has the ink on the other side than the first look,"""
    same: Tensor
    """or on the same side."""
    is_marker: Tensor
    """Whether the second look thins a marker's strokes."""


class Looks(NamedTuple):
    """One look at all sketches, or up to four, one after another: the fields of Separation of the same names."""

    image: Tensor
    step: Tensor
    sign: Tensor
    paper: Tensor
    found: Tensor
    strength: Tensor
    lines: Tensor
    flat: Tensor
    number: Tensor
    """Of the first looks 0, 1 ... as of their sketches, of the next so many more, and so on."""


def is_any_looked_at_again(first: Separation) -> Tensor:
    """Whether any sketch is a photograph, or it is unclear which side of it is ink."""
    return tf.reduce_max(tf.maximum(first.unclear, first.photograph)) > 0


def once(first: Separation) -> tuple[Looks, Clearness]:
    """Look once at all sketches."""
    unclear = tf.reshape(first.unclear, [-1])
    looks = Looks(*first[:8], number=tf.range(tf.size(unclear)))
    return looks, Clearness(unclear, unclear > 0, unclear > 0, unclear > 0)


def again(first: Separation) -> tuple[Looks, Clearness]:
    """Look again. Looks that find nothing are left out."""
    more = look_again(first)
    unclear = tf.reshape(first.unclear, [-1])
    other, same, _ = (tf.reshape(look, [-1]) == 0 for look in tf.split(more.unclear, LOOKS))
    is_marker = tf.reshape(tf.split(more.photograph, LOOKS)[1], [-1]) == 0
    (number,) = indices(tf.reduce_max(more.found, axis=(1, 2)) > 0)
    number = tf.concat([tf.range(tf.size(unclear)), tf.size(unclear) + number], axis=0)
    image, step, sign, paper, found, strength, lines, flat = (
        tf.gather(tf.concat(both, axis=0), number) for both in zip(first[:8], more[:8], strict=True)
    )
    looks = Looks(image, step, sign, paper, found, strength, lines, flat, number)
    return looks, Clearness(unclear, other, same, is_marker)
