"""A sketch is normalized as MNIST was: scaled to a box of 20 x 20, antialiased, centred by mass."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from model.draw import draw
from model.normalize import normalize, normalize_all

pytestmark = [pytest.mark.tensorflow]


def normalized(sketch: np.ndarray) -> np.ndarray:
    return np.asarray(normalize(sketch[None]))[0]


def reference(sketch: np.ndarray) -> np.ndarray:
    """Normalize one sketch in float64, with sums and loops where normalize() multiplies and pools whole batches."""
    cell = np.array(sketch.shape) / 64
    level = np.diff(np.diff(integral(sketch, np.arange(65) * cell[0], np.arange(65) * cell[1]), axis=0), axis=1)
    level /= cell.prod()
    light, drawn = polarity(level)
    if light:
        level, sketch = 255 - level, 255 - sketch
    if drawn:
        paper, grain, dark, contrast = np.full((64, 64), level.max()), 0.0, level.max() - level, 6.0
        strongest = dark.max()
        found, *_ = company(dark, grain)
    else:
        narrow, wide = (strokes(level, size, contact) for size, contact in ((7, 5), (21, 21)))
        box = np.zeros((32, 32), bool)
        rows, columns = (np.flatnonzero(narrow.ink.any(axis)) for axis in (1, 0))
        if len(rows):
            box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        amount, within, astray = narrow.ink.sum(), wide.ink[box].sum(), wide.ink[~box].sum()
        chosen = narrow if within < 1.1 * amount and astray > 0.1 * amount else wide
        paper, grain, dark, found, _, contrast, _ = chosen
        strongest = narrow.free.max() if contrast == 6.0 else dark.max()
    if strongest <= max(contrast, 3 * grain):
        return np.zeros((28, 28))
    near = largest(clip(8 * found), 3)
    ink = (dark - grain).clip(0) * near
    beside = largest(ink, 3).clip(1e-3)
    cover = clip(4 * beside / (0.2 * beside.max()) - 3) * ink / beside
    step = max(extent(cover.max(1)) * cell[0], extent(cover.max(0)) * cell[1]) / 20
    middle = np.arange(64) + 0.5
    y, x = (ink.sum(1) @ middle / ink.sum() * cell[0], ink.sum(0) @ middle / ink.sum() * cell[1])
    edges = (np.arange(29) - 14.5) * step

    def image_of(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
        whole = integral(values, (y + edges) / scale[0], (x + edges) / scale[1]) * scale.prod()
        return np.diff(np.diff(whole, axis=0), axis=1)

    fine = np.diff(integral(sketch, np.arange(193) * len(sketch) / 192, np.arange(sketch.shape[1] + 1.0)), axis=0)
    fine = np.diff(fine, axis=1) * 192 / len(sketch)
    image = image_of(paper - grain, cell) - image_of(fine, np.array([len(sketch) / 192, 1.0]))
    image = image.clip(0) * clip(4 * image_of(near, cell) / step**2)
    return image / image.max()


def clip(values: np.ndarray) -> np.ndarray:
    return values.clip(0, 1)


def integral(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The sum of all values above and left of every (y, x): bilinear between the edges of the pixels."""
    mass = np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    y, x = y.clip(0, values.shape[0]), x.clip(0, values.shape[1])
    top, left = np.minimum(y.astype(int), values.shape[0] - 1), np.minimum(x.astype(int), values.shape[1] - 1)
    v, u = (y - top)[:, None], (x - left)[None]
    upper = mass[np.ix_(top, left)] * (1 - u) + mass[np.ix_(top, left + 1)] * u
    lower = mass[np.ix_(top + 1, left)] * (1 - u) + mass[np.ix_(top + 1, left + 1)] * u
    return upper * (1 - v) + lower * v


def polarity(level: np.ndarray) -> tuple[bool, bool]:
    """Whether ink is light, and whether the sheet is drawn."""
    mean = sliding_window_view(np.pad(level, 9, mode="edge"), (19, 19)).mean((2, 3))
    sides = [level[0], level[-1], level[:, 0], level[:, -1]]
    lightest, darkest = level.max(), level.min()
    light = bool(2 * np.mean(sides) < lightest + darkest)
    strength = np.array(sides) - darkest if light else lightest - np.array(sides)
    contrast = lightest - darkest
    even = (strength < 0.04 * contrast).mean()
    filled = level.mean() - darkest if light else lightest - level.mean()
    if (even > 0.98 and filled < 0.5 * contrast) or (even > 0.5 and strength.max(1).min() > 0.5 * contrast):
        return light, True
    return bool(((level - mean) ** 3).sum() > 0), False


class Strokes(NamedTuple):
    paper: np.ndarray
    grain: float
    dark: np.ndarray
    found: np.ndarray
    ink: np.ndarray
    """Of pairs of cells that have company."""
    contrast: float
    """Less is no ink."""
    free: np.ndarray
    """What does not cling to the border."""


def strokes(level: np.ndarray, size: int, contact: int) -> Strokes:
    """Ink in strokes narrower than `size` cells."""
    paper = -largest(-largest(level, size), size)
    dark = paper - level
    dark = dark - np.minimum(dark, np.maximum(printed(dark), printed(dark.T).T))
    mean = dark.mean()
    for _ in range(6):
        mean = np.minimum(dark, 1.6 * mean).mean()
    grain = 2 * mean
    free = dark - np.minimum(dark, clinging(dark, contact))
    inner, border = company(free, grain), company(dark, grain)
    if inner[2] > 0.1 * border[2]:
        return Strokes(paper, grain, free, *inner[:2], 6.0, free)
    return Strokes(paper, grain, dark, *border[:2], 40.0, free)


def company(dark: np.ndarray, grain: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Where ink stands out and has other ink around it; that ink in pairs of cells; the most ink around any of them."""
    ink = (dark - grain).clip(0)
    found = clip(ink / max(0.25 * ink.max(), 1e-3) - 1)
    pairs = (np.minimum(ink, ink.max() / 2) * found).reshape(32, 2, 32, 2).mean((1, 3))
    around = sliding_window_view(np.pad(pairs, 4), (9, 9)).mean((2, 3))
    sociable = clip(6 * (around / max(0.12 * around.max(), 1e-6) - 1))
    return found * sociable.repeat(2, 0).repeat(2, 1), pairs * sociable, around.max()


def printed(dark: np.ndarray) -> np.ndarray:
    """The darkness of the darkest line from left to right through each cell."""
    thick = largest(dark, (3, 1))
    parts = np.column_stack([thick.reshape(64, 8, 8).mean(2), thick[:, 0], thick[:, -1]])
    middles = np.append(np.arange(8) * 8 + 4, [0.5, 63.5]) - 32
    lines = np.zeros((64, 8))
    for slope in np.linspace(-0.24, 0.24, 9):
        shift = np.rint(slope * middles).astype(int)
        held = np.array([min(parts[(row + s).clip(0, 63), i] for i, s in enumerate(shift)) for row in range(64)])
        for part, s in enumerate(shift[:8]):
            lines[:, part] = np.maximum(lines[:, part], held[(np.arange(64) - s).clip(0, 63)])
    return lines.repeat(8, axis=1)


def clinging(dark: np.ndarray, contact: int) -> np.ndarray:
    """The darkness connected to a border that it touches over `contact` cells, in blocks of 4 x 4."""
    reached = np.zeros((16, 16))
    for place in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        side = dark[place][None]
        opened = largest(-largest(-side, (1, contact)), (1, contact))
        reached[place] = np.maximum(reached[place], opened.reshape(16, 4).max(1))
    limit = dark.reshape(16, 4, 16, 4).max((1, 3))
    for _ in range(20):
        reached = np.minimum(largest(reached, 3), limit)
    return reached.repeat(4, 0).repeat(4, 1)


def largest(values: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """The largest value in a window around each cell; beyond the border there is none."""
    height, width = (size, size) if isinstance(size, int) else size
    padded = np.pad(values, ((height // 2,) * 2, (width // 2,) * 2), constant_values=-np.inf)
    return sliding_window_view(padded, (height, width)).max((2, 3))


def extent(line: np.ndarray) -> float:
    """The length of a line of cells with ink; a cell with some ink counts in part."""
    return np.maximum.accumulate(line).sum() + np.maximum.accumulate(line[::-1]).sum() - len(line)


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
    np.testing.assert_allclose(normalized(digit.repeat(3, axis=0).repeat(3, axis=1)), expected, atol=1e-4)
    np.testing.assert_allclose(normalized(np.pad(digit, ((90, 0), (0, 41)))), expected, atol=0.1)  # other cells


def test_a_tall_bar_fills_twenty_rows_and_keeps_its_aspect() -> None:
    sketch = np.zeros((300, 200), np.uint8)
    sketch[50:250, 90:110] = 255
    image = normalized(sketch)
    np.testing.assert_allclose(image.sum(axis=0).max(), 20, atol=0.1)
    np.testing.assert_allclose(image.sum(axis=1).max(), 2, atol=0.01)


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
        assert np.abs(normalized(cut) - normalized(np.pad(cut, 100))).mean() < 0.02


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
