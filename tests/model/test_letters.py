"""Letters are drawn in the ways that people write them, repeat themselves by seed, and hold none that is a digit."""

import numpy as np
import pytest

from model.draw import Drawing
from model.letters import LETTERS, composed_letter, letters
from model.styles import digits, strokes_of
from model.ujipen import UNLIKE_DIGITS

pens, written = digits(800, np.random.default_rng(9))


def drawn(count: int, seed: int = 0) -> list[Drawing]:
    return letters(count, np.random.default_rng(seed), pens, written)


def test_letters_are_as_many_as_asked_for_and_repeat_themselves_by_seed() -> None:
    first, again, other = ([np.concatenate(drawing) for drawing in drawn(60, seed)] for seed in (3, 3, 4))
    assert len(first) == 60
    for points, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(points, same)
    assert not {points.tobytes() for points in first} & {points.tobytes() for points in other}
    for points in first:
        assert np.isfinite(points).all()
        assert 0.3 < np.ptp(points, axis=0).max() < 10


def test_every_letter_unlike_a_digit_is_drawn_and_no_other() -> None:
    assert sorted(LETTERS) == sorted(UNLIKE_DIGITS)


@pytest.mark.parametrize("letter", LETTERS)
def test_the_ways_of_writing_a_letter_fill_the_height(letter: str) -> None:
    for way in LETTERS[letter]:
        points = np.concatenate([stroke.controls for stroke in strokes_of(way)])
        assert points.min() >= -0.05
        assert points.max() <= 1.05
        assert np.ptp(points[:, 1]) > 0.55


def test_composed_letters_are_of_the_strokes_of_ones_and_zeros() -> None:
    by_label = [[pens[i] for i in np.flatnonzero(written == digit)] for digit in range(10)]
    only = [by_label[digit] if digit < 2 else [] for digit in range(10)]
    random = np.random.default_rng(0)
    for _ in range(100):
        drawing = composed_letter(random, only)
        assert 1 <= len(drawing) <= 4
        assert 0.5 < np.ptp(np.concatenate(drawing)[:, 1]) < 1.4


def test_a_zero_that_begins_with_a_dot_leaves_no_letter_empty() -> None:
    dotted = [np.array([[0.5, 0.5], [0.5, 0.51]]), np.array([[0, 0.5], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]])]
    one = [np.array([[0.0, 0], [0, 1]])]
    for drawing in letters(200, np.random.default_rng(0), [dotted, one], np.array([0, 1])):
        assert all(len(stroke) for stroke in drawing)
        assert np.ptp(np.concatenate(drawing), axis=0).max() > 0.3
