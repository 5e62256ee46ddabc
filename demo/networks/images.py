"""Read image files and canvases as sketches, and write images for the page."""

import base64
import binascii
import re
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from demo.limits import Limits

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
MIN_SIDE, MAX_SIDE = 8, 1_400  # pixels of a side of a sketch; larger images are scaled down, as on the page
DRAFT_SIDE = 2_048  # pixels; the decoder of JPEG halves sides that stay as long as this
JPEG_MARKER, SCAN_MARKER = b"\xff\xd8", b"\xff\xda"
MAX_SCANS = 100  # a JPEG may have thousands, and each takes as long to decode as a whole picture
MAX_EXIF_BYTES = 65_536  # the most that a JPEG can hold; in other formats it may unpack to gigabytes
DATA_URL = re.compile(r"data:image/(?:png|jpeg);base64,")


@dataclass(frozen=True)
class Sketch:
    """An image as the networks read it."""

    pixels: np.ndarray
    """Grey, uint8 [height, width]."""
    width: int
    """Pixels of the image itself, upright."""
    height: int
    """Pixels of the image itself, upright."""

    def box(self, box: np.ndarray) -> list[float]:
        """Convert `box`, left, top, right and bottom in pixels of the sketch, to pixels of the image itself."""
        height, width = self.pixels.shape
        return (box * ([self.width / width, self.height / height] * 2)).tolist()


class ImageError(ValueError):
    """An image cannot be read. The message says what to send instead."""


def read_image(content: bytes, pixels: int = Limits.picture_pixels) -> Sketch:
    """Read an image file of at most `pixels` as a sketch.

    README.md describes how, under Picture files; sketchpad/picture.js does the same. Raises ImageError for a file that
    is empty, damaged, too large, too small or not an image.
    """
    if content.startswith(JPEG_MARKER) and content.count(SCAN_MARKER) > MAX_SCANS:
        raise ImageError("The image takes too long to read; save it again as PNG or JPEG.")
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(f"The image is too large; send one of at most {pixels:,} pixels.") from error
    except OSError as error:
        raise ImageError("The file is not an image; send a PNG or JPEG.") from error
    except Exception as error:  # Pillow's decoders raise many classes for damaged files
        raise _damaged(error) from error
    with image:
        full = image.size
        image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
        size = f"{image.width} x {image.height} pixels"
        if image.width * image.height > pixels:
            raise ImageError(f"The image has {size}; send one of at most {pixels:,}.")
        if min(image.size) < MIN_SIDE:
            raise ImageError(f"The image has {size}; width and height must be {MIN_SIDE} or more.")
        try:
            upright = _upright(image)
            sketch = np.asarray(_shrunk(upright))
        except Exception as error:
            raise _damaged(error) from error
    width, height = full if upright.size == image.size else full[::-1]
    return Sketch(sketch, width, height)


def _damaged(error: Exception) -> ImageError:
    return ImageError(f"The image is damaged ({error}); save it again as PNG or JPEG.")


def _upright(image: Image.Image) -> Image.Image:
    """`image` as 8-bit grey, with its transparency if it has any, turned as its EXIF orientation says."""
    if image.mode == "I;16":
        image = _with_8_bits(image)
    grey = image.convert("LA" if _is_transparent(image) else "L")
    exif = image.info.get("exif", b"")
    if image.format != "WEBP" and len(exif) <= MAX_EXIF_BYTES:
        grey.info = {"exif": exif}  # without XMP, by which Pillow turns an image, too
        with suppress(Exception):  # damaged EXIF
            ImageOps.exif_transpose(grey, in_place=True)
    return grey


def _shrunk(grey: Image.Image) -> Image.Image:
    """`grey` on paper, each side at most MAX_SIDE."""
    scale = min(1, MAX_SIDE / max(grey.size))
    width, height = (max(MIN_SIDE, int(side * scale + 0.5)) for side in grey.size)
    grey = grey.resize((width, height), Image.Resampling.BOX)
    return _on_paper(grey) if grey.mode == "LA" else grey


def _is_transparent(image: Image.Image) -> bool:
    """Whether any pixel is transparent. Browsers also write an alpha channel for opaque images."""
    if image.mode in ("RGBA", "LA"):
        return image.getchannel("A").getextrema() != (255, 255)
    return image.has_transparency_data


def _with_8_bits(image: Image.Image) -> Image.Image:
    """The high byte of each of 16 bits. Pillow itself would clip the values at 255."""
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


def _on_paper(image: Image.Image) -> Image.Image:
    """Replace transparency by white paper, or by black paper if at most 1 % of what is opaque is dark."""
    level, alpha = image.split()
    opacity = np.asarray(alpha, np.float32)
    is_dark = opacity[np.asarray(level) < 128].sum() > 0.01 * opacity.sum()
    paper = Image.new("L", image.size, 255 if is_dark else 0)
    paper.paste(level, mask=alpha)
    return paper


def read_canvas(url: str, size: int = Limits.drawing_bytes, pixels: int = Limits.drawing_pixels) -> Sketch:
    """Read a drawing of the page, a PNG or JPEG as data URL of at most `size` bytes.

    Raises ImageError for anything else.
    """
    if not DATA_URL.match(url) or len(url) > size:
        raise ImageError(f"The drawing must be a PNG or JPEG as data URL, of at most {size:,} bytes.")
    return read_image(decode_data_url(url), pixels)


def decode_data_url(url: str) -> bytes:
    """The content of a data URL. Raises ImageError if it is not base64."""
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("The image's data URL is not base64.") from error


def data_url(image: np.ndarray) -> str:
    """A PNG data URL, black on white, of `image`, float32 [height, width] with ink 1."""
    png = BytesIO()
    Image.fromarray(np.round(255 * (1 - image)).astype(np.uint8)).save(png, "PNG", compress_level=1)  # the fastest
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def tiled(maps: np.ndarray, columns: int) -> np.ndarray:
    """Tile `maps`, float32 [maps, height, width], in rows of `columns`, one pixel apart, scaled to 0 to 1."""
    count, height, width = maps.shape
    rows = count // columns
    tiles = np.zeros((rows, columns, height + 1, width + 1), np.float32)
    low, high = maps.min(), maps.max()
    tiles[:, :, :-1, :-1] = ((maps - low) / max(high - low, 1e-6)).reshape(rows, columns, height, width)
    return tiles.transpose(0, 2, 1, 3).reshape(rows * (height + 1), -1)[:-1, :-1]
