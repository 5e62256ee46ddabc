"""A sketch becomes what MNIST would have made of it: box 20 x 20, antialiased, centred by mass."""

from collections.abc import Iterator

import numpy as np
import pytest

from model.normalize import normalize


def normalized(sketch: np.ndarray) -> np.ndarray:
    return np.asarray(normalize(sketch[None]))[0]


def reference(sketch: np.ndarray) -> np.ndarray:
    """The same in float64, cropping and integrating where normalize() multiplies two matrices."""
    level = sketch.astype(np.float64)
    paper = (level[[0, -1]].mean() + level[:, [0, -1]].mean()) / 2
    ink = level - paper if level.max() - paper >= paper - level.min() else paper - level
    if ink.max() < 19.5:
        return np.zeros((28, 28))
    ink = np.where(ink / ink.max() > 101 / 510, ink / ink.max(), 0)
    ys, xs = np.nonzero(ink)
    step = max(np.ptp(ys), np.ptp(xs)) / 20 + 1 / 20
    mass = np.pad(ink.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def mass_within(y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Ink above and left of every (y, x): bilinear between the pixel edges."""
        y, x = y.clip(0, sketch.shape[0]), x.clip(0, sketch.shape[1])
        top, left = np.minimum(y.astype(int), sketch.shape[0] - 1), np.minimum(x.astype(int), sketch.shape[1] - 1)
        v, u = (y - top)[:, None], (x - left)[None]
        upper = mass[np.ix_(top, left)] * (1 - u) + mass[np.ix_(top, left + 1)] * u
        lower = mass[np.ix_(top + 1, left)] * (1 - u) + mass[np.ix_(top + 1, left + 1)] * u
        return upper * (1 - v) + lower * v

    edges = (np.arange(29) - 14.5) * step
    y_centre = ((np.arange(sketch.shape[0]) + 0.5) * ink.sum(1)).sum() / ink.sum()
    x_centre = ((np.arange(sketch.shape[1]) + 0.5) * ink.sum(0)).sum() / ink.sum()
    image = np.diff(np.diff(mass_within(y_centre + edges, x_centre + edges), axis=0), axis=1)
    return image / image.max()


def sketches(digits: tuple[np.ndarray, np.ndarray]) -> Iterator[np.ndarray]:
    for number, digit in enumerate(digits[0][:8]):
        yield digit
        large = digit.repeat(5 + number, axis=0).repeat(5 + number, axis=1)
        yield np.pad(large, ((30, 7 * number + 1), (3 * number + 1, 60)))
        yield 255 - np.pad(large, 20)
        yield 190 - np.pad(large, 9) // 3


def test_agrees_with_a_float64_reference(digits: tuple[np.ndarray, np.ndarray]) -> None:
    for sketch in sketches(digits):
        np.testing.assert_allclose(normalized(sketch), reference(sketch), atol=1e-4)


def test_leaves_mnist_itself_nearly_as_it_is(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = np.asarray(normalize(digits[0][:500]))
    assert np.abs(images - digits[0][:500] / 255).mean() < 0.03


def test_size_place_and_polarity_of_the_drawing_do_not_matter(digits: tuple[np.ndarray, np.ndarray]) -> None:
    digit = np.pad(digits[0][0], 4).repeat(4, axis=0).repeat(4, axis=1)
    expected = normalized(digit)
    np.testing.assert_allclose(normalized(255 - digit), expected, atol=1e-4)
    np.testing.assert_allclose(normalized(np.pad(digit, ((90, 0), (0, 41)))), expected, atol=1e-4)
    np.testing.assert_allclose(normalized(digit.repeat(3, axis=0).repeat(3, axis=1)), expected, atol=1e-4)


def test_a_tall_bar_fills_twenty_rows_and_keeps_its_aspect() -> None:
    sketch = np.zeros((300, 200), np.uint8)
    sketch[50:250, 90:110] = 255
    image = normalized(sketch)
    np.testing.assert_allclose(image.sum(axis=0).max(), 20, atol=1e-3)
    np.testing.assert_allclose(image.sum(axis=1).max(), 2, atol=1e-3)


def test_the_centre_of_mass_lands_in_the_middle_of_pixel_14(digits: tuple[np.ndarray, np.ndarray]) -> None:
    position = np.arange(28) + 0.5
    for image in np.asarray(normalize(digits[0][:50])):
        np.testing.assert_allclose((image.sum(axis=1) @ position) / image.sum(), 14.5, atol=0.1)
        np.testing.assert_allclose((image.sum(axis=0) @ position) / image.sum(), 14.5, atol=0.1)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_sketch_gives_a_blank_image_even_if_the_paper_is_noisy(level: int) -> None:
    noise = np.random.default_rng(0).integers(-6, 7, (90, 120))
    assert not normalized(np.full((90, 120), level, np.uint8)).any()
    assert not normalized((level + noise).clip(0, 255).astype(np.uint8)).any()


@pytest.mark.parametrize("shape", [(8, 8), (8, 2_048), (2_048, 2_048)])
def test_any_canvas_gives_finite_ink_between_0_and_1(shape: tuple[int, int]) -> None:
    sketch = np.zeros(shape, np.uint8)
    sketch[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 255
    image = normalized(sketch)
    assert image.shape == (28, 28)
    assert image.min() >= 0
    assert image.max() == 1


def test_a_single_dot_is_read_without_dividing_by_zero() -> None:
    sketch = np.full((280, 280), 255, np.uint8)
    sketch[100, 100] = 0
    assert np.isfinite(normalized(sketch)).all()
