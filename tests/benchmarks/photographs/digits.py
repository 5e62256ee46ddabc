"""Digits and pages of them in ink, as large as a photograph shows them: real ones that no training saw."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from model import mnist, pendigits, ujipen
from model.draw import Drawing, draw
from model.folders import Folders
from model.pendigits import VALIDATION_WRITERS
from tests.benchmarks.strings import sheet

SIDES = 100, 1_600  # pixels of a photograph's longer side
ASPECT = 2.0  # of the longer to the shorter side, at most
HEIGHTS = 1 / 6, 0.9  # of a digit, as a share of the photograph's height
PENS = 0.025, 0.16  # widths as a share of the digit's longer side: a hard pencil, and a felt tip
MARGIN = 0.03  # of the photograph's sides that stays free of ink
LENS = 1 / 2_000, 1 / 600  # blur of a photograph in focus, as a share of its longer side
LINES, LENGTHS = 5, (4, 8)  # numbers on a page, and digits of each
PAGE_SIDES = (1_200, 1_600), (1_600, 1_200)  # height and width in pixels
PAGE_PENS = 0.05, 0.12  # widths as a share of the digits' height: a ballpoint pen to a felt tip
VALIDATION = 5_000  # MNIST's last training digits, on which no training learns


class Written(NamedTuple):
    """A digit on a sheet, or a page of digits."""

    ink: np.ndarray
    """Ink 255 on paper 0, uint8 [height, width], of a whole photograph."""
    box: tuple[int, int, int, int]
    """Left, top, right and bottom of the ink, in pixels."""
    size: int
    """The longer side of a digit in pixels."""


def written(count: int, data: Folders = (), seed: int = 0) -> tuple[list[Written], np.ndarray]:
    """Write `count` digits: half from MNIST, half by the pen writers for validation. Returns them and their labels.

    MNIST and Pendigits come from the folders `data`, or are downloaded. Raises InputError if they are
    missing.
    """
    random = np.random.default_rng(seed)
    _, digits = mnist.split(mnist.load(data)[0], VALIDATION)
    pens = pendigits.load(data).by(*VALIDATION_WRITERS)
    half = random.choice(len(digits.labels), count // 2, replace=False)
    rest = random.choice(len(pens.labels), count - len(half), replace=False)
    sheets = [_place(_enlarge(digits.images[index], random), random) for index in half]
    sheets += [_place(_write(pens.drawings[index], random), random) for index in rest]
    return sheets, np.concatenate([digits.labels[half], pens.labels[rest]])


def pages(count: int, data: Folders = (), seed: int = 0, share: float = 1.0) -> tuple[list[Written], list[str]]:
    """Write `count` pages of numbers by the pen writers for validation. Returns them and what stands on them.

    The digits fill a `share` of the page's sides: most people write smaller than to fill a whole sheet.

    The data come from the folders `data`, or are downloaded. Raises InputError if they are missing.
    """
    random = np.random.default_rng(seed)
    hands = [pendigits.load(data).by(writer) for writer in VALIDATION_WRITERS]
    hands += [ujipen.load(data).digits.by(writer) for writer in ujipen.VALIDATION_WRITERS]
    written, texts = [], []
    for _ in range(count):
        hand = hands[random.integers(len(hands))]
        lengths = random.integers(*LENGTHS, LINES, endpoint=True).tolist()
        sides = [(round(share * height), round(share * width)) for height, width in PAGE_SIDES]
        page = sheet("apart", lengths, hand, random, sides, PAGE_PENS)
        ink = Image.fromarray(255 - page.sketch)
        if share < 1:
            height, width = PAGE_SIDES[random.integers(len(PAGE_SIDES))]
            part, ink = ink, Image.new("L", (width, height))
            ink.paste(part, (int(random.integers(width - part.width)), int(random.integers(height - part.height))))
        ink = ink.filter(ImageFilter.GaussianBlur(random.uniform(*LENS) * max(ink.size)))
        box = ink.point(lambda level: 255 * (level > 20)).getbbox()
        assert box
        written.append(Written(np.asarray(ink), box, round(page.size)))
        texts.append(page.text)
    return written, texts


def _enlarge(image: np.ndarray, random: np.random.Generator) -> Image.Image:
    """Enlarge one of MNIST's digits, uint8 [28, 28], to crisp strokes of some width, cropped to the ink."""
    smooth = Image.fromarray(image).resize((560, 560), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(6))
    threshold, edge = random.uniform(90, 160), random.uniform(8, 60)
    crisp = smooth.point(lambda level: 255 * min(max((level - threshold) / edge + 0.5, 0), 1))
    return _rough(crisp, random)


def _write(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    """Draw pen strokes with a pen of some width, cropped to the ink."""
    brush = 700 * np.exp(random.uniform(*np.log(PENS)))
    return _rough(draw(drawing, brush, 700, 960).point(lambda level: 255 - level), random)


def _rough(ink: Image.Image, random: np.random.Generator) -> Image.Image:
    """Fray the edges of half of the strokes, as paper does with ink, and crop to the ink."""
    if random.random() < 0.5:
        cell = random.uniform(3, 8)
        frayed = random.normal(0, 1, (round(ink.height / cell), round(ink.width / cell))).astype(np.float32)
        noise = np.asarray(Image.fromarray(frayed).resize(ink.size, Image.Resampling.BICUBIC))
        soft = np.asarray(ink.filter(ImageFilter.GaussianBlur(3)), np.float32) / 255
        ink = Image.fromarray(
            (1020 * (soft - 0.5 + 0.6 * soft * (1 - soft) * noise) + 128).clip(0, 255).astype(np.uint8)
        )
    return ink.crop(ink.point(lambda level: 255 * (level > 100)).getbbox())


def _place(ink: Image.Image, random: np.random.Generator) -> Written:
    """Put a digit on a sheet of a random size, anywhere on it."""
    longer = float(np.exp(random.uniform(*np.log(SIDES))))
    shorter = longer * random.uniform(1 / ASPECT, 1)
    width, height = map(round, (longer, shorter) if random.random() < 0.4 else (shorter, longer))
    free = 1 - 2 * MARGIN
    tall = min(height * np.exp(random.uniform(*np.log(HEIGHTS))), free * height, free * width * ink.height / ink.width)
    wide = tall * ink.width / ink.height
    left = round(MARGIN * width + random.random() * (free * width - wide))
    top = round(MARGIN * height + random.random() * (free * height - tall))
    sheet = Image.new("L", (width, height))
    sheet.paste(ink.resize((max(1, round(wide)), max(1, round(tall))), Image.Resampling.BOX), (left, top))
    sheet = sheet.filter(ImageFilter.GaussianBlur(random.uniform(*LENS) * longer))
    box = sheet.getbbox()
    assert box
    return Written(np.asarray(sheet), box, max(box[2] - box[0], box[3] - box[1]))
