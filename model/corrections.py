"""Load the drawings that people corrected in the demo: `--collect DIR` stores them, `--data DIR` trains on them.

The page also saves what it learned as a zip file, which `--data` takes like a folder.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from model import InputError
from model.folders import CORRECTIONS, Folders, zipped_corrections
from model.mnist import Digits
from model.normalize import SIDE, normalize_all


@dataclass(frozen=True)
class Corrections:
    """Corrected drawings, as they were stored."""

    files: list[tuple[Path, bytes]]
    """Path, DIGIT/NAME.png of a folder or a zip, and content of each."""

    @property
    def sha256(self) -> str:
        """Hash of all drawings and their digits; empty if there are none."""
        parts = [path.parent.name.encode() + hashlib.sha256(content).digest() for path, content in self.files]
        return hashlib.sha256(b"".join(parts)).hexdigest() if parts else ""

    def normalized(self) -> Digits:
        """Normalize the sketches, which may have any size. Raises InputError if one is not an image."""
        sketches = [_decoded(*file) for file in self.files]
        images = np.empty((len(sketches), SIDE, SIDE), np.uint8)
        for size in {sketch.size for sketch in sketches}:
            chosen = [i for i, sketch in enumerate(sketches) if sketch.size == size]
            images[chosen] = normalize_all((sketches[i] for i in chosen), len(chosen))
        return Digits(images, np.array([int(path.parent.name) for path, _ in self.files], np.uint8))


def load(folders: Folders) -> Corrections:
    """Read DIGIT/*.png of all folders and zip files, ordered by digit and name.

    Raises InputError if a file cannot be read.
    """
    files = [(path, _content(path)) for folder in folders for path in folder.glob(CORRECTIONS)]
    for archive in filter(Path.is_file, folders):
        files += [(archive / name, content) for name, content in zipped_corrections(archive)]
    return Corrections(sorted(files, key=lambda file: (file[0].parts[-2:], file[1])))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _decoded(path: Path, content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.convert("L")
    except Exception as error:  # a damaged file makes Pillow's decoders raise anything
        raise InputError(f"{path} is not an image, or damaged: save it again as PNG, or delete it.") from error
