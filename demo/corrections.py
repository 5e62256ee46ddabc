"""Store drawings that people corrected, as training data."""

import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from PIL import Image

from demo.networks.files import SetupError

MAX_DRAWINGS = 10_000  # a tenth of the training data; about 40 MB
NAME = re.compile(r"[0-9]/[0-9a-f]{32}")  # random, so that only who stored a drawing can name it


@dataclass(frozen=True)
class Corrections:
    """Drawings in `folder`/DIGIT/NAME.png, which `python -m model tune all --data` reads."""

    folder: Path

    def prepare(self) -> None:
        """Create the folder. Raises SetupError unless drawings can be written there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in [self.folder, *self.folder.glob("[0-9]")]:
                with TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            reason = f"cannot store drawings in {self.folder}: {error.strerror or error}."
            raise SetupError(f"{reason} Choose another folder for --collect.") from error

    def count(self) -> int:
        """The number of stored drawings."""
        return len(list(self.folder.glob("[0-9]/*.png")))

    def keep(self, sketch: np.ndarray, digit: int) -> str:
        """Store a sketch, uint8 [height, width], and return its name, DIGIT/NAME.

        Raises ValueError for a digit outside 0 to 9, a blank sketch or a full folder, OSError if writing fails.
        """
        if type(digit) is not int or digit not in range(10):
            raise ValueError("The digit must be 0 to 9.")
        if sketch.min() == sketch.max():
            raise ValueError("The drawing is blank.")
        if self.count() >= MAX_DRAWINGS:
            raise ValueError(f"The folder is full: it holds {MAX_DRAWINGS:,} drawings.")
        name = f"{digit}/{uuid.uuid4().hex}"
        path = self.folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        try:
            Image.fromarray(sketch).save(partial, "PNG")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return name

    def take_back(self, name: str) -> None:
        """Delete the drawing that keep() named so, if it is still there.

        Raises ValueError for anything else than such a name, OSError if deleting fails.
        """
        if not NAME.fullmatch(name):
            raise ValueError("The name is not one that /keep returned.")
        (self.folder / f"{name}.png").unlink(missing_ok=True)
