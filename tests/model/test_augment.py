"""Distortions change every image a little, and the seed decides how."""

import numpy as np
import pytest
import tensorflow as tf

from model.augment import distort

pytestmark = [pytest.mark.tensorflow]


def distorted(images: np.ndarray, *seed: int) -> np.ndarray:
    return np.asarray(distort((images / 255).astype(np.float32), tf.constant(seed, tf.int64)))


def test_each_image_is_changed_a_little_and_differently(digits: tuple[np.ndarray, np.ndarray]) -> None:
    same = np.repeat(digits[0][:1], 100, axis=0)
    images = distorted(same, 0, 1)
    assert len(np.unique(images.round(3), axis=0)) == 100
    changes = np.abs(images - same / 255).mean(axis=(1, 2))
    assert 0.005 < changes.mean() < 0.1
    np.testing.assert_allclose(images.sum(axis=(1, 2)).mean(), same[0].sum() / 255, rtol=0.1)


def test_distortions_do_not_move_the_centre_on_average(digits: tuple[np.ndarray, np.ndarray]) -> None:
    position = np.arange(28)
    image = digits[0][0] / 255
    images = distorted(np.repeat(digits[0][:1], 500, axis=0), 0, 1)
    for axis in (1, 2):
        centres = (images.sum(axis=axis) @ position) / images.sum(axis=(1, 2))
        np.testing.assert_allclose(centres.mean(), (image.sum(axis=axis - 1) @ position) / image.sum(), atol=0.15)


def test_the_same_seed_distorts_the_same_way(digits: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(distorted(digits[0][:10], 3, 4), distorted(digits[0][:10], 3, 4))
    assert (distorted(digits[0][:10], 3, 4) != distorted(digits[0][:10], 3, 5)).any()


def test_a_single_image_can_be_distorted(digits: tuple[np.ndarray, np.ndarray]) -> None:
    alone = distorted(digits[0][:1], 0, 1)
    np.testing.assert_array_equal(alone, distorted(digits[0][:1], 0, 1))
    assert np.abs(alone[0] - digits[0][0] / 255).mean() < 0.2


def test_strength_zero_leaves_the_image_unchanged(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = (digits[0][:5] / 255).astype(np.float32)
    same = distort(images, tf.constant([0, 1], tf.int64), 0.0)
    np.testing.assert_allclose(same, images / images.max(axis=(1, 2), keepdims=True), atol=1e-4)


def test_no_pixel_is_negative_and_the_strongest_ink_is_one(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = distorted(digits[0][:50], 2, 3)
    assert images.min() >= 0
    np.testing.assert_allclose(images.max(axis=(1, 2)), 1, atol=1e-6)
