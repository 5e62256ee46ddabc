"""Each rare style is drawn with its label, repeats itself by seed, and has the features that it is named after."""

from functools import cache

import numpy as np
import pytest

from model.draw import Drawing
from model.rare import RARE, drawings
from model.recipes import RECIPES
from model.styles import NON_DIGIT, digits


@cache
def usual_pens() -> tuple[list[Drawing], np.ndarray]:
    """800 digits in usual styles."""
    return digits(800, np.random.default_rng(9))


def drawn(name: str, count: int, seed: int = 0, wild: bool = False) -> list[Drawing]:
    """Draw `count` of the style `name`, over pen digits in usual styles or, if `wild`, over ones that suit no style."""
    pens, labels = usual_pens()
    if wild:
        pens = [[np.array([[0.0, 1.0], [0.1, 0.0]])] for _ in pens]
    return drawings((name,), count, np.random.default_rng(seed), pens, labels)[0]


@pytest.mark.parametrize("name", RARE)
def test_a_style_draws_what_it_is_asked_for_and_repeats_itself_by_seed(name: str) -> None:
    first, again, other = ([np.concatenate(drawing) for drawing in drawn(name, 20, seed=seed)] for seed in (3, 3, 4))
    for points, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(points, same)
    assert len({points.tobytes() for points in first + other}) > 10
    for drawing in drawn(name, 20):
        assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) for stroke in drawing)
        assert np.isfinite(np.concatenate(drawing)).all()
        assert 0.3 < np.ptp(np.concatenate(drawing), axis=0).max() < 10


@pytest.mark.parametrize("name", [name for name in RARE if "pair" not in name])
def test_a_style_is_drawn_by_hand_if_no_pen_digit_suits(name: str) -> None:
    for drawing in drawn(name, 5, wild=True):
        assert np.ptp(np.concatenate(drawing)[:, 1]) > 0.2


def test_the_name_begins_with_the_digit() -> None:
    for name, (label, _) in RARE.items():
        assert label == (int(name[0]) if name[0].isdigit() else NON_DIGIT), name


def test_labels_follow_the_names() -> None:
    pens, labels = digits(100, np.random.default_rng(9))
    made, given = drawings(("7 wavy roof", "pair"), 3, np.random.default_rng(0), pens, labels)
    assert len(made) == 6
    assert given.dtype == np.uint8
    assert given.tolist() == [7, 7, 7, NON_DIGIT, NON_DIGIT, NON_DIGIT]
    assert [len(part) for part in drawings((), 3, np.random.default_rng(0), pens, labels)] == [0, 0]


def test_the_recipes_name_styles_that_exist() -> None:
    named = {name for recipes in RECIPES.values() for recipe in recipes.values() for name in recipe.rare}
    assert named <= RARE.keys()


@pytest.mark.parametrize("name", ["1 long flag", "1 lengthened flag"])
def test_the_long_flag_of_a_one_slopes_down_to_the_left(name: str) -> None:
    flags, stems = [], []
    for drawing in drawn(name, 200):
        stroke = drawing[0]
        top = int(stroke[:, 1].argmin())
        flags.append(stroke[0] - stroke[top])
        stems.append(stroke[-1] - stroke[top])
    slopes = np.degrees(np.arctan2(*np.transpose(flags)[::-1] * [[1], [-1]]))  # below the horizontal
    assert np.quantile(slopes, 0.02) > 25, "a 7 has a roof, at most 25 degrees steep"
    cosines = np.sum(np.multiply(flags, stems), axis=1)
    assert (cosines > 0).mean() > 0.98, "the angle between flag and stem is acute"
    lengths = np.hypot(*np.transpose(flags)) / np.hypot(*np.transpose(stems))
    assert 0.6 < np.median(lengths) < 0.95


def test_the_slash_of_a_zero_goes_beyond_the_ring_on_both_sides() -> None:
    beyond = []
    for ring, slash in drawn("0 slashed far beyond", 100):
        upper, lower = slash[0], slash[-1]
        length = np.hypot(*(upper - lower))
        along = (upper - lower) / length
        near = ring[np.abs((ring - lower) @ [-along[1], along[0]]) < 0.1]
        beyond.append((length - ((near - lower) @ along).max(), ((near - lower) @ along).min()))
        assert along[0] > 0, "it rises to the right"
        assert along[1] < 0
    assert np.min(beyond) > 0
    assert np.median(beyond, axis=0).min() > 0.15


def test_the_bar_of_a_seven_crosses_its_stem() -> None:
    for seven, bar in drawn("7 crossed", 100):
        nearest = np.hypot(*(seven[:, None] - bar).transpose(2, 0, 1)).min()
        assert nearest < 0.08
        assert np.ptp(bar[:, 0]) > 0.3


def test_a_long_stem_makes_a_digit_narrow() -> None:
    for digit in (4, 7, 9):
        long = [np.ptp(np.concatenate(drawing), axis=0) for drawing in drawn(f"{digit} long stem", 100)]
        pens, labels = usual_pens()
        usual = [np.ptp(np.concatenate(pens[i]), axis=0) for i in np.flatnonzero(labels == digit)]
        narrow, common = (np.median([width / height for width, height in sizes]) for sizes in (long, usual))
        assert narrow < 0.9 * common


def test_half_a_four_has_no_stem() -> None:
    assert {len(drawing) for drawing in drawn("half a 4", 50)} == {1}


def test_a_stub_is_small_and_beside_its_digit() -> None:
    for name in ("0 beside a stub", "7 beside a stub"):
        beside = 0
        for drawing in drawn(name, 50):
            sizes = [np.ptp(stroke, axis=0) for stroke in drawing]
            beside += len(drawing) > 1 and sizes[-1][0] < 0.2 and sizes[-1][1] < 0.5
        assert beside > 25, name


def test_a_piece_is_half_a_digit() -> None:
    for drawing in drawn("piece", 50):
        width, height = np.ptp(np.concatenate(drawing), axis=0)
        assert 0.2 * height < width < 0.9 * height


def test_the_digits_of_a_pair_stand_side_by_side_and_are_equally_high() -> None:
    for name, least, most in (("pair", 0.1, 0.62), ("touching pair", -0.13, 0.03)):
        for drawing in drawn(name, 50):
            gaps = []
            for cut in range(1, len(drawing)):
                left, right = np.concatenate(drawing[:cut]), np.concatenate(drawing[cut:])
                if np.ptp(left[:, 1]) == pytest.approx(1) == np.ptp(right[:, 1]):
                    gaps.append(right[:, 0].min() - left[:, 0].max())
            assert any(least <= gap <= most for gap in gaps)
