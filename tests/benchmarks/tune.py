"""python -m tests.benchmarks tune ffnn --data DIR: errors of a hand before and after `python -m model tune`.

The hands are validation writers of Pendigits, with a pen of 20 pixels on 280 x 280. Upright they are seldom misread,
so each also leans backwards and forwards, and writes on a turned sheet. A hand corrects the first misread ones of 150
digits in random order: 1, 5 or 20 of them, or as many as there are. Errors are counted on its other 100 digits. The
other columns are errors on MNIST's validation digits, the validation pens, and letters that pass for a digit.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from model import folders, pendigits
from model.corrections import Corrections
from model.draw import Drawing, draw
from model.mixture import examples, with_corrections
from model.mnist import Digits
from model.networks import NETWORKS, load_trained, predict
from model.normalize import normalize_all
from model.pendigits import Pens
from model.tune import checked_sets, settings_of, tune_network

PEN = 20
CORRECTED_FROM = 150  # digits
COUNTS = 1, 5, 20


def turned(degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


HABITS = {
    "upright": np.eye(2),
    "leaning back": np.array([[1, 1], [0, 1]]),
    "leaning forward": np.array([[1, -1], [0, 1]]),
    "turned": turned(30),
}
"""What each makes of a position [x, y], y down."""


def written(pens: Pens, habit: np.ndarray) -> Digits:
    """Draw a hand's digits in random order, as the networks see them."""
    order = np.random.default_rng(0).permutation(len(pens.labels))
    drawings: list[Drawing] = [[stroke @ habit.T for stroke in pens.drawings[i]] for i in order]
    sketches = (draw(drawing, PEN, 196 - PEN) for drawing in drawings)
    return Digits(normalize_all(sketches, len(order)), pens.labels[order])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=NETWORKS)
    folders.add_option(parser)
    parser.add_argument("--writers", type=int, nargs="+", default=pendigits.VALIDATION_WRITERS)
    parser.add_argument("--habits", nargs="+", choices=HABITS, default=list(HABITS))
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    arguments = parser.parse_args()
    name, data = arguments.network, folders.checked(arguments.data)
    former, pens = load_trained(name), pendigits.load(data)
    settings = settings_of(name, 0, Corrections([]))
    training, held_out = examples(settings.recipe, 0, data, Corrections([]))
    checked = checked_sets(held_out, data)
    print("| writer | habit | corrections | errors in 100 | then | kept |\n| --- | --- | --- | --- | --- | --- |")
    for writer in arguments.writers:
        for habit in arguments.habits:
            images, labels = written(pens.by(writer), HABITS[habit])
            misread = predict(former, images).argmax(axis=1) != labels
            others = Digits(images[CORRECTED_FROM:], labels[CORRECTED_FROM:])
            for count in arguments.counts:
                chosen = np.flatnonzero(misread[:CORRECTED_FROM])[:count]
                if not len(chosen):
                    break
                corrected = Digits(images[chosen], labels[chosen])
                with tempfile.TemporaryDirectory() as folder:
                    kept = tune_network(
                        name,
                        settings,
                        with_corrections(training, corrected, settings.recipe),
                        held_out,
                        checked,
                        {"corrections": corrected, "other digits of the hand": others},
                        Path(folder) / f"{name}.keras",
                    )
                    after = predict(load_trained(name, Path(folder)), others.images).argmax(axis=1) != others.labels
                row = writer, habit, len(chosen), misread[CORRECTED_FROM:].sum(), after.sum(), "yes" if kept else "no"
                print(f"| {' | '.join(map(str, row))} |", flush=True)
                if len(chosen) < count:
                    break


if __name__ == "__main__":
    main()
