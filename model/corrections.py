"""Load the drawings that people corrected in the demo: `--collect DIR` stores them, `--data DIR` trains on them."""

from pathlib import Path

import numpy as np
from PIL import Image

from model import InputError
from model.mnist import Digits
from model.normalize import SIDE, normalize_all


def count(folder: Path | None) -> int:
    """Count the corrections in `folder`."""
    return len(_paths(folder))


def load(folder: Path | None) -> Digits:
    """Load and normalize `folder`/DIGIT/*.png, sketches of any size. Without a folder there are none.

    Raises InputError for a file that is not an image.
    """
    paths = _paths(folder)
    sketches = [_read(path) for path in paths]
    images = np.empty((len(paths), SIDE, SIDE), np.uint8)
    for size in {sketch.size for sketch in sketches}:
        chosen = [i for i, sketch in enumerate(sketches) if sketch.size == size]
        images[chosen] = normalize_all((sketches[i] for i in chosen), len(chosen))
    return Digits(images, np.array([int(path.parent.name) for path in paths], np.uint8))


def _paths(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("[0-9]/*.png")) if folder else []


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("L")
    except Exception as error:  # a damaged file makes Pillow's decoders raise anything
        raise InputError(f"{path} is not an image ({error}): delete it.") from error
