"""Evaluate a checkpoint on digits that no training saw, MNIST's test digits and the pens of other writers, and on
letters.
"""

import dataclasses
import math
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from model import CHECKPOINTS, FIGURES, mnist, pendigits, plots, styles, ujipen
from model.draw import Drawing, draw
from model.folders import DownloadError, Folders
from model.mixture import draw_and_normalize
from model.mnist import Digits
from model.networks import NETWORKS, load_trained, predict
from model.normalize import normalize_all
from model.pendigits import TEST_FILE, Pens
from model.reader.judging import is_read
from model.record import Letters, Refusal, TrainingRecord
from model.scores import Score, calibration_error, score

NON_DIGITS = 2_000
BRUSHES = (10, 15, 20, 25, 30)  # pixels on a sketch of 280 x 280, on which the digit is 196 pixels high or wide
PEN = 20  # pixels, the page's pen


def evaluate(names: list[str], data: Folders = (), folder: Path = CHECKPOINTS, figures: Path = FIGURES) -> None:
    """Read the test digits with the checkpoints of the networks `names` in `folder`.

    Prints the results, adds them to each checkpoint's .json as `test`, `pens`, `refusal` and `letters`, and draws its
    36 worst mistakes into `figures`. Raises InputError if something is missing or damaged.
    """
    trained = [(load_trained(name, folder), TrainingRecord.load(folder / f"{name}.json")) for name in names]
    digits = mnist.load(data)[1]
    written = _held_out_writers(data)
    sketched = {
        title: [Digits(_draw_with_brush(pens.drawings, brush), pens.labels) for brush in BRUSHES]
        for title, pens in written.digits.items()
    }
    non_digits = _non_digits(next(iter(written.digits.values())))
    for network, record in trained:
        _evaluate(network, record, digits, sketched, non_digits, written.letters, folder, figures)


def _evaluate(
    network: keras.Model,
    record: TrainingRecord,
    digits: Digits,
    sketched: dict[str, list[Digits]],
    non_digits: np.ndarray,
    letters: dict[str, list[Drawing]],
    folder: Path,
    figures: Path,
) -> None:
    """Evaluate one network on MNIST's `digits`, on those of each group of writers, `sketched` with each brush, on
    `non_digits`, uint8 [count, 28, 28], and on the drawn `letters`.
    """
    name = network.name
    probabilities = predict(network, digits.images)
    test = dataclasses.replace(
        score("MNIST test", probabilities.argmax(axis=1), digits.labels),
        calibration_error=round(calibration_error(probabilities, digits.labels), 6),
    )
    evaluated = [(digits, probabilities)]
    pens = []
    for title, by_brush in sketched.items():
        answers = [predict(network, images) for images, _ in by_brush]
        evaluated += zip(by_brush, answers, strict=True)
        pens.append(_score_over_brushes(title, [each.argmax(axis=1) for each in answers], by_brush[0].labels))
        if len(pens) == 1:
            refusal = _refusal(network, np.concatenate(answers), non_digits)
    passed = _letters(network, name, folder, letters)
    record = dataclasses.replace(record, test=test, pens=pens, refusal=refusal, letters=passed)
    record.save(folder / f"{name}.json")
    print(report(name, test), *(report(name, each) for each in pens), sep="\n\n")
    print(
        f"\nIf an answer counts only above a confidence of {refusal.confidence:.1%}, 1 % of the 3 writers' digits are "
        f"refused, and {refusal.non_digits:.1%} of {refusal.count:,} letters, scribbles and the like."
    )

    images, labels = (np.concatenate(parts) for parts in zip(*(digits for digits, _ in evaluated), strict=True))
    path = figures / f"{name}-mistakes.png"
    plots.mistakes(images, labels, np.concatenate([answers for _, answers in evaluated]), path)
    print(f"\nThe worst mistakes: {path}")


class _Written(NamedTuple):
    digits: dict[str, Pens]
    """Pen digits that no training saw, by name."""
    letters: dict[str, list[Drawing]]


def _held_out_writers(data: Folders) -> _Written:
    """Load what can be had of Pendigits' TEST_WRITERS and TEST_FILE, UJI's TEST_WRITERS, and UJI's letters."""
    writers = {"Pendigits, 3 writers held out": pendigits.load(data).by(*pendigits.TEST_WRITERS)}
    try:
        writers["Pendigits test, 14 other writers"] = pendigits.load(data, TEST_FILE)
    except DownloadError as error:
        print(f"The 14 writers of UCI's test split are left out: {error}\n")
    try:
        uji = ujipen.load(data)
    except DownloadError as error:
        print(f"The writers of UJI Pen Characters are left out: {error}\n")
        return _Written(writers, {})
    writers["UJI Pen Characters, 8 writers held out"] = uji.digits.by(*ujipen.TEST_WRITERS)
    return _Written(writers, uji.letters)


def _draw_with_brush(drawings: list[Drawing], brush: int) -> np.ndarray:
    return normalize_all((draw(drawing, brush, 196 - brush) for drawing in drawings), len(drawings))


def _letters(network: keras.Model, name: str, folder: Path, written: dict[str, list[Drawing]]) -> Letters | None:
    """Count the letters that pass for a digit, of those that a person does not take for one, and print the result.

    Both networks must read them. Returns None if there are no letters, or no checkpoint of the other network.
    """
    (other,) = NETWORKS.keys() - {name}
    drawings = [drawing for letter in ujipen.UNLIKE_DIGITS for drawing in written.get(letter, [])]
    if not drawings or not (folder / f"{other}.keras").is_file():
        return None
    images = _draw_with_brush(drawings, PEN)
    mean = (predict(network, images) + predict(load_trained(other, folder), images)) / 2
    passed = is_read(mean)
    print(f"{passed.mean():.1%} of {len(passed):,} letters by UJI's writers pass for a digit to both networks' mean.\n")
    return Letters(round(float(passed.mean()), 6), len(passed))


def _score_over_brushes(name: str, read: list[np.ndarray], labels: np.ndarray) -> Score:
    """Score the answers `read`, one array for each of BRUSHES.

    The standard error is over digits, not over drawings, because each digit is drawn once with each brush.
    """
    right = np.mean([answers == labels for answers in read], axis=0)
    return dataclasses.replace(
        score(name, np.concatenate(read), np.tile(labels, len(read))),
        count=len(labels),
        error=round(float(right.std() / math.sqrt(len(labels))), 6),
        brushes={str(brush): float((a == labels).mean()) for brush, a in zip(BRUSHES, read, strict=True)},
    )


def _non_digits(writers: Pens) -> np.ndarray:
    """Draw non-digits as for a training, but with other random numbers and from other writers' pens."""
    random = np.random.default_rng(2**32)  # beyond the seeds of trainings
    return draw_and_normalize(styles.non_digits(NON_DIGITS, random, writers.drawings, writers.labels), random)


def _refusal(network: keras.Model, probabilities: np.ndarray, non_digits: np.ndarray) -> Refusal:
    """Measure how many `non_digits` are refused, if `probabilities` [count, 10] of pen digits may lose 1 %."""
    confidence = float(np.quantile(probabilities.max(axis=1), 0.01))
    refused = predict(network, non_digits).max(axis=1) < confidence
    return Refusal(confidence, float(refused.mean()), len(non_digits))


def report(name: str, result: Score) -> str:
    """Format the result as text with the confusion matrix."""
    rows = [f"{name}: {result} of {result.count:,} digits ({result.set})"]
    if result.calibration_error is not None:
        rows.append(f"expected calibration error {result.calibration_error:.2%}")
    if result.brushes:
        brushes = (f"{brush} px {accuracy:.2%}" for brush, accuracy in result.brushes.items())
        rows.append("by brush on 280 x 280: " + ", ".join(brushes))
    rows += ["", "written | read as" + "".join(f"{digit:>6}" for digit in range(10)) + " | accuracy"]
    for digit, row in enumerate(result.confusion):
        cells = "".join(f"{count or '.':>6}" for count in row)
        rows.append(f"{digit:>7} |        {cells} | {result.per_digit[digit]:>8.2%}")
    return "\n".join(rows)
