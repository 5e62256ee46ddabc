"""python -m tests.benchmarks.time_to_notebook [--data DIR]: seconds of training until LeNet5 reads 98.97 %.

That is what the 2021 notebook read of the MNIST test digits. First by recipe `fast`, then by recipe
`notebook` on the same machine; printed are both times, without the reading of the test digits after each epoch, and
their ratio.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import keras

from model import mnist
from model.mixture import batches, examples, steps_per_epoch
from model.recipes import RECIPES
from model.train import build, compile_network, describe_device

GOAL = 0.9897


class UntilGoal(keras.callbacks.Callback):
    """Stops training once the test digits are read well enough."""

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


def seconds_to_goal(recipe: str, data: Path | None) -> float:
    plan = RECIPES["lenet5"][recipe]
    keras.utils.set_random_seed(0)
    network = build("lenet5", plan)
    training = examples(plan, 0, data)[0]
    steps = steps_per_epoch(training, plan)
    compile_network(network, plan, steps)
    digits = mnist.load(data)[1]
    goal = UntilGoal((mnist.network_input(digits.images, network), digits.labels))
    print(f"recipe {recipe}:", flush=True)
    network.fit(
        batches(training, plan, 0, network),
        steps_per_epoch=steps,
        epochs=plan.epochs,
        shuffle=False,
        verbose=0,
        callbacks=[goal],
    )
    if not goal.reached:
        raise SystemExit(f"recipe {recipe} never read {GOAL:.2%}")
    return goal.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR")
    data = parser.parse_args().data
    print(describe_device())
    fast, notebook = (seconds_to_goal(recipe, data) for recipe in ("fast", "notebook"))
    print(f"LeNet5 to {GOAL:.2%}: {fast:.0f} s against {notebook:.0f} s, ratio {fast / notebook:.2f}")


if __name__ == "__main__":
    main()
