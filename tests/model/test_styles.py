"""Every digit is drawn in each of its styles, and non-digits do not look like digits."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from model import styles
from model.draw import Drawing
from model.styles import LETTERS, STYLES, digits, non_digits


def drawn(count: int, seed: int = 0) -> list[Drawing]:
    pens, labels = digits(100, np.random.default_rng(9))
    return non_digits(count, np.random.default_rng(seed), pens, labels)


def test_every_digit_and_each_of_its_styles_are_drawn_equally_often() -> None:
    rounds = int(np.lcm.reduce([len(paths) for paths in STYLES.values()]))
    drawings, labels = digits(10 * rounds, np.random.default_rng(0))
    assert labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [rounds] * 10
    counts = Counter((int(label), len(drawing)) for label, drawing in zip(labels, drawings, strict=True))
    expected: Counter[tuple[int, int]] = Counter()
    for digit, paths in STYLES.items():
        for path in paths.values():
            expected[digit, path.count("/") + 1] += rounds // len(paths)
    assert counts == expected


@pytest.mark.parametrize(
    "draw", [lambda seed: digits(60, np.random.default_rng(seed))[0], lambda seed: drawn(60, seed)]
)
def test_the_seed_decides_every_point(draw: Callable[[int], list[Drawing]]) -> None:
    first, again, other = (np.concatenate([np.concatenate(drawing) for drawing in draw(seed)]) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_two_drawings_of_a_digit_are_equal() -> None:
    drawings = [np.concatenate(drawing) for drawing in digits(2000, np.random.default_rng(0))[0][8::10]]
    assert len({drawing.tobytes() for drawing in drawings}) == 200


def test_drawings_are_strokes_of_a_plausible_size() -> None:
    for drawing in digits(300, np.random.default_rng(0))[0] + drawn(400):
        assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) for stroke in drawing)
        points = np.concatenate(drawing)
        assert np.isfinite(points).all()
        assert 0.3 < np.ptp(points, axis=0).max() < 20


@pytest.mark.parametrize("count", [0, 1, 100])
def test_the_requested_number_of_drawings_is_returned(count: int) -> None:
    assert len(drawn(count)) == count
    assert [len(part) for part in digits(count, np.random.default_rng(0))] == [count, count]


def test_letters_that_look_like_digits_are_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    requested = set()

    def glyph(font: str, letter: str) -> list[styles.Stroke]:
        requested.add((font, letter))
        return original(font, letter)

    original = styles._glyph
    monkeypatch.setattr(styles, "_glyph", glyph)
    drawn(3000)
    assert requested == {(font, letter) for font, letters in LETTERS.items() for letter in letters}
    latin = {letter for font, letter in requested if font != "greek"}
    assert not latin & set("OoQIiljZzSsbGqgy")


def test_letters_stand_upright() -> None:
    bar, stem = sorted(
        (stroke.controls for stroke in styles._glyph("futural", "T")), key=lambda line: np.ptp(line[:, 1])
    )
    assert (bar[:, 1] == 0).all()
    assert stem[:, 1].max() == 1


def test_the_flag_of_a_one_is_steeper_than_the_bar_of_a_seven() -> None:
    """The first stroke starts with the flag or the bar, then turns into the stem at its highest point on the right."""

    def slope(digit: int, style: str) -> float:
        random = np.random.default_rng(0)
        lines = [styles.written(styles.strokes_of(STYLES[digit][style]), random)[0][[0, 6]] for _ in range(300)]
        steep = [np.degrees(np.arctan2(start[1] - end[1], end[0] - start[0])) for start, end in lines]
        return float(np.quantile(steep, 0.02 if digit == 1 else 0.98))

    assert min(slope(1, "flag"), slope(1, "long flag")) > 30
    assert max(slope(7, "plain"), slope(7, "curved stem")) < 25


def test_corners_stay_sharp_and_curves_are_smooth() -> None:
    def sharpest(path: str) -> float:
        (stroke,) = styles.strokes_of(path)
        angle = np.unwrap(np.arctan2(*np.diff(stroke.curve @ stroke.controls, axis=0).T))
        return float(np.degrees(np.abs(np.diff(angle)).max()))

    assert sharpest("0,0 100,0! 100,100") == pytest.approx(90)
    assert sharpest("0,0 100,0 100,100") < 45
