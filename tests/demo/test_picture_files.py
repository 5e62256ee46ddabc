"""A picture file gets the same answer on the server's page, on the static page and from /predict."""

import re
from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page, expect

from demo.networks.classifier import Classifier, load
from demo.networks.images import decode_data_url, read_canvas, read_image
from tests.benchmarks.photographs.digits import Written
from tests.benchmarks.photographs.kinds import photographs
from tests.demo.asking import bomb
from tests.demo.drawing import expect_blank, expect_digit

TOLERANCE = 0.05  # between pixels of the images that the networks see, ink 1 and paper 0
FOUR = [((20, 20), (15, 70)), ((15, 70), (75, 60)), ((55, 30), (60, 105))]  # lines on paper of 100 x 120
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # from the upright image to the stored one, by EXIF orientation


def four(width: int = 100, height: int = 120, paper: int = 235, ink: int = 20) -> np.ndarray:
    """A 4, uint8 [height, width]."""
    y, x = (np.arange(n, dtype=np.float32) + 0.5 for n in (height, width))
    y, x = y[:, None] * np.float32(120 / height), x * np.float32(100 / width)
    inked = np.zeros((height, width), np.float32)
    for (from_x, from_y), (to_x, to_y) in FOUR:
        across, down = to_x - from_x, to_y - from_y
        share = (((x - from_x) * across + (y - from_y) * down) / (across**2 + down**2)).clip(0, 1)
        distance = np.hypot(x - from_x - share * across, y - from_y - share * down)
        inked = np.maximum(inked, ((5.5 - distance) * max(1, width / 100)).clip(0, 1))
    return np.rint(paper + (ink - paper) * inked).astype(np.uint8)


def saved(image: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def turned(orientation: int, kind: str) -> bytes:
    """A 4 that is upright once it is turned as EXIF says."""
    turn, image = TURNS[orientation], Image.fromarray(four(420, 504))
    return saved(image.transpose(turn) if turn is not None else image, kind, exif=exif(orientation))


def coloured() -> Image.Image:
    """A blue 4 on yellow paper."""
    inked = four(310, 372, paper=0, ink=255)[:, :, None] / 255
    return Image.fromarray((inked * [30, 60, 220] + (1 - inked) * [250, 230, 120]).astype(np.uint8))


def cut_out(ink: int) -> Image.Image:
    """A 4 of one grey level, and nothing behind it."""
    alpha = four(330, 396, paper=0, ink=255)
    return Image.fromarray(np.dstack([np.full((*alpha.shape, 3), ink, np.uint8), alpha]))


def card() -> Image.Image:
    """A white card with a black 4, and nothing around it."""
    alpha = np.pad(np.full((504, 420), 255, np.uint8), 40)
    return Image.fromarray(np.dstack([np.pad(four(420, 504), 40)] * 3 + [alpha]))


def animation() -> bytes:
    frames = [Image.fromarray(image) for image in (four(), np.full((120, 100), 235, np.uint8))]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20)


def photograph(kind: str, width: int = 600, height: int = 800) -> np.ndarray:
    """A simulated photograph of a 4."""
    box = width // 10, height // 8, width * 4 // 5, height * 9 // 10
    drawing = Written(four(width, height, paper=0, ink=255), box, height * 9 // 10 - height // 8)
    (picture,) = photographs(kind, [drawing], np.random.default_rng(0))
    return picture


def with_gamma() -> bytes:
    """A PNG that names an unusual gamma, 1."""
    info = PngInfo()
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))
    return saved(four(310, 372), pnginfo=info)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


DEEP = four(310, 372).astype(np.uint16) * 257
NOISE = np.random.default_rng(0).integers(0, 256, (1_400, 1_400), np.uint8)
FILES: dict[str, Callable[[], bytes]] = {
    "photograph, vignette": lambda: saved(photograph("vignette"), "JPEG", quality=85),
    "photograph, all, mildly": lambda: saved(photograph("all, mildly"), "JPEG", quality=85),
    "photograph, grain": lambda: saved(photograph("grain"), "JPEG", quality=85),
    "large JPEG": lambda: saved(Image.fromarray(four()).resize((1_700, 2_040)), "JPEG"),
    "larger JPEG": lambda: saved(Image.fromarray(four()).resize((4_100, 4_920)), "JPEG"),  # decoded at half the size
    "28 x 28": lambda: saved(four(28, 28)),
    "8 x 8": lambda: saved(four(8, 8)),
    "long and narrow": lambda: saved(np.pad(four(33, 40), ((0, 0), (0, 300)), constant_values=235)),
    "noise": lambda: saved(NOISE),  # the largest question
    "JPEG in colour": lambda: saved(coloured(), "JPEG"),
    "CMYK": lambda: saved(coloured().convert("CMYK"), "JPEG"),
    "progressive JPEG": lambda: saved(coloured(), "JPEG", progressive=True, subsampling=2),
    "WebP": lambda: saved(coloured(), "WEBP"),
    "BMP": lambda: saved(coloured(), "BMP"),
    "GIF": animation,
    "two colours": lambda: saved(Image.fromarray(four(310, 372)).convert("1")),
    "palette": lambda: saved(coloured().quantize(16)),
    "palette, transparent": lambda: saved(cut_out(0).quantize(16)),
    "palette, transparent paper": lambda: saved(coloured().quantize(2), transparency=0),
    "grey, one level transparent": lambda: saved(four(310, 372), transparency=235),
    "dark ink on nothing": lambda: saved(cut_out(20)),
    "light ink on nothing": lambda: saved(cut_out(235)),
    "grey ink on nothing": lambda: saved(cut_out(120).convert("LA")),
    "light ink on nothing, WebP": lambda: saved(cut_out(235), "WEBP"),
    "a card on nothing": lambda: saved(card()),
    "nothing": lambda: saved(np.zeros((40, 40, 4), np.uint8)),
    "16 bits": lambda: saved(DEEP),
    "12 of 16 bits": lambda: saved(DEEP >> 4),
    "gamma": with_gamma,
    "EXIF, PNG": lambda: turned(6, "PNG"),
    "EXIF, WebP": lambda: saved(four(), "WEBP", exif=exif(6)),  # ignored, as by Chromium
    "damaged EXIF": lambda: saved(four(), "JPEG", exif=b"Exif\0\0nonsense"),
    **{f"EXIF {orientation}": partial(turned, orientation, "JPEG") for orientation in TURNS},
}
NO_DIGIT = ("noise", "nothing")
UNREADABLE = "cannot read digit as a picture: it is damaged, too large, or of a kind that the browser does not know."
BAD = {
    "nothing": (b"", "not an image", UNREADABLE),
    "text": (b"Dear Sir or Madam,", "not an image", UNREADABLE),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "not an image", UNREADABLE),
    "half a PNG": (half(saved(NOISE)), "damaged", UNREADABLE),
    "half a JPEG": (half(saved(NOISE, "JPEG")), "damaged", UNREADABLE),
    "half a GIF": (half(saved(NOISE, "GIF")), "damaged", UNREADABLE),
    "too many pixels": (bomb(60_000, b""), "at most 25,000,000", UNREADABLE),
    "too few pixels": (saved(four(7, 100)), "must be 8 or more", "must have 8 pixels or more each way"),
}


@pytest.fixture(scope="module")
def pages(browser: Browser, address: str, site: str) -> list[Page]:
    """The server's page and the static page."""
    pages = [browser.new_page() for _ in range(2)]
    for page, where in zip(pages, (address, site), strict=True):
        page.goto(where)
        page.wait_for_selector("#sketchpad canvas")
    return pages


def choose(pages: list[Page], content: bytes) -> None:
    for page in pages:
        page.click("#clear")
        expect_blank(page)
        page.set_input_files("#file", {"name": "digit", "mimeType": "", "buffer": content})


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load("cpu")


@pytest.mark.parametrize("name", FILES)
def test_a_picture_file_gets_the_same_answer_everywhere(
    name: str, pages: list[Page], address: str, classifier: Classifier
) -> None:
    content = FILES[name]()
    choose(pages, content)
    digit = httpx.post(f"{address}predict", content=content).json()["digit"]
    assert digit == (None if name in NO_DIGIT else 4)
    pieces = classifier.classify(read_image(content).pixels).digits
    for page in pages:
        if not pieces:
            expect(page.locator("#digit")).to_have_text("?")
            for place in ("#words", "#said"):
                expect(page.locator(place)).to_have_text("No ink is large and dark enough to be a digit.")
            expect(page.locator("#copy")).to_be_hidden()
            continue
        expect(page.locator("#seen")).to_have_attribute("src", re.compile("^data:image/png"))
        expect(page.locator("#digit")).to_have_text(re.compile(r"[?\s]+" if digit is None else str(digit)))
        if len(pieces) > 1:
            continue
        (piece,) = pieces
        seen = 1 - read_canvas(page.locator("#seen").get_attribute("src") or "").pixels / 255
        np.testing.assert_allclose(seen, piece.image, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_read_gets_the_reason_everywhere(kind: str, pages: list[Page], address: str) -> None:
    content, by_server, by_page = BAD[kind]
    choose(pages, content)
    refused = httpx.post(f"{address}predict", content=content)
    assert refused.status_code == 422
    assert by_server in refused.json()["detail"]
    for page in pages:
        expect(page.locator("#notice")).to_contain_text(by_page)
        expect_blank(page)


def test_a_picture_is_shown_in_colour_also_after_a_reload(page: Page) -> None:
    choose([page], saved(coloured()))
    expect_digit(page, "4")
    shown = page.locator("#sketchpad .picture").get_attribute("src") or ""
    picture = np.asarray(Image.open(BytesIO(decode_data_url(shown))))
    np.testing.assert_allclose(picture[5, 5], (250, 230, 120), atol=5)
    page.reload()
    expect_digit(page, "4")
    assert page.locator("#sketchpad .picture").get_attribute("src") == shown
