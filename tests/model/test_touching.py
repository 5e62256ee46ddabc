"""Numbers of touching digits are cut as the reader cuts them; a span is a digit only if it holds one, and it alone."""

import numpy as np
import pytest

from model import mnist, touching
from model.draw import Drawing
from model.mnist import Digits
from model.styles import NON_DIGIT

STEM = [np.array([[0.5, 0.0], [0.5, 1.0]])]
RING = [np.array([[0.5 + 0.35 * np.sin(t), 0.5 - 0.5 * np.cos(t)] for t in np.linspace(0, 2 * np.pi, 40)])]


def spans(pens: list[Drawing], labels: list[int], count: int = 30, seed: int = 0) -> Digits:
    return mnist.join(*touching.spans(count, np.random.default_rng(seed), pens, np.array(labels, np.uint8)))


def widths(images: np.ndarray) -> np.ndarray:
    return (images > 128).any(axis=1).sum(axis=1) / (images > 128).any(axis=2).sum(axis=1)


def test_each_number_leaves_its_digits_and_spans_that_are_none() -> None:
    numbers = [*touching.spans(30, np.random.default_rng(0), [RING], np.array([0], np.uint8))]
    assert len(numbers) == 30
    assert {*mnist.join(*numbers).labels} == {0, NON_DIGIT}
    for left in numbers:
        assert (left.labels == 0).sum() <= 3 * touching.OF_EACH
        assert (left.labels == NON_DIGIT).sum() <= touching.NO_DIGITS


def test_the_images_are_those_that_the_networks_see() -> None:
    images, labels = spans([STEM, RING], [1, 0])
    assert images.shape == (len(labels), 28, 28)
    assert images.dtype == np.uint8
    assert (images.max(axis=(1, 2)) == 255).all()


def test_what_is_no_digit_is_wider_than_a_ring_or_holds_parts_of_two() -> None:
    images, labels = spans([RING], [0])
    digits, others = widths(images[labels == 0]), widths(images[labels == NON_DIGIT])
    assert np.median(digits) < 1 < np.median(others)


@pytest.mark.parametrize(("pen", "label"), [(STEM, 1), (RING, 0)])
def test_a_span_has_the_label_of_the_digit_it_holds(pen: Drawing, label: int) -> None:
    images, labels = spans([STEM, RING], [1, 0])
    (median,) = {np.median(widths(images[labels == label]))}
    assert (median < 0.5) == (label == 1)


def test_the_seed_decides_every_span() -> None:
    once, again, other = (spans([STEM, RING], [1, 0], 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.images, again.images)
    assert once.images.shape != other.images.shape or (once.images != other.images).any()
