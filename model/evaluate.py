"""How good a checkpoint is, on digits it has never seen."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import CHECKPOINTS, FIGURES, InputError, mnist, plots, strokes, styles
from model.files import read_json, write_json
from model.mixture import brushed
from model.mnist import Digits
from model.networks import NETWORKS
from model.strokes import OTHERS, TEST_WRITERS, Pens

BRUSHES = (10, 15, 20, 25, 30)  # pixels on a sketch of 280 x 280, on which the digit is 196 pixels high or wide
BINS = 15  # of the expected calibration error


def load_checkpoint(name: str, folder: Path = CHECKPOINTS) -> keras.Model:
    """The trained network `name` from `folder`. Raises InputError for a missing, damaged or other network's file."""
    path = folder / f"{name}.keras"
    mend = f"python -m model train {name} makes a new one."
    if not path.is_file():
        raise InputError(f"There is no {path}: {mend}")
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} is damaged ({error}): delete it and its .json; {mend}") from error
    expected = NETWORKS[name]()
    if [w.shape for w in network.weights] != [w.shape for w in expected.weights]:
        raise InputError(
            f"{path} holds {network.name} with {network.count_params():,} parameters, not {name} with "
            f"{expected.count_params():,}: {mend}"
        )
    return network


def evaluate(
    name: str, data: Path | None = None, folder: Path = CHECKPOINTS, figures: Path = FIGURES
) -> dict[str, Any]:
    """Read the MNIST test set and the pens of writers held out with a checkpoint; print and return the results.

    They are stored in the checkpoint's .json, as "test", "pens" and "refusal". The 36 worst mistakes are drawn into
    `figures`.
    """
    network = load_checkpoint(name, folder)
    story = read_json(folder / f"{name}.json")
    digits = mnist.load(data)[1]
    answers = answer(network, digits.images)
    test = {
        "set": "MNIST test",
        **score(answers.argmax(axis=1), digits.labels),
        "calibration_error": round(calibration_error(answers, digits.labels), 6),
    }
    seen = [(digits, answers)]
    pens = []
    writers = strokes.load(data).by(*TEST_WRITERS)
    for title, drawn in {"Pendigits, 3 writers held out": writers, **_other_writers(data)}.items():
        sketched = [Digits(_sketched(drawn, brush), drawn.labels) for brush in BRUSHES]
        answered = [answer(network, images) for images, _ in sketched]
        seen += zip(sketched, answered, strict=True)
        pens.append(_pen_score(title, [p.argmax(axis=1) for p in answered], drawn.labels))
        if drawn is writers:
            refusal = _refusal(network, np.concatenate(answered), writers)
    results = {"test": test, "pens": pens, "refusal": refusal}
    write_json(folder / f"{name}.json", {**story, **results})
    print(report(name, test), *(report(name, result) for result in pens), sep="\n\n")
    print(
        f"\nRefusing what it is less than {refusal['confidence']:.1%} sure of, it refuses 1 % of the 3 writers' digits "
        f"and {refusal['non_digits']:.1%} of {refusal['count']:,} letters, scribbles and the like."
    )

    images, labels = (np.concatenate(parts) for parts in zip(*(digits for digits, _ in seen), strict=True))
    path = figures / f"{name}-mistakes.png"
    plots.mistakes(images, labels, np.concatenate([answers for _, answers in seen]), path)
    print(f"\nThe worst mistakes: {path}")
    return results


def answer(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Probabilities, float32 [count, 10], for images uint8 [count, 28, 28]."""
    return network.predict(mnist.network_input(images, network), batch_size=1000, verbose=0)


def score(read: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Accuracy, its standard error, accuracy of each digit and confusion matrix of the answers `read`, int [count].

    Rows of the confusion matrix are what was written, columns what was read.
    """
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (labels, read), 1)
    count = int(confusion.sum())
    accuracy = float(confusion.trace() / count)
    return {
        "count": count,
        "accuracy": accuracy,
        "error": round(math.sqrt(accuracy * (1 - accuracy) / count), 6),
        "per_digit": [round(float(row[digit] / row.sum()), 6) for digit, row in enumerate(confusion)],
        "confusion": confusion.tolist(),
    }


def calibration_error(answers: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error (Naeini, Cooper, Hauskrecht 2015) of probabilities [count, 10], 0 to 1.

    How far the confidence in the answers is from their accuracy, on average, in bins of equal confidence.
    """
    confidence, right = answers.max(axis=1), answers.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, right - confidence)).sum() / len(labels))


def temperature(answers: np.ndarray, labels: np.ndarray) -> float:
    """What to divide the logits by so that probabilities [count, 10] fit the labels best (Guo et al. 2017)."""
    logits = np.log(np.maximum(answers, 1e-12)).astype(np.float64)

    def surprise(divisor: float) -> float:
        scaled = logits / divisor
        scaled -= scaled.max(axis=1, keepdims=True)
        chosen = np.take_along_axis(scaled, labels[:, None].astype(int), axis=1)[:, 0]
        return float((np.log(np.exp(scaled).sum(axis=1)) - chosen).mean())

    return float(min(np.geomspace(0.2, 5, 323), key=surprise))


def _other_writers(data: Path | None) -> dict[str, Pens]:
    if data is None or (data / OTHERS).is_file():
        return {"Pendigits test, 14 other writers": strokes.load(data, OTHERS)}
    print(f"There is no {data / OTHERS}: the 14 writers of UCI's test split are left out.\n")
    return {}


def _refusal(network: keras.Model, answers: np.ndarray, writers: Pens) -> dict[str, Any]:
    """The confidence below which 1 % of `answers` to pen digits lie, [count, 10], and the share of non-digits below it.

    model/styles.py draws them, as it does for a training, but by other random numbers and from other writers' pens.
    """
    random = np.random.default_rng(2**32)  # beyond the seeds of trainings
    drawings = styles.non_digits(2_000, random, writers.drawings, writers.labels)
    confidence = float(np.quantile(answers.max(axis=1), 0.01))
    refused = answer(network, brushed(drawings, random)).max(axis=1) < confidence
    return {"confidence": confidence, "non_digits": float(refused.mean()), "count": len(drawings)}


def _sketched(pens: Pens, brush: int) -> np.ndarray:
    return strokes.images((strokes.draw(drawing, brush, 196 - brush) for drawing in pens.drawings), len(pens.drawings))


def _pen_score(title: str, read: list[np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    """The score over all brushes; its error is that of the digits, since each is read once per brush."""
    count = len(labels)
    result = score(np.concatenate(read), np.tile(labels, len(read)))
    right = np.mean([answers == labels for answers in read], axis=0)
    brushes = {str(brush): float((a == labels).mean()) for brush, a in zip(BRUSHES, read, strict=True)}
    error = round(float(right.std() / math.sqrt(count)), 6)
    return {"set": title, **result, "count": count, "error": error, "brushes": brushes}


def report(name: str, result: dict[str, Any]) -> str:
    """The result in words and columns."""
    rows = [f"{name}: {percent(result)} of {result['count']:,} digits ({result['set']})"]
    if "calibration_error" in result:
        rows.append(f"expected calibration error {result['calibration_error']:.2%}")
    if "brushes" in result:
        brushes = (f"{brush} px {accuracy:.2%}" for brush, accuracy in result["brushes"].items())
        rows.append("by brush on 280 x 280: " + ", ".join(brushes))
    rows += ["", "written | read as" + "".join(f"{digit:>6}" for digit in range(10)) + " | accuracy"]
    for digit, row in enumerate(result["confusion"]):
        cells = "".join(f"{count or '.':>6}" for count in row)
        rows.append(f"{digit:>7} |        {cells} | {result['per_digit'][digit]:>8.2%}")
    return "\n".join(rows)


def percent(result: dict[str, Any]) -> str:
    """Accuracy with its error bar, as "99.06 ± 0.10 %"."""
    return f"{100 * result['accuracy']:.2f} ± {100 * result['error']:.2f} %"
