"""python -m tests.benchmarks epoch [--data DIR]: seconds of an epoch of the notebook recipe, here and in the notebook.

The two take turns. Prints the median seconds of an epoch, validation included, and their ratio.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras

from model import folders, mnist
from model.folders import Folders
from model.networks import NETWORKS, network_input
from model.train import describe_device, train

EPOCHS = 3  # per turn; the first epoch of each turn compiles and is not counted
TURNS = 2
OPTIMIZERS = {"lenet5": keras.optimizers.SGD, "ffnn": keras.optimizers.RMSprop}


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self.started)


def notebook_epochs(name: str, data: Folders) -> tuple[list[float], float]:
    """Compile and fit without any extras, as the notebook does."""
    digits = mnist.load(data)[0]
    network = NETWORKS[name]()
    network.compile(OPTIMIZERS[name](), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    history = network.fit(
        network_input(digits.images, network),
        digits.labels,
        epochs=EPOCHS,
        validation_split=0.2,
        callbacks=[clock],
        verbose=0,
    )
    return clock.seconds[1:], history.history["val_accuracy"][-1]


def recipe_epochs(name: str, data: Folders) -> tuple[list[float], float]:
    """Train as `python -m model train` does."""
    with tempfile.TemporaryDirectory() as folder:
        train(name, "notebook", epochs=EPOCHS, data=data, output=Path(folder))
        history = json.loads((Path(folder) / f"{name}.json").read_text())["history"]
    return history["seconds"][1:], history["val_accuracy"][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    data = folders.checked(parser.parse_args().data)
    print(describe_device())
    rows = []
    for name in NETWORKS:
        plain: list[float] = []
        ours: list[float] = []
        for _ in range(TURNS):
            seconds, plain_accuracy = notebook_epochs(name, data)
            plain += seconds
            seconds, accuracy = recipe_epochs(name, data)
            ours += seconds
        here, there = statistics.median(ours), statistics.median(plain)
        rows.append(
            f"{name}: {here:.1f} s against {there:.1f} s, ratio {here / there:.2f}; validation accuracy after "
            f"{EPOCHS} epochs {accuracy:.4f} against {plain_accuracy:.4f}"
        )
    print("\n".join(rows))


if __name__ == "__main__":
    main()
