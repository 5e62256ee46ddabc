"""Image files and drawings, read as sketches; images, written for the page."""

import base64
import binascii
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST = 2_048  # pixels a side that the networks take; larger images are scaled down
PIXELS = 64_000_000  # more than a phone's camera takes; a file that claims more is not decoded
DRAWING_BYTES = 1_000_000
PNG = "data:image/png;base64,"


def read_image(source: Path | BytesIO) -> np.ndarray:
    """Read an image file of any kind Pillow knows as a sketch, uint8 [height, width].

    Transparency becomes paper, 16 bits become 8, an animation its first frame, a photograph is turned upright.
    Raises ValueError, with what to do instead, for what is empty, damaged, too large or no image.
    """
    try:
        with Image.open(source) as image:
            if image.width * image.height > PIXELS:
                raise ValueError(
                    f"The image has {image.width} x {image.height} pixels; send one of at most {PIXELS:,}."
                )
            image.draft("L", (LARGEST, LARGEST))
            upright = ImageOps.exif_transpose(image)
            grey = _grey(upright)
    except Image.DecompressionBombError as error:
        raise ValueError(f"The image is too large; send one of at most {PIXELS:,} pixels.") from error
    except UnidentifiedImageError as error:
        raise ValueError("The file is not an image; send a PNG or JPEG.") from error
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"The image is damaged ({error}); save it again as PNG or JPEG.") from error
    grey.thumbnail((LARGEST, LARGEST))
    return np.asarray(grey)


def _grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float32)
        sixteen_bits = values.max() > 255
        return Image.fromarray((values / 257 if sixteen_bits else values).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    level, alpha = image.convert("LA").split()
    ink_is_light = np.average(np.asarray(level), weights=np.asarray(alpha) + 1e-6) > 127
    paper = Image.new("L", image.size, 0 if ink_is_light else 255)
    paper.paste(level, mask=alpha)
    return paper


def read_drawing(url: str) -> np.ndarray:
    """Read the canvas, a PNG as data URL, as uint8 [height, width]. Raises ValueError for anything else."""
    if not isinstance(url, str) or not url.startswith(PNG) or len(url) > DRAWING_BYTES:
        raise ValueError("The drawing must be a PNG as data URL, smaller than 1 MB.")
    try:
        return read_image(BytesIO(base64.b64decode(url.removeprefix(PNG), validate=True)))
    except binascii.Error as error:
        raise ValueError("The drawing's data URL is not base64.") from error


def data_url(image: np.ndarray) -> str:
    """`image`, float32 [height, width] with ink 1, as a PNG data URL, black on white."""
    png = BytesIO()
    Image.fromarray(np.round(255 * (1 - image)).astype(np.uint8)).save(png, "PNG")
    return PNG + base64.b64encode(png.getvalue()).decode()
