"""Pen trajectories: read, and drawn as a sketch.

UCI's Pendigits (E. Alpaydin, F. Alimoglu 1998, CC BY 4.0): 10,992 digits by 44 people on a tablet, as the pen moved.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw
from unlzw3 import unlzw

from model import InputError
from model.normalize import SIDE, normalize

SOURCE = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"
SHA256 = "1e02bea023613c2b11c9492f6f34caf975420455934f3527d270cee9a1f03b64"
OTHERS = "pendigits-orig.tes"  # 14 writers, to evaluate with only
COUNTS = {"pendigits-orig.tra": 7_494, OTHERS: 3_498}
VALIDATION_WRITERS = (5, 15, 25)  # of the 30 in pendigits-orig.tra; styles go with writers, so writers are held out
TEST_WRITERS = (10, 20, 30)

_WRITERS = {str(number) for number in range(1, 256)}
_NUMBER = re.compile(r"-?\d{1,9}(\.\d*)?")

Drawing = list[np.ndarray]
"""Strokes, each float [points, 2]: x to the right, y down, in any unit."""


class Pens(NamedTuple):
    """Drawings with the digit that each shows, uint8 [count], and the number of its writer, uint8 [count]."""

    drawings: list[Drawing]
    labels: np.ndarray
    writers: np.ndarray

    def by(self, *writers: int) -> "Pens":
        """What these writers drew."""
        return self._where(np.isin(self.writers, writers))

    def without(self, *writers: int) -> "Pens":
        """What all other writers drew."""
        return self._where(~np.isin(self.writers, writers))

    def _where(self, chosen: np.ndarray) -> "Pens":
        drawings = [self.drawings[index] for index in np.flatnonzero(chosen)]
        return Pens(drawings, self.labels[chosen], self.writers[chosen])


def load(folder: Path | None = None, name: str = "pendigits-orig.tra") -> Pens:
    """The 7,494 digits of 30 writers, or, as "pendigits-orig.tes", the 3,498 of 14 others.

    `folder` holds the file, unpacked; without it UCI's archive is downloaded once and kept in Keras' cache.
    Raises InputError if there is no file, or if it is not what it should be.
    """
    if folder is None:
        text, source = _download(name), f"{name} in UCI's archive"
    else:
        path = folder / name
        if not path.is_file():
            raise InputError(f"There is no {path}. Download {SOURCE}, unpack {name}.Z from it and put {name} there.")
        text, source = path.read_bytes().decode("latin-1"), str(path)
    pens = read_unipen(text, source)
    if len(pens.labels) != COUNTS[name]:
        raise InputError(
            f"{source} holds {len(pens.labels):,} digits instead of {COUNTS[name]:,}. Download {SOURCE} anew."
        )
    return pens


def _download(name: str) -> str:
    try:
        archive = keras.utils.get_file("pendigits.zip", SOURCE, file_hash=SHA256, cache_subdir="datasets")
        with zipfile.ZipFile(archive) as members:
            packed = next(member for member in members.namelist() if member.endswith(f"{name}.Z"))
            return unlzw(members.read(packed)).decode("latin-1")
    except Exception as error:  # Keras raises a bare Exception for every failed download
        raise InputError(
            f"The pen strokes could not be downloaded ({error}). "
            f"Download {SOURCE} by other means, unpack {name}.Z from it, and put it into the folder that "
            "you name with --data."
        ) from error


def read_unipen(text: str, source: str) -> Pens:
    """Digits in UNIPEN format (Guyon et al. 1994), whose comments name digit, writer and number as UCI's do.

    Raises InputError, which names `source` and the line, for anything else.
    """
    drawings: list[Drawing] = []
    labels: list[int] = []
    writers: list[int] = []
    points: list[list[float]] | None = None
    number = 0

    def wrong(what: str) -> InputError:
        return InputError(f"{source}, line {number}: {what}. Download {SOURCE} anew.")

    def finish() -> None:
        if points is not None:
            raise wrong("the file ends, or a digit begins, before the pen is lifted")
        if drawings and not drawings[-1]:
            raise wrong(f"the digit before it, number {len(drawings)}, has no strokes")
        if len(writers) != len(drawings):
            raise wrong(f"digit number {len(drawings)} has no .COMMENT that names its writer")

    for number, line in enumerate(text.splitlines(), start=1):  # noqa: B007, wrong() names it
        match line.split():
            case [".SEGMENT", "DIGIT", *_, label]:
                finish()
                if label.strip('"') not in set("0123456789"):
                    raise wrong(f"{label} is no digit")
                drawings.append([])
                labels.append(int(label.strip('"')))
            case [".COMMENT", _, writer, _] if len(writers) < len(drawings) and writer in _WRITERS:
                writers.append(int(writer))
            case [".PEN_DOWN"] if drawings and points is None:
                points = []
            case [".PEN_UP"] if points:
                drawings[-1].append(np.array(points, np.float32) * [1, -1])
                points = None
            case [".PEN_UP" | ".PEN_DOWN" as pen]:
                raise wrong(f"{pen} without a stroke before it, or within one")
            case [_, *_] as words if points is not None:
                if len(words) != 2 or not all(map(_NUMBER.fullmatch, words)):
                    raise wrong(f"{' '.join(words)} is no position of the pen")
                points.append([float(word) for word in words])
    finish()
    if not drawings:
        raise InputError(f"{source} holds no digit in UNIPEN format. Download {SOURCE} anew.")
    return Pens(drawings, np.array(labels, np.uint8), np.array(writers, np.uint8))


def draw(drawing: Drawing, brush: float, size: float, side: int = 280) -> Image.Image:
    """The drawing in black on a white square of `side` pixels.

    It is centred; the longer side of the pen's path is `size` pixels and the round brush is `brush` pixels wide.
    """
    points = np.concatenate(drawing)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / max(float((high - low).max()), 1e-6)
    sketch = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(sketch)
    for stroke in drawing:
        path = [(x, y) for x, y in ((stroke - (low + high) / 2) * scale + side / 2).tolist()]
        pen.line(path, fill=0, width=round(brush), joint="curve")
        for x, y in (path[0], path[-1]):
            pen.circle((x, y), brush / 2, fill=0)
    return sketch


def images(sketches: Iterator[Image.Image], count: int, batch_size: int = 100) -> np.ndarray:
    """What the networks see of `count` sketches of one size: uint8 [count, 28, 28], ink 255 on paper 0."""
    seen = np.empty((count, SIDE, SIDE), np.uint8)
    graph = tf.function(normalize, reduce_retracing=True)
    for start in range(0, count, batch_size):
        batch = np.stack([np.asarray(next(sketches)) for _ in range(min(batch_size, count - start))])
        seen[start : start + len(batch)] = np.rint(graph(batch).numpy() * 255)
    return seen
