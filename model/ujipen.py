"""Load UJI Pen Characters 2: the digits and letters of 60 Spanish writers, recorded as pen strokes.

Each wrote each character twice on a tablet (F. Prat, M. J. Castro, D. Llorens, A. Marzal, J. M. Vilar 2009, CC BY 4.0,
https://doi.org/10.24432/C5FG8S).
"""

import hashlib
import re
import string
import zipfile
from typing import NamedTuple

import numpy as np

from model import InputError
from model.draw import Drawing
from model.folders import Folders, download, find
from model.pendigits import Pens

SOURCE = "https://archive.ics.uci.edu/static/public/177/uji+pen+characters+version+2.zip"
SHA256 = "0881b522911b99d9922820289441b50fd3d307f71cd7f9cc70e86872424a5f90"
FILE = "ujipenchars2.txt"  # UCI's: digits, letters and signs
DIGITS_FILE = "ujipenchars2-digits.txt"  # the digits alone, in the same layout
WRITERS = 60
EACH = 20  # digits by each writer
LETTERS = 2 * len(string.ascii_letters) * WRITERS
UNLIKE_DIGITS = "ABCDEFHKLMNPRTUVWXYacdefhkmnprtuvwx"  # letters that a person does not take for a digit
VALIDATION_WRITERS = tuple(range(1, 9))
TEST_WRITERS = tuple(range(9, 17))
# Of all strokes of the digits, which decide who is held out:
DIGITS_SHA256 = "36bf00ba570bbb5c281b063da9fef2146fac23b24b8017ab0081b6189d000827"

_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)


class Characters(NamedTuple):
    """What the writers wrote."""

    digits: Pens
    """The digits. Writers are numbered from 1 in the order of a hash of their digits' strokes. So these numbers, and
    the order of the digits, are the same whatever order, names, letters and comments a file has."""
    letters: dict[str, list[Drawing]]
    """Drawings of each of a to z and A to Z; empty if the file holds only digits. Letters with accents are signs, and
    signs are left out."""


def load(folders: Folders = ()) -> Characters:
    """Load the 1,200 digits and, if the file holds them, the 6,240 letters.

    They are read from FILE or DIGITS_FILE in `folders`, or from UCI's archive, which is downloaded. Raises InputError
    if that fails, or if the file is damaged or incomplete.
    """
    path = find(FILE, folders) or find(DIGITS_FILE, folders)
    try:
        content, source = (path.read_bytes(), str(path)) if path else (_downloaded(folders), f"{FILE} in UCI's archive")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    characters = read_characters(content.decode("utf-8-sig", errors="replace"), source)
    writers, counts = np.unique(characters.digits.writers, return_counts=True)
    if len(writers) != WRITERS or (counts != EACH).any():
        raise InputError(
            f"{source} holds {counts.sum():,} digits by {len(writers)} writers instead of {EACH} by each of {WRITERS}. "
            f"Download {SOURCE} again."
        )
    letters = sum(map(len, characters.letters.values()))
    if letters not in (0, LETTERS):
        raise InputError(f"{source} holds {letters:,} letters instead of {LETTERS:,}. Download {SOURCE} again.")
    if _sha256(*map(_text, characters.digits.drawings)) != DIGITS_SHA256:
        print(f"The digits in {source} are not those that the split was made for: other writers are held out.")
    return characters


def _downloaded(folders: Folders) -> bytes:
    archive = download(SOURCE, SHA256, "ujipenchars2.zip", folders, FILE, f"unpack {FILE} from it into a folder")
    try:
        with zipfile.ZipFile(archive) as members:
            return members.read(next(name for name in members.namelist() if name.endswith(FILE)))
    except (zipfile.BadZipFile, StopIteration) as error:
        raise InputError(f"{archive} does not hold {FILE}: delete it, and it is downloaded again.") from error


def read_characters(text: str, source: str) -> Characters:
    """Parse the digits and letters of a file in the layout of FILE.

    A sample is a line WORD CHARACTER WRITER-SAMPLE, a line NUMSTROKES n, and n lines POINTS k # x y x y ..., with y
    pointing down. Comments begin with //. Raises InputError with `source` and the line number for anything else.
    """
    samples: list[tuple[str, str, Drawing]] = []
    strokes: int | None = 0  # that the last sample still lacks; None: its NUMSTROKES is still to come
    number = 0

    def malformed(what: str) -> InputError:
        return InputError(f"{source}, line {number}: {what}. Download {SOURCE} again.")

    def check_last_sample() -> None:
        if strokes != 0:
            raise malformed(f"the {samples[-1][0]} before it has fewer strokes than it says")

    for number, line in enumerate(text.split("\n"), start=1):  # noqa: B007, malformed() names it
        match line.split():
            case []:
                pass
            case [word, *_] if word.startswith("//"):
                pass
            case ["WORD", character, session] if "-" in session:
                check_last_sample()
                samples.append((character, session.rpartition("-")[0], []))
                strokes = None
            case ["NUMSTROKES", count] if strokes is None and _NUMBER.fullmatch(count) and int(count) > 0:
                strokes = int(count)
            case ["POINTS", count, "#", *numbers] if strokes:
                if not numbers or count != str(len(numbers) // 2) or len(numbers) % 2:
                    raise malformed(f"the stroke has {len(numbers) / 2:g} points; it should have {count}, at least 1")
                if wrong := [value for value in numbers if not _NUMBER.fullmatch(value)]:
                    raise malformed(f"{wrong[0]} is not a position of the pen")
                samples[-1][2].append(np.array(numbers, np.float32).reshape(-1, 2))
                strokes -= 1
            case [word, *_]:
                raise malformed(f"unexpected {word[:20]}")
    check_last_sample()
    if not samples:
        raise InputError(f"{source} holds no pen strokes. Download {SOURCE} again.")
    letters = {letter: [drawing for c, _, drawing in samples if c == letter] for letter in string.ascii_letters}
    return Characters(
        _digits([sample for sample in samples if sample[0] in set(string.digits)]),
        {letter: drawings for letter, drawings in letters.items() if drawings},
    )


def _digits(samples: list[tuple[str, str, Drawing]]) -> Pens:
    """Sort the digits by their writers' hashes, then by digit and strokes."""
    written: dict[str, list[tuple[int, str, Drawing]]] = {}
    for digit, writer, drawing in samples:
        written.setdefault(writer, []).append((int(digit), _text(drawing), drawing))
    ordered = [sorted(digits, key=lambda each: each[:2]) for digits in written.values()]
    ordered.sort(key=lambda digits: _sha256(*(f"{digit} {text}" for digit, text, _ in digits)))
    rows = [(drawing, digit, number) for number, digits in enumerate(ordered, 1) for digit, _, drawing in digits]
    return Pens(
        [drawing for drawing, _, _ in rows],
        np.array([digit for _, digit, _ in rows], np.uint8),
        np.array([number for _, _, number in rows], np.uint16),
    )


def _text(drawing: Drawing) -> str:
    return " / ".join(" ".join(f"{value:.0f}" for value in stroke.ravel()) for stroke in drawing)


def _sha256(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
