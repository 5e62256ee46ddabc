"""A sketch is normalized as MNIST was: scaled to a box of 20 x 20, antialiased, centred by mass."""

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model.draw import draw
from model.normalize import normalize, normalize_all

pytestmark = [pytest.mark.tensorflow]


def normalized(sketch: np.ndarray) -> np.ndarray:
    return np.asarray(normalize(sketch[None]))[0]


def reference(sketch: np.ndarray) -> np.ndarray:
    """Normalize in float64, by cropping and integrating where normalize() multiplies two matrices."""
    level = sketch.astype(np.float64)
    level -= paper(level)
    lighter, darker = level.max(), -level.min()
    contrast, grain = max(lighter, darker), min(lighter, darker)
    if contrast <= max(1.6 * grain, 19.5):
        return np.zeros((28, 28))
    ink = level if lighter > darker else -level
    ink = np.where(ink > max(contrast * 101 / 510, 1.2 * grain), ink, 0) / contrast
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


def paper(level: np.ndarray) -> np.ndarray:
    """The surface a + by + cx + dy² + exy + fx², fitted to 8 weighted means along each edge, outliers clipped."""
    z_y, z_x = ((np.arange(length) + 0.5) / length for length in level.shape)
    values, places = [], []
    for y, x in ((y, x) for y in range(10) for x in range(10) if (y in (0, 9)) != (x in (0, 9))):
        weight = np.ones(1)
        for z, knot, shape in ((z_y, y, (-1, 1)), (z_x, x, (1, -1))):
            reach = max(1 / 64 if knot in (0, 9) else 1 / 9, 1 / len(z))
            weight = weight * (reach - abs(z - knot / 9)).clip(0).reshape(shape)
        values.append((weight * level).sum() / weight.sum())
        places.append((y / 9, x / 9))
    middle = sorted(values)[16]
    near = 1.5 * sorted(abs(value - middle) for value in values)[22]

    def terms(y: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
        return list(np.broadcast_arrays(np.ones(1), y, x, y * y, y * x, x * x))

    fit, *_ = np.linalg.lstsq(np.stack(terms(*np.transpose(places)), 1), np.clip(values, middle - near, middle + near))
    return np.tensordot(fit, np.stack(terms(z_y[:, None], z_x[None])), 1)


def lit(sketch: np.ndarray, dim: float = 0.6) -> np.ndarray:
    """The sketch on grey paper, in light that falls to `dim` of its strength towards the lower right."""
    y, x = np.ogrid[: sketch.shape[0], : sketch.shape[1]]
    light = 1 - (1 - dim) * (y / len(sketch) + x / sketch.shape[1]) ** 2 / 4
    return (sketch * (200 / 255) * light).astype(np.uint8)


def grainy(sketch: np.ndarray, deviation: float = 8) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, sketch.shape)
    return (sketch + noise).clip(0, 255).astype(np.uint8)


def through_jpeg(sketch: np.ndarray, quality: int = 30) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(sketch).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def sketches(digits: tuple[np.ndarray, np.ndarray]) -> Iterator[np.ndarray]:
    for number, digit in enumerate(digits[0][:8]):
        yield digit
        large = digit.repeat(5 + number, axis=0).repeat(5 + number, axis=1)
        yield np.pad(large, ((30, 7 * number + 1), (3 * number + 1, 60)))
        yield 255 - np.pad(large, 20)
        yield 190 - np.pad(large, 9) // 3
        yield lit(255 - np.pad(large, 12))


def test_normalize_agrees_with_a_float64_reference(digits: tuple[np.ndarray, np.ndarray]) -> None:
    for sketch in sketches(digits):
        np.testing.assert_allclose(normalized(sketch), reference(sketch), atol=1e-4)


def test_mnist_images_stay_nearly_unchanged(digits: tuple[np.ndarray, np.ndarray]) -> None:
    images = np.asarray(normalize(digits[0][:500]))
    assert np.abs(images - digits[0][:500] / 255).mean() < 0.03


def test_size_place_and_polarity_of_a_drawing_do_not_change_the_image(digits: tuple[np.ndarray, np.ndarray]) -> None:
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


@pytest.mark.parametrize("spoil", [lit, grainy, through_jpeg, lambda sketch: through_jpeg(grainy(lit(sketch)))])
def test_a_photograph_of_a_drawing_gives_nearly_the_same_image(
    spoil: Callable[[np.ndarray], np.ndarray], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    for digit in digits[0][:10]:
        drawing = 255 - np.pad(digit, 6).repeat(8, axis=0).repeat(8, axis=1)
        assert np.abs(normalized(spoil(drawing)) - normalized(drawing)).mean() < 0.05


def test_a_digit_cut_off_at_two_edges_is_not_taken_for_paper(digits: tuple[np.ndarray, np.ndarray]) -> None:
    for digit in digits[0][:10]:
        large = np.pad(digit, ((0, 4), (0, 4))).repeat(8, axis=0).repeat(8, axis=1)
        y, x = (np.flatnonzero(large.any(axis=axis))[0] for axis in (1, 0))
        cut = large[y + 10 :, x + 10 :]
        assert np.abs(normalized(cut) - normalized(np.pad(cut, 100))).max() < 0.05


def test_a_blank_sheet_in_uneven_light_gives_a_blank_image() -> None:
    sheet = np.full((300, 400), 255, np.uint8)
    for blank in (lit(sheet), grainy(lit(sheet)), through_jpeg(grainy(lit(sheet)))):
        assert not normalized(blank).any()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_sketch_gives_a_blank_image_even_if_the_paper_is_noisy(level: int) -> None:
    noise = np.random.default_rng(0).integers(-6, 7, (90, 120))
    assert not normalized(np.full((90, 120), level, np.uint8)).any()
    assert not normalized((level + noise).clip(0, 255).astype(np.uint8)).any()


@pytest.mark.parametrize("shape", [(8, 8), (8, 2_048), (2_048, 2_048)])
def test_a_canvas_of_any_size_gives_ink_between_0_and_1(shape: tuple[int, int]) -> None:
    sketch = np.zeros(shape, np.uint8)
    sketch[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 255
    image = normalized(sketch)
    assert image.shape == (28, 28)
    assert image.min() >= 0
    assert image.max() == 1


def test_a_single_dark_pixel_gives_finite_values() -> None:
    sketch = np.full((280, 280), 255, np.uint8)
    sketch[100, 100] = 0
    assert np.isfinite(normalized(sketch)).all()


def test_sketches_are_normalized_in_batches() -> None:
    seven = [np.array([[0, 0], [100, 0], [50, 200]]), np.array([[20, 100], [80, 100]])]
    images = normalize_all((draw(seven, brush, 150) for brush in (5, 30, 12)), 3, batch_size=2)
    assert images.shape == (3, 28, 28)
    assert images.dtype == np.uint8
    assert (images.max(axis=(1, 2)) == 255).all()
    assert (images > 25).any(axis=2).sum(axis=1).tolist() == pytest.approx([20, 20, 20], abs=2)
    assert images[0].sum() < images[2].sum() < images[1].sum()
