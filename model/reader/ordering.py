"""Pieces of ink in reading order, and what of it is a number."""

from typing import NamedTuple

import numpy as np

from model.normalize import SIDE
from model.reader.judging import SURE, WIDE, digit, is_smear

PIECES = 64  # on a sheet, at most
DIGITS = 0.5  # of a line's pieces: if fewer are digits, it is no number
SHEET = 0.3  # of a sheet's pieces: if fewer are digits, a line of less than FEW digits is no number either
FEW = 3
THIN_END = 0.4  # of its height: a narrower piece that goes on is the end of a line or an edge, if a 1 or no digit
END = 0.55, 1.25  # of the digits' mean height: a lower or higher one that goes on is such an end, if no digit
FAINT = 0.5  # of the mean darkness of sure digits: what is fainter than that is left over,
DARK = 0.9  # if the paper there is darker than this share of theirs, so that it lies beside the sheet,
THIN = 0.12  # or if it is narrower than this share of its height: a rest of a printed line


class Reading(NamedTuple):
    """What stands on a sheet, in reading order."""

    digits: np.ndarray
    """int64 [count]: 0 to 9, or -1 where ink is no digit."""
    line: np.ndarray
    """int64 [count]: 0, 1 ... from the top."""
    sure: np.ndarray
    """float32 [count]: probability of the likeliest digit."""
    boxes: np.ndarray
    """float32 [count, 4]: left, top, right, bottom in pixels."""
    probabilities: np.ndarray
    """float32 [count, 3, 10]: LeNet5's, FFNN's, and their mean."""
    images: np.ndarray
    """float32 [count, 28, 28]: what the networks saw."""


class Piece(NamedTuple):
    """A piece of ink, and how the networks read it."""

    digit: int
    """0 to 9, or -1 if it is none."""
    line: int
    """0, 1 ... from the top."""
    box: np.ndarray
    """Left, top, right, bottom in cells, [4]."""
    image: np.ndarray
    """What the networks saw, float32 [28, 28]."""
    answer: np.ndarray
    """Probabilities [3, 10]: LeNet5's, FFNN's, and their mean."""
    goes_on: bool
    """Where no digit is near, as the line of a form or the edge of a sheet does."""
    ink: float
    """Mean darkness of its group's cells, in grey levels."""
    paper: float
    """The paper's level there: below 0 if ink is light."""


def beside_digits(pieces: list[Piece]) -> list[Piece]:
    """Where half of the other pieces are digits, judge the rest as ink beside digits, which is rarely a letter."""
    digits = sum(piece.digit >= 0 for piece in pieces)
    if digits < max(1, DIGITS * (len(pieces) - 1)):
        return pieces
    return [
        piece if piece.digit >= 0 else Piece(digit(piece.image, piece.answer, is_beside_digits=True), *piece[1:])
        for piece in pieces
    ]


def without_leavings(pieces: list[Piece]) -> list[Piece]:
    """Leave out smears beside digits, ends of what goes on where no digit is near, and what is too faint."""
    digits = np.array([piece.digit for piece in pieces], int)
    wide, high = np.array([piece.box[2:] - piece.box[:2] for piece in pieces], np.float32).reshape(-1, 2).T
    mean = high[digits >= 0].mean() if np.any(digits >= 0) else 0.0
    is_end = (wide < THIN_END * high) & ((digits == 1) | (digits < 0))
    is_end |= (digits < 0) & ((high < END[0] * mean) | (high > END[1] * mean) | (wide > WIDE * high))
    is_end &= np.array([piece.goes_on for piece in pieces], bool)
    is_end |= _are_faint(pieces, digits, wide < THIN * high)
    if not np.any((digits >= 0) & ~is_end):
        return pieces
    return [piece for piece, end in zip(pieces, is_end, strict=True) if not end and not is_smear(piece.image)]


def _are_faint(pieces: list[Piece], digits: np.ndarray, are_thin: np.ndarray) -> np.ndarray:
    """Whether each is a 1 or no digit, fainter than the sure digits, and thin or on darker ground."""
    ink, paper = (np.array([getattr(piece, name) for piece in pieces], np.float32) for name in ("ink", "paper"))
    sure = np.array([piece.answer[2].max() for piece in pieces]) > SURE
    sure &= (digits >= 0) & (digits != 1)
    if not np.any(sure):
        return np.zeros(len(pieces), bool)
    are_beside = (paper < DARK * paper[sure].mean()) & (paper > 0)
    return (digits < 2) & (digits != 0) & (ink < FAINT * ink[sure].mean()) & (are_thin | are_beside)


def reading_of(pieces: list[Piece], cell: int) -> Reading:
    """Tell which digits are in numbers. A cell has `cell` pixels a side."""
    digits, lines = (np.array([getattr(piece, name) for piece in pieces], np.int64) for name in ("digit", "line"))
    digits, pieces = _in_numbers(digits, lines)[:PIECES], pieces[:PIECES]
    probabilities = np.array([piece.answer for piece in pieces], np.float32).reshape(-1, 3, 10)
    return Reading(
        digits,
        lines[:PIECES],
        probabilities[:, 2].max(axis=1, initial=0),
        cell * np.array([piece.box for piece in pieces], np.float32).reshape(-1, 4),
        probabilities,
        np.array([piece.image for piece in pieces], np.float32).reshape(-1, SIDE, SIDE),
    )


def _in_numbers(digits: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Replace digits that are in no number by -1, [count] each."""
    same = (lines[:, None] == lines).astype(int)
    counts = digits >= 0
    counts &= same @ counts >= DIGITS * same.sum(axis=1)
    counts &= (counts.sum() >= SHEET * len(digits)) | (same @ counts >= FEW)
    return np.where(counts, digits, -1)
