"""Pen strokes are drawn as the sketchpad draws them."""

import numpy as np
import pytest

from model.draw import draw, draw_with_random_brushes


def test_size_and_brush_set_the_extent_and_thickness_of_the_ink() -> None:
    one = [np.array([[0.0, 0.0], [0.0, 3.0]])]
    ink = np.asarray(draw(one, brush=20, size=176)) < 128
    assert ink.shape == (280, 280)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert np.ptp(rows) + 1 == pytest.approx(196, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(20, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((140, 140), abs=1.5)


def test_a_dot_is_drawn_as_wide_as_the_brush() -> None:
    ink = np.asarray(draw([np.array([[7.0, 7.0]])], brush=30, size=100)) < 128
    assert ink.sum() == pytest.approx(np.pi * 15**2, rel=0.1)


def test_random_brushes_range_from_fine_to_thick() -> None:
    line = [np.array([[0.0, 0.0], [0.0, 1.0]])]
    ink = [
        (np.asarray(sketch) < 128).sum() for sketch in draw_with_random_brushes([line] * 50, np.random.default_rng(0))
    ]
    assert max(ink) > 5 * min(ink)
