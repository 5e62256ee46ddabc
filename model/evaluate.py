"""How good a checkpoint is, on digits it has never seen."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import CHECKPOINTS, InputError, mnist
from model.files import read_json, write_json
from model.mnist import Digits
from model.networks import NETWORKS


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


def evaluate(name: str, data: Path | None = None, folder: Path = CHECKPOINTS) -> dict[str, Any]:
    """Read the MNIST test set with a checkpoint; print the result and store it under "test" in the checkpoint's .json.

    `error` is one standard error of the accuracy. Rows of the confusion matrix are what was written, columns what was
    read.
    """
    network = load_checkpoint(name, folder)
    digits = mnist.load(data)[1]
    read = network.predict(mnist.network_input(digits.images, network), batch_size=1000, verbose=0).argmax(axis=1)
    result = score(read, digits)
    story_path = folder / f"{name}.json"
    write_json(story_path, {**read_json(story_path), "test": result})
    print(report(name, result))
    return result


def score(read: np.ndarray, digits: Digits) -> dict[str, Any]:
    """Accuracy, its standard error, accuracy of each digit and confusion matrix of the answers `read`, int [count]."""
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (digits.labels, read), 1)
    count = int(confusion.sum())
    accuracy = float(confusion.trace() / count)
    return {
        "set": "MNIST test",
        "count": count,
        "accuracy": accuracy,
        "error": round(math.sqrt(accuracy * (1 - accuracy) / count), 6),
        "per_digit": [round(float(row[digit] / row.sum()), 6) for digit, row in enumerate(confusion)],
        "confusion": confusion.tolist(),
    }


def report(name: str, result: dict[str, Any]) -> str:
    """The result in words and columns."""
    rows = [
        f"{name}: {percent(result)} of {result['count']:,} {result['set']} digits",
        "",
        "written | read as" + "".join(f"{digit:>6}" for digit in range(10)) + " | accuracy",
    ]
    for digit, row in enumerate(result["confusion"]):
        cells = "".join(f"{count or '.':>6}" for count in row)
        rows.append(f"{digit:>7} |        {cells} | {result['per_digit'][digit]:>8.2%}")
    return "\n".join(rows)


def percent(result: dict[str, Any]) -> str:
    """Accuracy with its error bar, as "99.06 ± 0.10 %"."""
    return f"{100 * result['accuracy']:.2f} ± {100 * result['error']:.2f} %"
