"""A sketch is normalized as MNIST was: scaled to a box of 20 x 20, antialiased, centred by mass."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from model.draw import draw
from model.normalize import normalize, normalize_all, separate

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
    paper, grain, contrast, margin = np.full((64, 64), level.max()), 0.0, 5.0, 0
    if not drawn:
        paper = sliding_window_view(np.pad(level, 14, mode="edge"), (15, 15)).max((2, 3))
        paper = sliding_window_view(paper, (15, 15)).min((2, 3))
        dark = paper - level
        dark = (dark - np.maximum(printed(dark), printed(dark.T).T)).clip(0)
        grain = 2 * np.mean(dark**0.25) ** 4
        edge, blocks = clinging(dark)
        if (blocks - edge).max() > 0.3 * blocks.max():
            dark, margin = (dark - edge.repeat(2, 0).repeat(2, 1)).clip(0), 2
        else:
            contrast = 40.0
    else:
        dark = paper - level
    ink = (dark - grain).clip(0)
    if ink.max() <= max(contrast - grain, 2 * grain):
        return np.zeros((28, 28))
    near = largest(clip(8 * company(ink / ink.max(), margin)), 3)
    ink = ink * near
    beside = largest(ink, 3).clip(1e-3)
    cover = clip(4 * beside / (0.2 * beside.max()) - 3) * ink / beside
    step = max(extent(cover.max(1)) * cell[0], extent(cover.max(0)) * cell[1]) / 20
    middle = np.arange(64) + 0.5
    y, x = (ink.sum(1) @ middle / ink.sum() * cell[0], ink.sum(0) @ middle / ink.sum() * cell[1])
    edges = (np.arange(29) - 14.5) * step

    def image_of(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
        whole = integral(values, (y + edges) / scale[0], (x + edges) / scale[1]) * scale.prod()
        return np.diff(np.diff(whole, axis=0), axis=1)

    image = image_of(paper - grain, cell) - image_of(sketch, np.ones(2))
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
    for light, beneath in ((False, level.max() - level), (True, level - level.min())):
        sides = np.array([beneath[0], beneath[-1], beneath[:, 0], beneath[:, -1]]) / beneath.max()
        even, full = (sides < 0.02).mean(), (sides > 0.9).mean()
        if even > 0.5 and ((even + full > 0.85 and beneath.mean() < beneath.max() / 2) or sides.max(1).min() > 0.5):
            return light, True
    return bool(((level - mean) ** 3).sum() > 0), False


def company(share: np.ndarray, margin: int) -> np.ndarray:
    """Where ink stands out and has other ink around it, not `margin` cells wide. `share` is of the strongest."""
    found = clip(4 * share - 1)
    inner = (np.minimum(share, 0.5) * found)[margin : 64 - margin, margin : 64 - margin]
    blocks = np.pad(inner, margin).reshape(16, 4, 16, 4).mean((1, 3))
    around = sliding_window_view(np.pad(blocks, 2), (5, 5)).mean((2, 3))
    return found * clip(6 * (around / (0.12 * around.max()) - 1)).repeat(4, 0).repeat(4, 1)


def printed(dark: np.ndarray) -> np.ndarray:
    """The darkness of the darkest line from left to right through each cell, by means of fourth powers."""
    sections = largest(dark, (3, 1)).reshape(64, 8, 2, 4).mean(3) + 0.5
    parts = (sections**-4).mean(2)
    lines = np.zeros((64, 8))
    for slope in np.linspace(-0.24, 0.24, 7):
        shift = np.rint(slope * (np.arange(8) * 8 + 4 - 32)).astype(int)
        for row in range(64):
            crossed = [(row + s, part) for part, s in enumerate(shift) if 0 <= row + s < 64]
            for place in crossed:
                lines[place] += 8 / sum(parts[other] for other in crossed)
    return lines.repeat(8, axis=1) ** 0.25 - 0.5


def clinging(dark: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The darkness connected to a border that it touches over 7 cells, and all darkness, in blocks of 2 x 2."""
    reached = np.zeros((64, 64))
    for place in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        least = -largest(-dark[place][None], (1, 7))[0]
        reached[place] = np.maximum(reached[place], least)
    reached, limit = (values.reshape(32, 2, 32, 2).max((1, 3)) for values in (reached, dark))
    for _ in range(8):
        reached = np.minimum(largest(reached, 3), limit)
    return reached, limit


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
        np.testing.assert_allclose(normalized(sketch), reference(sketch), atol=3e-4)  # float32 sums along rows


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


def test_the_shorter_way_for_drawings_gives_the_same(digits: tuple[np.ndarray, np.ndarray]) -> None:
    conditions = []

    def longer(condition: Any, function: Any, other: Any, *arguments: Any) -> Any:
        conditions.append(bool(condition))
        return function(*arguments)

    drawing = np.pad(digits[0][0], 6).repeat(8, axis=0).repeat(8, axis=1)
    photograph = lit(255 - drawing)
    large = digits[0][:4800:100].repeat(3, axis=1).repeat(3, axis=2)
    many = np.pad(np.concatenate(np.split(large, 4), axis=2), [(0, 0), (20, 20), (20, 20)])  # numbers of four digits
    for batch in (many, 255 - drawing[None], np.stack([drawing, photograph])):
        for found, expected in zip(separate(batch), separate(batch, choose=longer), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert conditions == [False, False, True]


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
