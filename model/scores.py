"""Measure how well a network reads: accuracy, calibration, confusion. NumPy only."""

import math
from dataclasses import dataclass

import numpy as np

BINS = 15  # of the expected calibration error


@dataclass(frozen=True)
class Accuracy:
    """How many digits of a set are read correctly."""

    count: int
    """Digits in the set."""
    accuracy: float
    """Share read correctly, 0 to 1."""
    error: float
    """Standard error of the accuracy."""

    def __str__(self) -> str:
        """Percent with the error bar, such as "99.06 ± 0.10 %"."""
        return f"{100 * self.accuracy:.2f} ± {100 * self.error:.2f} %"


@dataclass(frozen=True)
class Score(Accuracy):
    """How a named set of digits is read, digit by digit."""

    set: str
    """Name of the set, such as "MNIST test"."""
    per_digit: list[float]
    """Accuracy of the digits 0 to 9."""
    confusion: list[list[int]]
    """[10][10] counts: a row for each digit written, a column for each digit read."""
    calibration_error: float | None = None
    """Expected calibration error, 0 to 1, if it was measured."""
    brushes: dict[str, float] | None = None
    """Accuracy by brush width in pixels, if the set was drawn with several brushes."""


def score(name: str, read: np.ndarray, labels: np.ndarray) -> Score:
    """Score the answers `read`, int [count], against `labels`, uint8 [count]."""
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (labels, read), 1)
    count = int(confusion.sum())
    accuracy = float(confusion.trace() / count)
    return Score(
        count=count,
        accuracy=accuracy,
        error=round(math.sqrt(accuracy * (1 - accuracy) / count), 6),
        set=name,
        per_digit=[round(float(row[digit] / row.sum()), 6) for digit, row in enumerate(confusion)],
        confusion=confusion.tolist(),
    )


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error of `probabilities` [count, 10], 0 to 1 (Naeini, Cooper, Hauskrecht 2015).

    It is the mean distance between confidence and accuracy, over bins of equal confidence.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, right - confidence)).sum() / len(labels))


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature that fits `probabilities` [count, 10] to the labels best (Guo et al. 2017).

    Dividing the logits by it gives the lowest negative log-likelihood, of 323 values from 0.2 to 5.
    """
    logits = np.log(np.maximum(probabilities, 1e-12)).astype(np.float64)

    def negative_log_likelihood(divisor: float) -> float:
        scaled = logits / divisor
        scaled -= scaled.max(axis=1, keepdims=True)
        chosen = np.take_along_axis(scaled, labels[:, None].astype(int), axis=1)[:, 0]
        return float((np.log(np.exp(scaled).sum(axis=1)) - chosen).mean())

    return float(min(np.geomspace(0.2, 5, 323), key=negative_log_likelihood))
