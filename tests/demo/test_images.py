"""Images of every usual kind are read as sketches, and other files are refused with the reason."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from demo.networks.images import ImageError, data_url, read_canvas, read_image, tiled
from tests.demo.asking import bomb


def stroke(paper: int = 255, ink: int = 0) -> np.ndarray:
    sketch = np.full((120, 100), paper, np.uint8)
    sketch[20:100, 45:55] = ink
    return sketch


def saved(image: Image.Image, path: Path, **options: Any) -> bytes:
    image.save(path, **options)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "webp", "bmp"])
def test_every_usual_file_format_is_read(kind: str, tmp_path: Path) -> None:
    sketch = read_image(saved(Image.fromarray(stroke()), tmp_path / f"one.{kind}")).pixels
    assert sketch.dtype == np.uint8
    assert np.abs(sketch - stroke().astype(float)).mean() < 2


@pytest.mark.parametrize(
    ("mode", "kind"), [("1", "png"), ("P", "png"), ("RGB", "png"), ("CMYK", "jpg"), ("LA", "png"), ("RGBA", "png")]
)
def test_every_colour_mode_is_read(mode: str, kind: str, tmp_path: Path) -> None:
    sketch = read_image(saved(Image.fromarray(stroke()).convert(mode), tmp_path / f"one.{kind}")).pixels
    assert np.abs(sketch - stroke().astype(float)).mean() < 2


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_pixels_become_paper_whatever_their_colour(ink: int, tmp_path: Path) -> None:
    alpha = stroke(paper=0, ink=255)
    image = Image.fromarray(np.dstack([np.full((120, 100, 3), ink, np.uint8), alpha]))
    sketch = read_image(saved(image, tmp_path / "one.png")).pixels
    np.testing.assert_array_equal(sketch, stroke(paper=255 - ink, ink=ink))


def test_a_white_card_on_a_transparent_background_keeps_white_paper(tmp_path: Path) -> None:
    alpha = np.pad(np.full((100, 80), 255, np.uint8), 10)
    image = Image.fromarray(np.dstack([stroke()] * 3 + [alpha]))
    sketch = read_image(saved(image, tmp_path / "one.png")).pixels
    np.testing.assert_array_equal(sketch, np.where(alpha > 0, stroke(), 255))


def test_of_sixteen_bits_the_high_eight_are_read(tmp_path: Path) -> None:
    deep = stroke().astype(np.uint16) * 256 + 255
    np.testing.assert_array_equal(read_image(saved(Image.fromarray(deep), tmp_path / "one.png")).pixels, stroke())


def test_the_first_frame_of_an_animation_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(stroke()), Image.fromarray(np.zeros((120, 100), np.uint8))]
    path = saved(frames[0], tmp_path / "one.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read_image(path).pixels, stroke(), atol=5)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    path = saved(Image.fromarray(np.rot90(stroke())), tmp_path / "one.png", exif=exif)
    np.testing.assert_array_equal(read_image(path).pixels, stroke())


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 1)])
def test_a_box_is_given_in_pixels_of_the_upright_picture(
    orientation: int, turns: int, kind: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = stroke().repeat(42, 0).repeat(42, 1)  # a JPEG of this size is decoded at half of it
    sketch = read_image(saved(Image.fromarray(np.rot90(large, turns)), tmp_path / f"one.{kind}", exif=exif))
    assert sketch.pixels.shape == (1_400, 1_167)
    rows, columns = (np.flatnonzero((sketch.pixels < 128).any(axis)) for axis in (1, 0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    np.testing.assert_allclose(sketch.box(box), [42 * 45, 42 * 20, 42 * 55, 42 * 100], atol=7)


def test_each_pixel_of_a_large_picture_counts_once(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4_200, 2_800), np.uint8)
    edges = np.floor(np.arange(933) * (2_800 / 933) + 0.5).astype(int)
    sums = np.add.reduceat(picture.reshape(1_400, 3, 2_800).sum(axis=1), edges, axis=1)
    means = sums / (3 * np.diff([*edges, 2_800]))
    sketch = read_image(saved(Image.fromarray(picture), tmp_path / "one.png"))
    np.testing.assert_allclose(sketch.pixels, means, atol=1)


def test_a_photograph_of_21_million_pixels_is_read(tmp_path: Path) -> None:
    photograph = Image.fromarray(stroke()).resize((4_200, 5_040))
    assert read_image(saved(photograph, tmp_path / "one.jpg")).pixels.shape == (1_400, 1_167)


def test_a_picture_with_damaged_exif_is_read(tmp_path: Path) -> None:
    path = saved(Image.fromarray(stroke()), tmp_path / "one.png", exif=b"Exif\0\0nonsense")
    np.testing.assert_array_equal(read_image(path).pixels, stroke())


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageError, match="at most 25,000,000"):
        read_image(bomb(60_000, zlib.compress(b"")))


def test_a_text_that_unpacks_to_megabytes_is_refused(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("Comment", "x" * 2_000_000, zip=True)
    with pytest.raises(ImageError, match="The image is damaged .*save it again"):
        read_image(saved(Image.fromarray(stroke()), tmp_path / "one.png", pnginfo=text))


def test_an_image_too_small_to_hold_a_digit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="must be 8 or more"):
        read_image(saved(Image.fromarray(stroke()[:100, :5]), tmp_path / "one.png"))


def test_a_canvas_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match="at most 1,960,000"):
        read_canvas(data_url(np.zeros((1_401, 1_400))))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an image"),
        (b"Dear Sir or Madam,", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "not an image|damaged"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not an image"),
        (b"RIFF\x1a\x00\x00\x00WEBPVP8 \x0e\x00\x00\x00\x30\x01\x00\x9d", "not an image"),
    ],
    ids=["empty", "text", "signature", "half a PNG header", "half a WebP header"],
)
def test_a_file_that_is_not_an_image_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(content)


@pytest.mark.parametrize("kind", ["png", "jpg", "gif"])
def test_a_truncated_image_is_refused(kind: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 100), np.uint8)
    whole = saved(Image.fromarray(noise), tmp_path / f"one.{kind}")
    with pytest.raises(ImageError, match="damaged|not an image"):
        read_image(whole[: len(whole) // 2])


def test_read_canvas_is_the_inverse_of_data_url() -> None:
    image = (255 - stroke()) / 255
    np.testing.assert_array_equal(read_canvas(data_url(image)).pixels, stroke())


@pytest.mark.parametrize(
    "url",
    [
        "data:image/svg+xml,<svg/>",
        "data:image/png;base64,%%%",
        "data:image/png;base64,é",
        "x" * 10,
        "data:image/png;base64,",
        "data:image/png;base64," + "A" * 2_700_000,
    ],
)
def test_a_canvas_that_is_not_a_png_or_jpeg_is_refused(url: str) -> None:
    with pytest.raises(ImageError, match="drawing|image"):
        read_canvas(url)


def test_feature_maps_are_tiled_in_rows_a_pixel_apart() -> None:
    maps = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 2, 3), np.float32) - 1
    tiles = tiled(maps, 2)
    assert tiles.shape == (5, 7)
    np.testing.assert_allclose(tiles[:, 0], [0, 0, 0, 2 / 3, 2 / 3])
    np.testing.assert_allclose(tiles[0], [0, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_array_equal(tiled(np.zeros((4, 2, 3), np.float32), 4), np.zeros((2, 15)))


def test_a_long_and_narrow_picture_keeps_a_height_of_8_pixels(tmp_path: Path) -> None:
    picture = Image.new("L", (20_000, 40), 255)
    assert read_image(saved(picture, tmp_path / "one.png")).pixels.shape == (8, 1_400)


def test_very_large_metadata_of_a_picture_is_ignored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x927C] = bytes(100_000)
    sketch = read_image(saved(Image.fromarray(stroke()), tmp_path / "one.png", exif=exif)).pixels
    np.testing.assert_array_equal(sketch, stroke())


def test_a_jpeg_that_would_take_minutes_to_read_is_refused(tmp_path: Path) -> None:
    whole = saved(Image.fromarray(stroke()), tmp_path / "one.jpg", progressive=True)
    last = whole.rindex(b"\xff\xda")
    with pytest.raises(ImageError, match="takes too long to read"):
        read_image(whole[:last] + whole[last:-2] * 200 + whole[-2:])
