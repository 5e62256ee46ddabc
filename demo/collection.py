"""Drawings that people corrected, kept for training."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MOST = 10_000  # drawings: a tenth of what the networks learn from, and some 40 MB


@dataclass(frozen=True)
class Collection:
    """`folder`/DIGIT/NAME.png, as `python -m model train --data` takes it up."""

    folder: Path

    def keep(self, sketch: np.ndarray, digit: int) -> int:
        """Store a sketch, uint8 [height, width], and return how many there are.

        Raises ValueError if `digit` is none, the sketch blank or the folder full, OSError if it cannot be written.
        """
        if type(digit) is not int or digit not in range(10):
            raise ValueError("The digit must be 0 to 9.")
        if sketch.min() == sketch.max():
            raise ValueError("There is nothing on the paper.")
        count = len(list(self.folder.glob("[0-9]/*.png")))
        if count >= MOST:
            raise ValueError(f"The folder holds {MOST:,} drawings; it takes no more.")
        path = self.folder / str(digit) / f"{uuid.uuid4().hex}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".partial")
        try:
            Image.fromarray(sketch).save(beside, "PNG")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return count + 1
