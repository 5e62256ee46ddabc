"""What a killed training needs to go on."""

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from model import InputError
from model.files import replacing, write_json
from model.networks import NETWORKS


class Progress(keras.callbacks.Callback):
    """Writes down, after every epoch, all that a killed training needs to go on.

    Keras' BackupAndRestore, ModelCheckpoint and EarlyStopping together forget the best loss, the patience spent and
    the state of Dropout. The optimizer's step count in last.npz says which epochs are done; that file is written last,
    so whatever a kill leaves behind belongs to those epochs or to the next one, which is then trained again.
    """

    def __init__(self, folder: Path, made_by: dict[str, Any], patience: int | None) -> None:
        super().__init__()
        self.folder = folder
        self.made_by = made_by
        self.patience = patience
        self.state = folder / "last.npz"
        self.stretches: list[tuple[float, int]] = []
        self.resumed_after = 0
        self.epochs: list[dict[str, float]] = []

    @property
    def best(self) -> int:
        """Index of the epoch with the lowest validation loss."""
        return min(range(len(self.epochs)), key=lambda i: self.epochs[i]["val_loss"])

    @property
    def best_checkpoint(self) -> Path:
        """Named by its epoch, so that a kill cannot leave another epoch's weights under its name."""
        return self.folder / f"best-{self.best + 1}.keras"

    def is_over(self, epochs: int) -> bool:
        """Whether all `epochs` are done, or patience is."""
        done = len(self.epochs)
        stalled = self.patience is not None and done > 0 and done - 1 - self.best >= self.patience
        return done >= epochs or stalled

    def begin(self, untrained: float) -> None:
        """Write down that training begins, with the accuracy before it."""
        self.untrained = round(untrained, 6)
        self._write()

    def resume(self, network: keras.Model, steps: int) -> None:
        """Bring `network` and the history to the end of the last epoch that was written down whole.

        Raises InputError if the folder is damaged or another training's.
        """
        try:
            story = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
            same = story["made_by"] == self.made_by
            if same:
                with self.state.open("rb") as file, np.load(file) as values:
                    for variable, value in zip(_variables(network), values.values(), strict=True):
                        variable.assign(value)
                self.untrained = story["untrained"]
                self.epochs = story["epochs"][: int(network.optimizer.iterations) // steps]
                self.resumed_after = len(self.epochs)
                if self.epochs:
                    keras.saving.load_model(self.best_checkpoint, compile=False)
        except Exception as error:  # a damaged file can raise anything
            raise InputError(f"{self.folder} is damaged ({error}): delete it and train anew.") from error
        if not same:
            raise InputError(
                f"{self.folder} holds an unfinished training by {settings(story['made_by'], self.made_by)}, "
                f"not by {settings(self.made_by, story['made_by'])}. "
                "Finish it with its own command, delete the folder, or name another one with --output."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Keras calls it after each stretch of steps. The first one includes compilation, the second is the measure."""
        self.stretches.append((time.perf_counter(), batch + 1))
        if len(self.stretches) == 2:
            (started, before), (ended, after) = self.stretches
            steps = after - before if after > before else after
            epochs = self.params["epochs"] - self.resumed_after
            seconds = (ended - started) / steps * self.params["steps"] * epochs
            print(f"\nThe {epochs} epochs to go take about {_duration(seconds)}", flush=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        row = {key: float(f"{value:.6g}") for key, value in (logs or {}).items()}
        self.epochs.append({**row, "seconds": round(time.perf_counter() - self.started, 2)})
        if self.best == epoch:
            without_optimizer = NETWORKS[self.model.name]()
            without_optimizer.set_weights(self.model.get_weights())
            with replacing(self.best_checkpoint) as beside:
                without_optimizer.save(beside)
        self._write()
        with replacing(self.state) as beside:
            np.savez(beside, *(np.asarray(variable) for variable in _variables(self.model)))
        for former in self.folder.glob("best-*.keras"):
            if former != self.best_checkpoint:
                former.unlink()
        self.model.stop_training = self.is_over(self.params["epochs"])

    def _write(self) -> None:
        content = {"made_by": self.made_by, "untrained": self.untrained, "epochs": self.epochs}
        write_json(self.folder / "progress.json", content)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _variables(network: keras.Model) -> list[keras.Variable]:
    """Weights, state of Dropout, and state of the optimizer."""
    network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]


def settings(made_by: dict[str, Any], other: dict[str, Any]) -> str:
    """What made a checkpoint, in words, and what of its recipe is not as in the `other`."""
    recipe, others = made_by.get("recipe") or {}, other.get("recipe") or {}
    words = f"recipe {recipe.get('name')}, at most {recipe.get('epochs')} epochs, seed {made_by.get('seed')}"
    if corrections := made_by.get("corrections"):
        words += f", {corrections} corrections"
    if recipe.get("name") != others.get("name"):
        return words
    changed = [key for key in {**recipe, **others} if key != "epochs" and recipe.get(key) != others.get(key)]
    return ", ".join([words, *(f"{key} {recipe.get(key)}" for key in changed)])
