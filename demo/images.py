"""Image files and canvases, read as sketches; images, written for the page."""

import base64
import binascii
import re
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SMALLEST, LARGEST = 8, 2_048  # pixels a side that the networks take; larger images are scaled down
PIXELS = 25_000_000  # more would take too much memory to decode; a JPEG is scaled down while it is decoded
JPEG, SCAN, SCANS = b"\xff\xd8", b"\xff\xda", 100  # a JPEG may have thousands, each as long to read as a picture
EXIF_BYTES = 65_536  # as a JPEG can have; of more, gigabytes may come
CANVAS_PIXELS = 100_000  # the page sends 280 x 280 at most, in 16 kB
CANVAS_BYTES = 50_000
DATA_URL = re.compile(r"data:image/(?:png|jpeg);base64,")


def read_image(source: BytesIO, pixels: int = PIXELS) -> np.ndarray:
    """Read an image file as a sketch, uint8 [height, width].

    Transparency becomes paper, more than 8 bits become 8, an animation its first frame, a photograph is turned
    upright. Raises ValueError, with what to do instead, for what is empty, damaged, too large or small, or no image.
    """
    content = source.getvalue()
    if content.startswith(JPEG) and content.count(SCAN) > SCANS:
        raise ValueError("The image takes too long to read; save it again as PNG or JPEG.")
    try:
        image = Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(f"The image is too large; send one of at most {pixels:,} pixels.") from error
    except OSError as error:
        raise ValueError("The file is not an image; send a PNG or JPEG.") from error
    with image:
        image.draft("L", (LARGEST, LARGEST))
        if image.width * image.height > pixels:
            raise ValueError(f"The image has {image.width} x {image.height} pixels; send one of at most {pixels:,}.")
        if min(image.size) < SMALLEST:
            raise ValueError(
                f"The image has {image.width} x {image.height} pixels; send one of {SMALLEST} or more each."
            )
        try:
            return np.asarray(_grey(image))
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
            raise ValueError(f"The image is damaged ({error}); save it again as PNG or JPEG.") from error


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


def read_canvas(url: str) -> np.ndarray:
    """Read what the page sends, a PNG or JPEG as data URL, as uint8 [height, width]. Raises ValueError for another."""
    found = DATA_URL.match(url) if isinstance(url, str) and len(url) <= CANVAS_BYTES else None
    if not found:
        raise ValueError("The drawing must be a PNG or JPEG as data URL, of at most 50 kB.")
    try:
        data = base64.b64decode(url[found.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("The drawing's data URL is not base64.") from error
    return read_image(BytesIO(data), CANVAS_PIXELS)


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
