"""Load Pendigits, the digits that UCI recorded as pen strokes.

44 people wrote 10,992 digits on a tablet, which recorded how the pen moved (E. Alpaydin, F. Alimoglu 1998, CC BY 4.0).
"""

import re
import zipfile
from typing import NamedTuple

import numpy as np
from unlzw3 import unlzw

from model import InputError
from model.draw import Drawing
from model.folders import Folders, download, find

SOURCE = "https://archive.ics.uci.edu/static/public/81/pen+based+recognition+of+handwritten+digits.zip"
SHA256 = "1e02bea023613c2b11c9492f6f34caf975420455934f3527d270cee9a1f03b64"
TRAINING_FILE = "pendigits-orig.tra"  # 30 writers
TEST_FILE = "pendigits-orig.tes"  # 14 other writers, for evaluation only
COUNTS = {TRAINING_FILE: 7_494, TEST_FILE: 3_498}  # digits in each file
VALIDATION_WRITERS = (5, 15, 25)  # of TRAINING_FILE; whole writers are held out, because each has a style
TEST_WRITERS = (10, 20, 30)

_WRITERS = {str(number) for number in range(1, 256)}
_NUMBER = re.compile(r"-?\d{1,9}(\.\d*)?")


class Pens(NamedTuple):
    """Digits as pen strokes."""

    drawings: list[Drawing]
    """One per digit."""
    labels: np.ndarray
    """The digits, uint8 [count]."""
    writers: np.ndarray
    """The number of each digit's writer, int [count]."""

    def by(self, *writers: int) -> "Pens":
        """The digits of these writers."""
        return self._where(np.isin(self.writers, writers))

    def without(self, *writers: int) -> "Pens":
        """The digits of all other writers."""
        return self._where(~np.isin(self.writers, writers))

    def _where(self, chosen: np.ndarray) -> "Pens":
        drawings = [self.drawings[index] for index in np.flatnonzero(chosen)]
        return Pens(drawings, self.labels[chosen], self.writers[chosen])


def load(folders: Folders = (), name: str = TRAINING_FILE) -> Pens:
    """Load the 7,494 digits of TRAINING_FILE, or the 3,498 of TEST_FILE.

    They are read from the unpacked file in `folders`, or from UCI's archive, which is downloaded. Raises InputError if
    that fails, or if the file is damaged or incomplete.
    """
    path = find(name, folders)
    try:
        if path:
            text, source = path.read_bytes().decode("latin-1"), str(path)
        else:
            text, source = _downloaded(name, folders), f"{name} in UCI's archive"
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    pens = read_unipen(text, source)
    if len(pens.labels) != COUNTS[name]:
        raise InputError(
            f"{source} holds {len(pens.labels):,} digits instead of {COUNTS[name]:,}. Download {SOURCE} again."
        )
    return pens


def _downloaded(name: str, folders: Folders) -> str:
    remedy = f"unpack {name}.Z from it, put {name} into a folder"
    archive = download(SOURCE, SHA256, "pendigits.zip", folders, name, remedy)
    with zipfile.ZipFile(archive) as members:
        packed = next(member for member in members.namelist() if member.endswith(f"{name}.Z"))
        return unlzw(members.read(packed)).decode("latin-1")


def read_unipen(text: str, source: str) -> Pens:
    """Parse digits in UNIPEN format (Guyon et al. 1994).

    Each digit needs a .COMMENT with its label, writer and number, as in UCI's files. Raises InputError with `source`
    and the line number for anything else.
    """
    drawings: list[Drawing] = []
    labels: list[int] = []
    writers: list[int] = []
    points: list[list[float]] | None = None
    number = 0

    def malformed(what: str) -> InputError:
        return InputError(f"{source}, line {number}: {what}. Download {SOURCE} again.")

    def check_last_digit() -> None:
        if points is not None:
            raise malformed("the stroke before it does not end with .PEN_UP")
        if drawings and not drawings[-1]:
            raise malformed(f"digit number {len(drawings)}, before it, has no strokes")
        if len(writers) != len(drawings):
            raise malformed(f"digit number {len(drawings)} has no .COMMENT that names its writer")

    for number, line in enumerate(text.splitlines(), start=1):  # noqa: B007, malformed() names it
        match line.split():
            case [".SEGMENT", "DIGIT", *_, label]:
                check_last_digit()
                if label.strip('"') not in set("0123456789"):
                    raise malformed(f"{label} is not a digit")
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
                raise malformed(f"unexpected {pen}")
            case [_, *_] as words if points is not None:
                if len(words) != 2 or not all(map(_NUMBER.fullmatch, words)):
                    raise malformed(f"{' '.join(words)} is not a position of the pen")
                points.append([float(word) for word in words])
    check_last_digit()
    if not drawings:
        raise InputError(f"{source} holds no digits in UNIPEN format. Download {SOURCE} again.")
    return Pens(drawings, np.array(labels, np.uint8), np.array(writers, np.uint8))
