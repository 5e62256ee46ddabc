"""What goes wrong in photographs of digits, simulated one kind at a time.

A damage is a function of a photograph so far, `level` float32 [height, width] in grey levels, the digit on it, a random
generator, and a severity in the unit that its docstring names. It changes `level` or returns another array.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.benchmarks.photographs.digits import Written

Random = np.random.Generator
Damage = Callable[[np.ndarray, Written, Random, float], np.ndarray]
GRAIN_SIDE = 2_304  # pixels of the tile of noise from which every photograph takes its own part


@dataclass(frozen=True)
class Kind:
    """A kind of photograph: a digit in ink on paper, and what happens to it."""

    damages: list[tuple[Damage, float]] = field(default_factory=list)
    """In this order, each with its severity."""
    paper: tuple[float, float] = (150, 235)
    """Range of the paper's grey level."""
    contrast: tuple[float, float] = (70, 190)
    """Range of the grey levels by which ink is darker than paper."""


def photographs(kind: str, drawings: list[Written], random: Random) -> list[np.ndarray]:
    """Photograph each drawing, uint8 [height, width] each. `kind` is a key of KINDS."""
    return [photograph(KINDS[kind], drawing, random) for drawing in drawings]


def photograph(kind: Kind, drawing: Written, random: Random) -> np.ndarray:
    """Photograph one drawing, uint8 [height, width]."""
    paper = random.uniform(*kind.paper)
    contrast = min(random.uniform(*kind.contrast), paper - 12)
    level = np.float32(paper) - drawing.ink * np.float32(contrast / 255)
    for damage, severity in kind.damages:
        level = damage(level, drawing, random, severity)
    return _as_bytes(level)


# The sensor and the file


def grain(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Noise of the sensor, different in each pixel. Standard deviation in grey levels."""
    return level + _noise(level.shape, random) * np.float32(severity)


def coarse_grain(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """The paper's own grain, or a noisy photograph enlarged: blobs of 2 to 8 pixels. Deviation in grey levels."""
    cell = random.uniform(2, 8)
    return level + _smooth_noise(level.shape, random, cell, cell * random.uniform(1, 2)) * np.float32(severity)


def jpeg(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Compression. Quality as libjpeg counts it, lower is worse."""
    file = BytesIO()
    Image.fromarray(_as_bytes(level)).save(file, "JPEG", quality=round(severity))
    return np.asarray(Image.open(file)).astype(np.float32)


def out_of_focus(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Blur. Standard deviation as a share of the digit's longer side."""
    return np.asarray(_blurred(Image.fromarray(_as_bytes(level)), severity * drawing.size)).astype(np.float32)


def moire(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A photographed screen: its pixels beat with those of the camera. Amplitude in grey levels."""
    pattern = np.zeros_like(level)
    for period, share in ((random.uniform(2.2, 5), 0.4), (random.uniform(8, 60), 0.6)):
        angle, turn = random.uniform(0, np.pi), random.uniform(-0.3, 0.3)
        along = _along(level.shape, angle) * np.float32(max(level.shape) / period * np.pi)
        across = _along(level.shape, angle + np.pi / 2)
        pattern = pattern + np.float32(share) * np.sin(along + np.float32(turn * max(level.shape) / period) * across**2)
    return level + pattern * np.float32(severity)


# The light


def slope(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Light from one side. Change from the middle to the edge, as a share of the light."""
    return level * (1 + np.float32(severity) * _along(level.shape, random.uniform(0, 2 * np.pi)))


def vignette(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Dark corners. Share of the light that is missing in the farthest corner."""
    height, width = level.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - np.float32(random.uniform(-0.4, 0.4))
    x = np.linspace(-1, 1, width, dtype=np.float32) - np.float32(random.uniform(-0.4, 0.4))
    distance = y * y + x * x
    return level * (1 - np.float32(severity) * (distance / distance.max()) ** np.float32(1.5))


def shadow(
    level: np.ndarray, drawing: Written, random: Random, severity: float, width: tuple[float, float] = (0.15, 0.5)
) -> np.ndarray:
    """A shadow from one side or of a round thing. Share of the light that it takes.

    `width` is that of its edge, as a share of the photograph's longer side.
    """
    edge = random.uniform(*width)
    if random.random() < 0.6:
        distance = _along(level.shape, random.uniform(0, 2 * np.pi)) - np.float32(random.uniform(-0.6, 0.6))
    else:
        y, x = (np.linspace(-1, 1, n, dtype=np.float32) - np.float32(random.uniform(-1, 1)) for n in level.shape)
        radius = random.uniform(0.5, 1.2)
        distance = np.float32(radius) - np.sqrt((y * y)[:, None] * np.float32(random.uniform(0.3, 1)) + x * x)
    return level * (1 - np.float32(severity) * _step(distance / np.float32(2 * edge)))


def flash(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A bright spot. Share of the way to white in its middle."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) - np.float32(random.uniform(-0.8, 0.8)) for n in level.shape)
    spot = np.exp(-((y * y)[:, None] + x * x) / np.float32(random.uniform(0.05, 0.4)))
    return level + (255 - level) * (spot * np.float32(severity))


def crumple(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Creases: each facet of the paper has its own light. Deviation as a share of the light."""
    small = 128
    seeds = random.uniform(0, small, (random.integers(8, 40), 2))
    y, x = np.mgrid[:small, :small]
    distance = np.hypot(y[..., None] - seeds[:, 0], x[..., None] - seeds[:, 1])
    facet = distance.argmin(axis=2)
    tilt = random.normal(0, 1, (len(seeds), 3))
    light = tilt[facet, 0] * 0.6
    light += ((y - seeds[facet, 0]) * tilt[facet, 1] + (x - seeds[facet, 1]) * tilt[facet, 2]) / (small / 6)
    nearest = np.partition(distance, 1, axis=2)
    light += random.choice([-1.2, 1.2], len(seeds))[facet] * np.exp(-(nearest[..., 1] - nearest[..., 0]) / 1.5)
    return level * (1 + np.float32(severity) * _enlarged(light.astype(np.float32), level.shape))


# The paper


def specks(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """Dust and dots, 1 pixel to 1/40 of the longer side, away from the digit. Greatest number of them."""
    height, width = level.shape
    picture = Image.fromarray(np.zeros((height, width), np.uint8))
    pen = ImageDraw.Draw(picture)
    left, top, right, bottom = drawing.box
    gap = 0.08 * drawing.size
    for _ in range(round(np.exp(random.uniform(np.log(3), np.log(severity))))):
        radius = np.exp(random.uniform(np.log(0.5), np.log(max(height, width) / 80)))
        x, y = random.uniform(0, width), random.uniform(0, height)
        reach = gap + radius
        if not (left - reach < x < right + reach and top - reach < y < bottom + reach):
            long = radius * random.uniform(0.5, 1)
            pen.ellipse((x - radius, y - long, x + radius, y + long), fill=int(random.uniform(80, 255)))
    return level - np.asarray(picture) * np.float32(random.uniform(60, 160) / 255)


def ruled(level: np.ndarray, drawing: Written, random: Random, severity: float, squared: bool = False) -> np.ndarray:
    """Printed lines. Greatest number of grey levels by which they are darker than the paper."""
    dark = random.uniform(0.3, 1) * severity
    pitch = drawing.size / random.uniform(1, 4)
    thick = max(pitch * random.uniform(1 / 30, 1 / 12), 0.6)
    turn = random.normal(0, 0.05)
    cover = np.zeros_like(level)
    for angle in (np.pi / 2, 0) if squared else (np.pi / 2,):
        height, width = level.shape
        y, x = (np.arange(n, dtype=np.float32) - np.float32(n / 2) for n in (height, width))
        along = y[:, None] * np.float32(np.sin(angle + turn)) + x * np.float32(np.cos(angle + turn))
        far = 1 + (y[:, None] * np.float32(random.normal(0, 0.08)) + x * np.float32(random.normal(0, 0.08))) / max(
            height, width
        )
        phase = along / (far * np.float32(pitch)) + np.float32(random.random())
        distance = np.abs(phase - np.rint(phase)) * np.float32(pitch)
        cover = np.maximum(cover, np.clip(np.float32(thick / 2 + 0.5) - distance, 0, min(thick, 1)))
    return level * (1 - cover * np.float32(dark / level.max()))


def show_through(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """The back of the sheet: mirrored lines of print or large writing, blurred. Grey levels, at most."""
    height, width = level.shape
    picture = Image.new("L", (max(32, width // 2), max(32, height // 2)))
    pen = ImageDraw.Draw(picture)
    size = max(picture.size) * np.exp(random.uniform(np.log(1 / 30), np.log(1 / 4)))
    font = ImageFont.load_default(size)
    y = random.uniform(-size, size)
    while y < picture.height:
        letters = "".join(random.choice(list("abcdefghiklmnoprstuvwy   0123456789"), 60))
        pen.text((random.uniform(-size, size), y), letters, font=font, fill=255)
        y += size * random.uniform(1.3, 2)
    back = _blurred(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), size * random.uniform(0.02, 0.08))
    back = back.rotate(random.normal(0, 4), Image.Resampling.BILINEAR).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    return level - np.asarray(back) * np.float32(severity * random.uniform(0.5, 1) / 255)


def pencil(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A pencil that skips the hollows of the paper. Share of the stroke that it skips."""
    hollow = _smooth_noise(level.shape, random, max(1.0, drawing.size / 150)) * np.float32(0.5)
    paper = level.max()
    return paper + (level - paper) * np.clip(1 - np.float32(severity) - hollow, 0, 1)


def chalk(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A blackboard with wiped chalk on it: light on dark. Deviation of the chalk dust in grey levels."""
    cells = random.permutation([max(level.shape) / random.uniform(4, 20), max(level.shape) / 4])
    dust = _smooth_noise(level.shape, random, *cells)
    return 255 - level + (dust + 1) * np.float32(severity)


# What surrounds the paper


def two_tones(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """White padding beside the photograph, on one side or on two. Width of the padding as a share, at most."""
    height, width = level.shape
    amounts = random.uniform(0.04, severity, 2) * (1, random.random() < 0.5)
    before, after = random.permutation((amounts * max(height, width)).astype(int))
    padding = ((0, 0), (before, after)) if height >= width else ((before, after), (0, 0))
    return np.pad(level, padding, constant_values=255)


def table(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A sheet on a table that shows at one to three sides. Grey levels between paper and table, at most."""
    paper = float(level.max())
    difference = random.uniform(0.4, 1) * severity
    tone = paper - difference if paper - difference > 10 and random.random() < 0.8 else min(paper + difference, 250)
    cells = random.permutation([max(level.shape) / random.uniform(20, 200), max(level.shape) / 5])
    surface = tone + _smooth_noise(level.shape, random, *cells) * np.float32(random.uniform(0, 0.06) * tone)
    for side in random.permutation(4)[: random.integers(1, 4)]:
        beyond = _beyond(level.shape, drawing, random, int(side), (0.25, 0.9), 0.08)
        level = level + (surface - level) * beyond
    return level


def strip(level: np.ndarray, drawing: Written, random: Random, severity: float) -> np.ndarray:
    """A dark strip along one border, as an edge of the sheet leaves it. Share of the light that it takes."""
    side = int(random.integers(4))
    edge = _beyond(level.shape, drawing, random, side, (0.03, 0.25), 0.02, random.uniform(1, 8))
    return level * (1 - edge * np.float32(severity * random.uniform(0.4, 1)))


def _beyond(
    shape: tuple[int, ...],
    drawing: Written,
    random: Random,
    side: int,
    shares: tuple[float, float],
    turn: float,
    soft: float = 1.0,
) -> np.ndarray:
    """How far each pixel lies beyond an edge between the digit and one side of the photograph, 0 to 1.

    `side` is left, top, right or bottom. The edge takes one of `shares` of the room there, is turned by up to `turn`
    radians and `soft` pixels wide.
    """
    height, width = shape
    left, top, right, bottom = drawing.box
    room = (left, top, width - right, height - bottom)[side]
    y, x = (np.arange(n, dtype=np.float32) for n in (height, width))
    outward, along = ((-x, y[:, None]), (-y[:, None], x), (x, y[:, None]), (y[:, None], x))[side]
    border = (0, 0, width, height)[side]
    length = (height, width, height, width)[side]
    turned = np.float32(np.clip(random.normal(0, turn), -1.2 * room / length, 1.2 * room / length))
    edge = border - room * random.uniform(*shares)
    return np.clip((outward + (along - np.float32(length / 2)) * turned - np.float32(edge)) / np.float32(soft), 0, 1)


# Tools


@cache
def _tile() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((GRAIN_SIDE, GRAIN_SIDE), dtype=np.float32)


def _noise(shape: tuple[int, ...], random: Random) -> np.ndarray:
    """Normal noise of deviation 1."""
    top, left = (int(random.integers(GRAIN_SIDE - length + 1)) for length in shape)
    return _tile()[top : top + shape[0], left : left + shape[1]]


def _smooth_noise(shape: tuple[int, ...], random: Random, down: float, across: float | None = None) -> np.ndarray:
    """Normal noise of deviation about 1, in blobs of `down` x `across` pixels."""
    height, width = shape
    rows, columns = (max(3, 2 + round(2 * length / cell)) for length, cell in ((height, down), (width, across or down)))
    fine = _noise((rows, columns), random)
    fine = fine[:-2] + 2 * fine[1:-1] + fine[2:] if rows > 4 else fine
    fine = fine[:, :-2] + 2 * fine[:, 1:-1] + fine[:, 2:] if columns > 4 else fine
    return _enlarged(fine / fine.std(), shape)


def _enlarged(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    height, width = shape
    return np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.BICUBIC))


def _blurred(picture: Image.Image, radius: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(float(radius)))


def _along(shape: tuple[int, ...], angle: float) -> np.ndarray:
    """Position along a direction, -1 to 1 along an axis of the photograph."""
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in shape)
    return y[:, None] * np.float32(np.sin(angle)) + x * np.float32(np.cos(angle))


def _step(position: np.ndarray) -> np.ndarray:
    """A smooth step from 0 at -1/2 to 1 at 1/2."""
    t = np.clip(position + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


def _as_bytes(level: np.ndarray) -> np.ndarray:
    return np.clip(level + np.float32(0.5), 0, 255).astype(np.uint8)


shadow_edge: Any = partial(shadow, width=(0.005, 0.04))
squared: Any = partial(ruled, squared=True)

KINDS: dict[str, Kind] = {
    "as drawn": Kind(),
    "light from one side": Kind([(slope, 0.3), (grain, 2)]),
    "grain": Kind([(grain, 16)]),
    "coarse grain": Kind([(coarse_grain, 12)]),
    "specks": Kind([(specks, 40), (grain, 1)], paper=(190, 254)),
    "vignette": Kind([(vignette, 0.7), (grain, 2)]),
    "vignette, coarse grain": Kind([(vignette, 0.6), (coarse_grain, 9)]),
    "soft shadow": Kind([(shadow, 0.4), (grain, 2)]),
    "shadow edge": Kind([(shadow_edge, 0.35), (grain, 2)]),
    "two tones": Kind([(grain, 2), (two_tones, 0.25)], paper=(140, 235)),
    "ruled paper": Kind([(ruled, 55), (grain, 2)], contrast=(90, 190)),
    "squared paper": Kind([(squared, 45), (grain, 2)], contrast=(90, 190)),
    "pencil": Kind([(pencil, 0.2), (grain, 4)], contrast=(9, 40)),
    "show-through": Kind([(show_through, 30), (grain, 2)]),
    "crumpled paper": Kind([(crumple, 0.06), (grain, 2)]),
    "sheet on a table": Kind([(table, 120), (grain, 2)]),
    "dark strip": Kind([(strip, 0.7), (grain, 2)]),
    "flash": Kind([(flash, 0.75), (grain, 2)]),
    "JPEG": Kind([(grain, 8), (jpeg, 10)]),
    "screen": Kind([(slope, 0.2), (moire, 30), (grain, 4)], paper=(190, 235)),
    "blackboard": Kind([(chalk, 12), (grain, 6)], paper=(170, 215), contrast=(80, 150)),
    "out of focus": Kind([(out_of_focus, 0.08), (grain, 5)]),
    "all, mildly": Kind(
        [
            (ruled, 25),
            (crumple, 0.02),
            (table, 50),
            (slope, 0.15),
            (vignette, 0.25),
            (shadow, 0.15),
            (grain, 4),
            (jpeg, 40),
        ],
    ),
}
