"""python -m tests.model.killing DATA OUTPUT UNKILLED: train both networks again and again, killed at each of MOMENTS in
turn.

Each run is a process that kills itself with SIGKILL. Prints what the runs print, `trained NETWORK EPOCH` after each
epoch, and `killed: MOMENT` or `ended` after each run. The last run trains into the folder UNKILLED.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from model import mixture, mnist, pendigits, plots, progress, train
from model.recipes import RECIPES, Recipe
from model.record import TrainingRecord
from tests.stand_ins import FEW, FEW_DIGITS

TINY = Recipe("tiny", "Muon", 0.001, epochs=2, batch_size=100, validation=100, pen_copies=1, non_digits=20)

Condition = Callable[..., bool]
MOMENTS: dict[str, tuple[object, str, str, Condition]] = {
    "while it draws": (mixture, "draw_and_normalize", "before", lambda *_: True),
    "in the first epoch": (progress.Progress, "on_train_batch_end", "before", lambda *_: True),
    "in the second epoch": (progress.Progress, "on_epoch_begin", "after", lambda _, epoch, *__: epoch == 1),
    "after the record is written": (TrainingRecord, "save", "after", lambda *_: True),
    "after the checkpoint is written": (train, "remove", "before", lambda *_: True),
    "while progress is removed": (progress, "remove_leftovers", "before", lambda folder: not folder.exists()),
    "between the networks": (train, "_train", "before", lambda name, *_: name == "ffnn"),
    "in the second epoch of the second network": (
        progress.Progress,
        "on_epoch_begin",
        "after",
        lambda _, epoch, *__: epoch == 1,
    ),
}


def kill_at(owner: Any, name: str, when: str, condition: Condition) -> None:
    """Let the process kill itself before or after a call of `owner.name` whose arguments meet `condition`."""
    function = getattr(owner, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        result = None if when == "before" and condition(*arguments) else function(*arguments, **named)
        if condition(*arguments):
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def print_epochs() -> None:
    end = progress.Progress.on_epoch_end

    def on_epoch_end(self: progress.Progress, epoch: int, logs: dict[str, float] | None = None) -> None:
        end(self, epoch, logs)
        print(f"trained {self.model.name} {epoch + 1}", flush=True)

    progress.Progress.on_epoch_end = on_epoch_end  # type: ignore[method-assign]


def main() -> None:
    data, output, unkilled = map(Path, sys.argv[1:])
    mnist.COUNTS = FEW_DIGITS
    pendigits.COUNTS |= FEW
    training, test = (mnist.Digits(part.images[:500], part.labels[:500]) for part in mnist.load((data,)))
    pens = pendigits.load((data,))
    pens = pendigits.Pens(pens.drawings[::7], pens.labels[::7], pens.writers[::7])
    mnist.load = lambda folders=(): (training, test)
    pendigits.load = lambda folders=(), name="": pens
    tf.config.run_functions_eagerly(True)  # compiling takes longer than a few batches
    RECIPES["lenet5"]["tiny"], RECIPES["ffnn"]["tiny"] = TINY, replace(TINY, averaging=0.9)
    plots.learning_curves = lambda record, path: path.touch()  # drawing them takes as long as training here
    print_epochs()
    for moment, folder in [*((moment, output) for moment in MOMENTS), ("", output), ("", unkilled)]:
        process = os.fork()  # TensorFlow is imported, but has no threads yet
        if not process:
            if moment:
                kill_at(*MOMENTS[moment])
            train.train_all(["lenet5", "ffnn"], "tiny", data=(data,), output=folder)
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(process, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            print(f"killed: {moment}", flush=True)
        else:
            print("ended" if status == 0 else f"failed: {moment}", flush=True)


if __name__ == "__main__":
    main()
