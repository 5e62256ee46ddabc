"""Image files and canvases, read as sketches; images, written for the page."""

import base64
import binascii
import re
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from demo.limits import Limits

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SMALLEST, LARGEST = 8, 2_048  # pixels a side that the networks take; larger images are scaled down
JPEG, SCAN, SCANS = b"\xff\xd8", b"\xff\xda", 100  # a JPEG may have thousands, each as long to read as a picture
EXIF_BYTES = 65_536  # as a JPEG can have; of more, gigabytes may come
DATA_URL = re.compile(r"data:image/(?:png|jpeg);base64,")


class ImageError(ValueError):
    """An image cannot be read; the message says what to send instead."""


def read_image(content: bytes, pixels: int = Limits.picture_pixels) -> np.ndarray:
    """Read an image file of at most `pixels` as a sketch, uint8 [height, width].

    Transparency becomes paper, more than 8 bits become 8, an animation its first frame, a photograph is turned
    upright. Raises ImageError for what is empty, damaged, too large or small, or no image.
    """
    if content.startswith(JPEG) and content.count(SCAN) > SCANS:
        raise ImageError("The image takes too long to read; save it again as PNG or JPEG.")
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(f"The image is too large; send one of at most {pixels:,} pixels.") from error
    except OSError as error:
        raise ImageError("The file is not an image; send a PNG or JPEG.") from error
    with image:
        image.draft("L", (LARGEST, LARGEST))
        if image.width * image.height > pixels:
            raise ImageError(f"The image has {image.width} x {image.height} pixels; send one of at most {pixels:,}.")
        if min(image.size) < SMALLEST:
            raise ImageError(
                f"The image has {image.width} x {image.height} pixels; send one of {SMALLEST} or more each."
            )
        try:
            return np.asarray(_grey(image))
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
            raise ImageError(f"The image is damaged ({error}); save it again as PNG or JPEG.") from error


def _grey(image: Image.Image) -> Image.Image:
    """`image` in 8-bit grey, upright, on paper, at most LARGEST a side."""
    if image.mode.startswith("I"):
        image = _stretched(image)
    elif image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((LARGEST, LARGEST))
    if min(image.size) < SMALLEST:  # it was long and narrow
        image = image.resize((max(image.width, SMALLEST), max(image.height, SMALLEST)))
    if len(image.info.get("exif", b"")) <= EXIF_BYTES:
        ImageOps.exif_transpose(image, in_place=True)
    return _on_paper(image) if _is_transparent(image) else image.convert("L")


def _is_transparent(image: Image.Image) -> bool:
    """Whether paper shows through anywhere; browsers write an alpha channel even where none does."""
    if image.mode in ("RGBA", "LA"):
        return image.getchannel("A").getextrema() != (255, 255)
    return image.has_transparency_data


def _stretched(image: Image.Image) -> Image.Image:
    """More than 8 bits, from its darkest to its lightest: nobody says what white is in such a file."""
    values = np.asarray(image, dtype=np.float32)
    darkest, lightest = values.min(), values.max()
    return Image.fromarray(((values - darkest) * (255 / max(lightest - darkest, 1e-6))).astype(np.uint8))


def _on_paper(image: Image.Image) -> Image.Image:
    """Without transparency: white paper, or black if all that is drawn is light."""
    level, alpha = image.convert("LA").split()
    dark = np.average(np.asarray(level) < 128, weights=np.asarray(alpha) + 1e-6)
    paper = Image.new("L", image.size, 255 if dark > 0.01 else 0)
    paper.paste(level, mask=alpha)
    return paper


def read_canvas(url: str, size: int = Limits.drawing_bytes, pixels: int = Limits.drawing_pixels) -> np.ndarray:
    """Read what the page sends, a PNG or JPEG as data URL of at most `size` bytes, as uint8 [height, width].

    Raises ImageError for anything else.
    """
    if not DATA_URL.match(url) or len(url) > size:
        raise ImageError(f"The drawing must be a PNG or JPEG as data URL, of at most {size:,} bytes.")
    return read_image(decoded(url), pixels)


def decoded(url: str) -> bytes:
    """What a data URL holds. Raises ImageError if that is not base64."""
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError("The image's data URL is not base64.") from error


def data_url(image: np.ndarray) -> str:
    """`image`, float32 [height, width] with ink 1, as a PNG data URL, black on white."""
    png = BytesIO()
    Image.fromarray(np.round(255 * (1 - image)).astype(np.uint8)).save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def tiled(maps: np.ndarray, columns: int) -> np.ndarray:
    """`maps`, float32 [maps, height, width], in rows of `columns`, a pixel apart, from 0 at the lowest value to 1."""
    count, height, width = maps.shape
    rows = count // columns
    tiles = np.zeros((rows, columns, height + 1, width + 1), np.float32)
    low, high = maps.min(), maps.max()
    tiles[:, :, :-1, :-1] = ((maps - low) / max(high - low, 1e-6)).reshape(rows, columns, height, width)
    return tiles.transpose(0, 2, 1, 3).reshape(rows * (height + 1), -1)[:-1, :-1]
