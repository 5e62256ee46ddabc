"""Store drawings that people corrected, as training data."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MAX_DRAWINGS = 10_000  # a tenth of the training data; about 40 MB


@dataclass(frozen=True)
class Corrections:
    """Drawings in `folder`/DIGIT/NAME.png, which `python -m model train --data` reads."""

    folder: Path

    def keep(self, sketch: np.ndarray, digit: int) -> int:
        """Store a sketch, uint8 [height, width], and return the number of stored drawings.

        Raises ValueError for a digit outside 0 to 9, a blank sketch or a full folder, OSError if writing fails.
        """
        if type(digit) is not int or digit not in range(10):
            raise ValueError("The digit must be 0 to 9.")
        if sketch.min() == sketch.max():
            raise ValueError("The drawing is blank.")
        count = len(list(self.folder.glob("[0-9]/*.png")))
        if count >= MAX_DRAWINGS:
            raise ValueError(f"The folder is full: it holds {MAX_DRAWINGS:,} drawings.")
        path = self.folder / str(digit) / f"{uuid.uuid4().hex}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        try:
            Image.fromarray(sketch).save(partial, "PNG")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return count + 1
