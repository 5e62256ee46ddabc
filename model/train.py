"""Fit a network by a recipe; keep the best checkpoint, its history, and what made it."""

import dataclasses
import json
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import CHECKPOINTS, InputError, mnist, plots
from model.augment import distort
from model.files import read_json, replacing, write_json
from model.mnist import Digits
from model.networks import NETWORKS
from model.recipes import RECIPES, Recipe


def train(
    name: str,
    recipe: str = "notebook",
    epochs: int | None = None,
    seed: int = 0,
    data: Path | None = None,
    output: Path = CHECKPOINTS,
) -> Path:
    """Train the network `name` and return the path of its checkpoint, `output`/`name`.keras.

    While it trains, `output`/`name`.training holds the last epoch, the best one and the history; after a kill the same
    call goes on from there. When it ends, the best epoch becomes the checkpoint, with a .json that says what made it
    and a .png of its learning curves. Raises InputError if `output` holds what other settings made.
    """
    plan = RECIPES[name][recipe]
    if epochs is not None:
        plan = dataclasses.replace(plan, epochs=epochs)
    made_by = {"recipe": dataclasses.asdict(plan), "seed": seed}
    checkpoint, unfinished = output / f"{name}.keras", output / f"{name}.training"
    _refuse_to_replace(checkpoint, made_by)

    device = describe_device()
    training, validation = mnist.split(mnist.load(data)[0], plan.validation)
    print(f"{name} by recipe {recipe} on {len(training.labels):,} digits of MNIST, {device}", flush=True)

    keras.utils.set_random_seed(seed)
    network = NETWORKS[name]()
    steps = -(-len(training.labels) // plan.batch_size)
    _compile(network, plan, steps)
    progress = _Progress(unfinished, made_by, plan.patience)
    if progress.state.exists():
        progress.resume(network, steps)
        print(f"Going on after epoch {len(progress.epochs)} of {plan.epochs}, from {unfinished}", flush=True)
    else:
        _, untrained = network.evaluate(*_inputs(validation, network), batch_size=500, verbose=0)
        print(f"Accuracy before training: {untrained:.2%} of {len(validation.labels):,} validation digits", flush=True)
        progress.begin(untrained)

    if not progress.is_over(plan.epochs):
        network.fit(
            batches(training, plan, seed, network, first_epoch=len(progress.epochs)),
            steps_per_epoch=steps,
            epochs=plan.epochs,
            initial_epoch=len(progress.epochs),
            shuffle=False,  # batches() has shuffled
            validation_data=_inputs(validation, network),
            validation_batch_size=500,
            callbacks=[progress],
        )
    best = progress.best
    story = {
        "network": name,
        "parameters": network.count_params(),
        **made_by,
        "versions": {"python": platform.python_version(), **{m.__name__: m.__version__ for m in (keras, tf, np)}},
        "device": device,
        "epochs": len(progress.epochs),
        "best_epoch": best + 1,
        "seconds": round(sum(row["seconds"] for row in progress.epochs), 1),
        "accuracy": {
            "untrained": progress.untrained,
            "training": progress.epochs[best]["accuracy"],
            "validation": progress.epochs[best]["val_accuracy"],
        },
        "history": {key: [row[key] for row in progress.epochs] for key in progress.epochs[0]},
    }
    plots.learning_curves(story, output / f"{name}.png")
    write_json(checkpoint.with_suffix(".json"), story)
    with replacing(checkpoint) as beside:
        shutil.copyfile(progress.best_checkpoint, beside)
    progress.state.unlink()
    shutil.rmtree(unfinished)
    print(
        f"{checkpoint}: epoch {best + 1} of {len(progress.epochs)}, {story['accuracy']['validation']:.2%} of "
        f"{len(validation.labels):,} validation digits, after {story['seconds']:.0f} s"
    )
    return checkpoint


def describe_device() -> str:
    """What TensorFlow trains on, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return "GPU " + ", ".join(tf.config.experimental.get_device_details(g).get("device_name", g.name) for g in gpus)
    return f"CPU, {os.cpu_count()} cores (TensorFlow sees no GPU)"


def batches(digits: Digits, plan: Recipe, seed: int, network: keras.Model, first_epoch: int = 0) -> tf.data.Dataset:
    """Batches of (images, labels), epoch after epoch, each in an order and with distortions that `seed` decides."""
    images = tf.constant(mnist.network_input(digits.images, network))
    labels = tf.constant(digits.labels.astype(np.int32))

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(labels)), tf.stack([np.int64(seed), number]))
        chosen = tf.data.Dataset.from_tensor_slices(order).batch(plan.batch_size)
        return chosen.map(lambda indices: (indices, number))

    def gather(chosen: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.gather(images, chosen)
        if plan.distort:
            drawn = tf.stack([seed + 2**32 * number, tf.cast(chosen[0], tf.int64)])
            batch = tf.reshape(distort(tf.reshape(batch, (-1, 28, 28, 1)), drawn), tf.shape(batch))
        return batch, tf.gather(labels, chosen)

    numbers = tf.data.Dataset.range(first_epoch, plan.epochs)
    workers = tf.data.AUTOTUNE if plan.distort else None
    return numbers.flat_map(epoch).map(gather, num_parallel_calls=workers).prefetch(tf.data.AUTOTUNE)


def _inputs(digits: Digits, network: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    return mnist.network_input(digits.images, network), digits.labels


def _compile(network: keras.Model, plan: Recipe, steps: int) -> None:
    rate: Any = plan.learning_rate
    if plan.warmup is not None:
        warmup = min(plan.warmup, plan.epochs - 1)
        rate = keras.optimizers.schedules.CosineDecay(
            plan.learning_rate / 10,
            decay_steps=(plan.epochs - warmup) * steps,
            warmup_target=plan.learning_rate,
            warmup_steps=warmup * steps,
        )
    network.compile(
        getattr(keras.optimizers, plan.optimizer)(learning_rate=rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=max(n for n in range(1, 251) if steps % n == 0),
        jit_compile=plan.xla,
    )


def _refuse_to_replace(checkpoint: Path, made_by: dict[str, Any]) -> None:
    story_path = checkpoint.with_suffix(".json")
    if checkpoint.exists() and story_path.exists():
        story = read_json(story_path)
        if {key: story.get(key) for key in made_by} != made_by:
            raise InputError(
                f"{checkpoint} was made by {_settings(story)}, not by {_settings(made_by)}. "
                f"Keep it and name another folder with --output, or delete it and {story_path.name} first."
            )


def _settings(made_by: dict[str, Any]) -> str:
    recipe = made_by.get("recipe", {})
    return f"recipe {recipe.get('name')}, at most {recipe.get('epochs')} epochs, seed {made_by.get('seed')}"


class _Progress(keras.callbacks.Callback):
    """Writes down, after every epoch, all that a killed training needs to go on.

    Keras' BackupAndRestore, ModelCheckpoint and EarlyStopping together forget the best loss, the patience spent and
    the state of Dropout. The optimizer's step count in last.npz says which epochs are done; that file is written last,
    so whatever a kill leaves behind belongs to those epochs or to the next one, which is then trained again.
    """

    def __init__(self, folder: Path, made_by: dict[str, Any], patience: int) -> None:
        super().__init__()
        self.folder = folder
        self.made_by = made_by
        self.patience = patience
        self.state = folder / "last.npz"
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
        done = len(self.epochs)
        return done >= epochs or (done > 0 and done - 1 - self.best >= self.patience)

    def begin(self, untrained: float) -> None:
        self.untrained = round(untrained, 6)
        self._write()

    def resume(self, network: keras.Model, steps: int) -> None:
        try:
            story = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
            same = story["made_by"] == self.made_by
            if same:
                with self.state.open("rb") as file, np.load(file) as values:
                    for variable, value in zip(_variables(network), values.values(), strict=True):
                        variable.assign(value)
                self.untrained = story["untrained"]
                self.epochs = story["epochs"][: int(network.optimizer.iterations) // steps]
        except Exception as error:  # a damaged file can raise anything
            raise InputError(f"{self.folder} is damaged ({error}): delete it and train anew.") from error
        if not same:
            raise InputError(
                f"{self.folder} holds an unfinished training by {_settings(story['made_by'])}, "
                f"not by {_settings(self.made_by)}. "
                "Finish it with its own command, delete the folder, or name another one with --output."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
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


def _variables(network: keras.Model) -> list[keras.Variable]:
    """Weights, state of Dropout, and state of the optimizer."""
    network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]
