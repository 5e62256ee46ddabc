"""python -m tests.benchmarks time_to_notebook [--data DIR]: seconds of training until LeNet5 reads 98.97 %.

That is the accuracy of the 2021 notebook on the MNIST test digits. Trains by recipe `fast`, then by recipe `notebook`
on the same machine. Prints both times, without the evaluation after each epoch, and their ratio.
"""

import argparse
import time
from typing import Any

import keras

from model import folders, mnist
from model.folders import Folders
from model.mixture import batches, examples, steps_per_epoch
from model.networks import network_input
from model.recipes import RECIPES
from model.train import build, compile_network, describe_device

GOAL = 0.9897


class UntilGoal(keras.callbacks.Callback):
    """Stops training once the accuracy on the test digits reaches GOAL."""

    def __init__(self, test: tuple[Any, Any]) -> None:
        super().__init__()
        self.test = test
        self.seconds = 0.0
        self.reached = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seconds += time.perf_counter() - self.started
        images, labels = self.test
        read = self.model.predict(images, batch_size=1000, verbose=0).argmax(axis=1)
        accuracy = float((read == labels).mean())
        self.reached = accuracy >= GOAL
        self.model.stop_training = self.reached
        print(f"  epoch {epoch + 1}: {accuracy:.2%} after {self.seconds:.1f} s", flush=True)


def seconds_to_goal(name: str, data: Folders) -> float:
    recipe = RECIPES["lenet5"][name]
    keras.utils.set_random_seed(0)
    network = build("lenet5", recipe)
    training = examples(recipe, 0, data)[0]
    steps = steps_per_epoch(training, recipe)
    compile_network(network, recipe, steps)
    digits = mnist.load(data)[1]
    goal = UntilGoal((network_input(digits.images, network), digits.labels))
    print(f"recipe {name}:", flush=True)
    network.fit(
        batches(training, recipe, 0, network),
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[goal],
    )
    if not goal.reached:
        raise SystemExit(f"recipe {name} never reached {GOAL:.2%}")
    return goal.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    data = folders.checked(parser.parse_args().data)
    print(describe_device())
    fast, notebook = (seconds_to_goal(name, data) for name in ("fast", "notebook"))
    print(f"LeNet5 to {GOAL:.2%}: {fast:.0f} s against {notebook:.0f} s, ratio {fast / notebook:.2f}")


if __name__ == "__main__":
    main()
