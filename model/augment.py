"""Distort training images, so that the network never sees the same image twice."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from model.normalize import SIDE

TURN = math.radians(9)
SHEAR = 0.15
STRETCH = 0.1  # of the width and of the height, independently
SHIFT = 1.2  # pixels
WAVE = 1.0  # pixels, standard deviation of the elastic displacement
KNOTS = 6  # of the elastic displacement, along each axis
THICKNESS = 0.4  # share of the way to an image whose strokes are one pixel thicker or thinner on each side


def distort(images: Any, seed: Any, strength: float = 1.0) -> Any:
    """Turn, shear, stretch, shift, bend and thicken each image a little.

    All displacements are composed and interpolated once, because each interpolation blurs. `images` and the result are
    float32 [batch, 28, 28], paper 0, the strongest ink 1. `seed`, two integers, decides all of it. `strength` scales
    the limits.
    """
    batch = tf.shape(images)[0]
    seeds = tf.random.experimental.stateless_split(seed, 3)
    limits = strength * tf.constant([TURN, SHEAR, STRETCH, STRETCH, SHIFT, SHIFT])[:, None, None, None]
    amounts = limits * tf.random.stateless_uniform((6, batch, 1, 1), seeds[0], -1, 1)
    turn, shear, wider, taller, right, down = tf.unstack(amounts)
    knots = tf.random.stateless_normal((2, batch, KNOTS, KNOTS), seeds[1], stddev=strength * WAVE)
    wave_x, wave_y = tf.unstack(
        tf.einsum("yk,cbkl,xl->cbyx", _CURVES, knots, _CURVES)
    )  # TensorFlow's matmul is wrong at batch 1

    from_centre = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    x, y = from_centre[None, None, :], from_centre[None, :, None]
    source_x = tf.cos(turn) * (1 + wider) * x + (shear - tf.sin(turn)) * y + right + wave_x
    source_y = tf.sin(turn) * x + tf.cos(turn) * (1 + taller) * y + down + wave_y
    thicker = THICKNESS * strength * tf.random.stateless_uniform((batch, 1, 1), seeds[2], -1, 1)
    distorted = _sample(_thicken(images, thicker), source_x - from_centre[0], source_y - from_centre[0])
    return distorted / tf.maximum(tf.reduce_max(distorted, axis=(1, 2), keepdims=True), 0.5)


def _thicken(images: Any, amount: Any) -> Any:
    """Move each pixel towards the strongest of its 3 x 3 neighbours by `amount` [batch, 1, 1]; below 0, the weakest."""
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]], "SYMMETRIC")

    def among_neighbours(choose: Any) -> Any:
        rows = choose(choose(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])  # faster than max_pool2d
        return choose(choose(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])

    thick, thin = among_neighbours(tf.maximum), among_neighbours(tf.minimum)
    return images + tf.maximum(amount, 0.0) * (thick - images) + tf.minimum(amount, 0.0) * (images - thin)


def _sample(images: Any, x: Any, y: Any) -> Any:
    """Sample the images at positions x, y [batch, 28, 28] in pixels, by bilinear interpolation. Outside is paper."""
    side = SIDE + 2
    padded = tf.reshape(tf.pad(images, [[0, 0], [1, 1], [1, 1]]), [-1])
    x, y = tf.clip_by_value(x + 1, 0.0, side - 1.001), tf.clip_by_value(y + 1, 0.0, side - 1.001)
    left, top = tf.floor(x), tf.floor(y)
    x, y = x - left, y - top
    first = side * side * tf.range(tf.shape(images)[0])
    corner = first[:, None, None] + tf.cast(top * side + left, tf.int32)

    def at(offset: int) -> Any:
        return tf.gather(padded, corner + offset)  # faster than with batch_dims

    above = at(0) * (1 - x) + at(1) * x
    below = at(side) * (1 - x) + at(side + 1) * x
    return above * (1 - y) + below * y


def _curves() -> np.ndarray:
    """Cubic B-splines [28, KNOTS], one for each knot, scaled so that the displacement has unit variance."""
    position = np.linspace(1, KNOTS - 2, SIDE)[:, None]
    distance = np.abs(position - np.arange(KNOTS)[None, :])
    near, far = 2 / 3 - distance**2 + distance**3 / 2, np.clip(2 - distance, 0, None) ** 3 / 6
    curves = np.where(distance < 1, near, far)
    return (curves / np.sqrt((curves**2).sum(axis=1, keepdims=True))).astype(np.float32)


_CURVES = _curves()
