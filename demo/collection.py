"""Drawings that people corrected, kept for training."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MOST = 10_000  # drawings: a tenth of what the networks learn from, and 40 MB


@dataclass(frozen=True)
class Collection:
    """`folder`/DIGIT/NAME.png, as `python -m model train --data` takes it up."""

    folder: Path

    def keep(self, sketch: np.ndarray, digit: int) -> int:
        """Store a sketch, uint8 [height, width], and return how many there are.

        Raises ValueError if `digit` is none or the folder is full, OSError if it cannot be written.
        """
        if digit not in range(10):
            raise ValueError("The digit must be 0 to 9.")
        count = len(list(self.folder.glob("[0-9]/*.png")))
        if count >= MOST:
            raise ValueError(f"The folder holds {MOST:,} drawings; it takes no more.")
        path = self.folder / str(int(digit)) / f"{uuid.uuid4().hex}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".partial")
        Image.fromarray(sketch).save(beside, "PNG")
        beside.replace(path)
        return count + 1
