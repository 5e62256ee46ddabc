"""Save the progress of a training after each epoch, so that a killed training can resume."""

import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import InputError
from model.files import replacing, write_json
from model.networks import NETWORKS
from model.recipes import Recipe
from model.record import Settings, counted, duration


class Progress(keras.callbacks.Callback):
    """Save weights, optimizer state and history after each epoch.

    `folder` then holds three files: last.npz (all variables of the last epoch), best-N.keras (the best epoch so far)
    and progress.json (settings and history). last.npz is written last, and its step count says how many epochs are
    complete. Whatever else a kill leaves behind belongs to the next epoch, which is trained again.

    Keras' BackupAndRestore, ModelCheckpoint and EarlyStopping do not suffice: a resumed training forgets the best loss,
    the epochs of patience already spent, and the state of Dropout.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.averaging = keras.callbacks.SwapEMAWeights() if settings.recipe.averaging else None
        self.state = folder / "last.npz"
        self.calls: list[tuple[float, int]] = []  # when Keras called on_train_batch_end, and the batches done
        self.resumed_after = 0
        self.epochs: list[dict[str, float]] = []

    @property
    def best(self) -> int:
        """Index of the epoch to keep: the one with the lowest validation loss, or the last one."""
        if self.settings.recipe.keep_last:
            return len(self.epochs) - 1
        return min(range(len(self.epochs)), key=lambda i: self.epochs[i]["val_loss"])

    @property
    def best_checkpoint(self) -> Path:
        """The file of the best epoch. Its name holds the epoch, so that a kill cannot leave another epoch under it."""
        return self.folder / f"best-{self.best + 1}.keras"

    def is_over(self, epochs: int) -> bool:
        """Tell whether all `epochs` are done, or training has stopped early."""
        done, patience = len(self.epochs), self.settings.recipe.patience
        stalled = patience is not None and done > 0 and done - 1 - self.best >= patience
        return done >= epochs or stalled

    def begin(self, untrained: float) -> None:
        """Save that training begins. `untrained` is the validation accuracy before it."""
        self.untrained = round(untrained, 6)
        self._write()

    def resume(self, network: keras.Model, steps: int) -> None:
        """Restore `network` and the history as they were after the last complete epoch of `steps` batches.

        Raises InputError if the folder is damaged.
        """
        with _reporting_damage(self.folder):
            progress = _read(self.folder)
            with self.state.open("rb") as file, np.load(file) as values:
                for variable, value in zip(_variables(network), values.values(), strict=True):
                    variable.assign(value)
            self.untrained = progress["untrained"]
            self.epochs = progress["epochs"][: int(network.optimizer.iterations) // steps]
            self.resumed_after = len(self.epochs)
            if self.epochs:
                keras.saving.load_model(self.best_checkpoint, compile=False)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Estimate the remaining time. Keras calls this after each group of batches; the first group also compiles."""
        self.calls.append((time.perf_counter(), batch + 1))
        if len(self.calls) == 2:
            (started, before), (ended, after) = self.calls
            steps = after - before if after > before else after
            remaining = self.params["epochs"] - self.resumed_after
            seconds = (ended - started) / steps * self.params["steps"] * remaining
            new_line = "\n" if sys.stdout.isatty() else ""  # below Keras' bar
            most = "" if self.settings.recipe.patience is None else "at most "
            words = f"{self.model.name}: {most}{counted(remaining, 'epoch')}, about {duration(seconds)} here"
            print(new_line + words, flush=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        row = {key: float(f"{value:.6g}") for key, value in (logs or {}).items()}
        self.epochs.append({**row, "seconds": round(time.perf_counter() - self.started, 2)})
        if self.best == epoch:
            without_optimizer = NETWORKS[self.model.name]()
            without_optimizer.set_weights(self._validated_weights())
            with replacing(self.best_checkpoint) as temporary:
                without_optimizer.save(temporary)
        self._write()
        with replacing(self.state) as temporary:
            np.savez(temporary, *(np.asarray(variable) for variable in _variables(self.model)))
        for former in self.folder.glob("best-*.keras"):
            if former != self.best_checkpoint:
                former.unlink()
        self.model.stop_training = self.is_over(self.params["epochs"])

    def _validated_weights(self) -> list[np.ndarray]:
        """The weights that were validated: averages, if the recipe averages."""
        if not self.averaging:
            return list(self.model.get_weights())
        self.averaging.on_test_begin()
        averages = self.model.get_weights()
        self.averaging.on_test_end()
        return list(averages)

    def _write(self) -> None:
        content = {"settings": asdict(self.settings), "untrained": self.untrained, "epochs": self.epochs}
        write_json(self.folder / "progress.json", content)


def saved_settings(folder: Path) -> Settings | None:
    """Read the settings of the unfinished training in `folder`. None if there is none, or no epoch of it is complete.

    Raises InputError if the folder is damaged.
    """
    if not (folder / "last.npz").exists():
        return None
    with _reporting_damage(folder):
        saved = _read(folder)["settings"]
        return Settings(**{**saved, "recipe": Recipe(**saved["recipe"])})


def completed_epochs(folder: Path) -> int:
    """Count the epochs of the unfinished training in `folder`: one too many if it was killed while it saved the last.

    Raises InputError if the folder is damaged.
    """
    with _reporting_damage(folder):
        return len(_read(folder)["epochs"])


def remove(folder: Path) -> None:
    """Delete `folder`. A kill leaves all of it or nothing that counts."""
    remove_leftovers(folder)
    folder.rename(_removed(folder))
    remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Delete what a killed remove() left of `folder`."""
    shutil.rmtree(_removed(folder), ignore_errors=True)


def _removed(folder: Path) -> Path:
    return folder.with_name(f".partial.{folder.name}")


def set_aside(folder: Path) -> Path:
    """Rename `folder`, which holds an unfinished training, and return its new path."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(1))
    return folder.rename(next(path for path in numbered if not path.exists()))


def _read(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "progress.json").read_text(encoding="utf-8")))


@contextmanager
def _reporting_damage(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{folder} is damaged ({error}): delete it and train again.") from error


def _variables(network: keras.Model) -> list[keras.Variable]:
    """All variables of a training: the weights, the state of Dropout and the state of the optimizer."""
    network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]
