"""Distortions that make more training images out of those there are."""

import math
from typing import Any

import tensorflow as tf
from keras import ops

TURN = math.radians(9)
SHEAR = 0.15
STRETCH = 0.1  # of width and of height, each for itself
SHIFT = 1.2  # pixels


def distort(images: Any, seed: Any) -> Any:
    """Turn, shear, stretch and shift each image a little, in one interpolation: four would blur it.

    Takes and gives float32 [batch, height, width, 1], paper 0. `seed`, two integers, decides it all.
    """
    limits = tf.constant([[TURN], [SHEAR], [STRETCH], [STRETCH], [SHIFT], [SHIFT]])
    drawn = limits * tf.random.stateless_uniform((6, tf.shape(images)[0]), seed, -1, 1)
    turn, shear, wider, taller, right, down = tf.unstack(drawn)
    a, b = ops.cos(turn) * (1 + wider), shear - ops.sin(turn)
    c, d = ops.sin(turn), ops.cos(turn) * (1 + taller)
    y, x = (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2  # the centre stays where it is, but for the shift
    nothing = ops.zeros_like(turn)
    matrix = [a, b, x - a * x - b * y + right, c, d, y - c * x - d * y + down, nothing, nothing]
    return ops.image.affine_transform(images, ops.stack(matrix, axis=1), fill_mode="constant", fill_value=0.0)
