"""Drawings that people corrected: `python -m demo --collect DIR` stores them, `--data DIR` trains on them."""

from pathlib import Path

import numpy as np
from PIL import Image

from model import InputError
from model.mnist import Digits
from model.normalize import SIDE
from model.strokes import images


def count(folder: Path | None) -> int:
    """How many there are in `folder`."""
    return len(_paths(folder))


def load(folder: Path | None) -> Digits:
    """What the networks see of `folder`/DIGIT/*.png, sketches of any size; none without a folder.

    Raises InputError for a file that is no image.
    """
    paths = _paths(folder)
    sketches = [_read(path) for path in paths]
    seen = np.empty((len(paths), SIDE, SIDE), np.uint8)
    for size in {sketch.size for sketch in sketches}:
        chosen = [i for i, sketch in enumerate(sketches) if sketch.size == size]
        seen[chosen] = images((sketches[i] for i in chosen), len(chosen))
    return Digits(seen, np.array([int(path.parent.name) for path in paths], np.uint8))


def _paths(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("[0-9]/*.png")) if folder else []


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("L")
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        raise InputError(f"{path} is no image ({error}): delete it.") from error
