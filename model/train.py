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
from model.evaluate import answer, percent, score, temperature
from model.files import read_json, replacing, write_json
from model.mixture import Examples, examples
from model.networks import NETWORKS
from model.recipes import RECIPES, Recipe


def train(
    name: str,
    recipe: str = "best",
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
    training, held_out = examples(plan, seed, data)
    validation = Examples(*(np.concatenate(parts) for parts in zip(*held_out.values(), strict=True)))
    print(f"{name} by recipe {recipe} on {len(training.labels):,} images, {device}", flush=True)

    keras.utils.set_random_seed(seed)
    network = build(name, plan)
    steps = steps_per_epoch(training, plan)
    compile_network(network, plan, steps)
    progress = _Progress(unfinished, made_by, plan.patience)
    if progress.state.exists():
        progress.resume(network, steps)
        print(f"Going on after epoch {len(progress.epochs)} of {plan.epochs}, from {unfinished}", flush=True)
    else:
        _, untrained = network.evaluate(*_inputs(validation, network, plan), batch_size=500, verbose=0)
        print(f"Accuracy before training: {untrained:.2%} of {len(validation.labels):,} validation digits", flush=True)
        progress.begin(untrained)

    if not progress.is_over(plan.epochs):
        network.fit(
            batches(training, plan, seed, network, first_epoch=len(progress.epochs)),
            steps_per_epoch=steps,
            epochs=plan.epochs,
            initial_epoch=len(progress.epochs),
            shuffle=False,  # batches() has shuffled
            validation_data=_inputs(validation, network, plan),
            validation_batch_size=500,
            callbacks=[progress],
        )
    best = progress.best
    network = keras.saving.load_model(progress.best_checkpoint, compile=False)
    warmth = _calibrate(network, validation) if plan.smoothing else 1.0
    scores = {title: _validation_score(network, digits) for title, digits in held_out.items()}
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
        "validation": scores,
        "temperature": round(warmth, 4),
        "history": {key: [row[key] for row in progress.epochs] for key in progress.epochs[0]},
    }
    plots.learning_curves(story, output / f"{name}.png")
    write_json(checkpoint.with_suffix(".json"), story)
    with replacing(checkpoint) as beside:
        network.save(beside)
    progress.state.unlink()
    shutil.rmtree(unfinished)
    print(f"{checkpoint}: epoch {best + 1} of {len(progress.epochs)}, after {story['seconds']:.0f} s. Validation:")
    for title, result in scores.items():
        print(f"  {percent(result)} of {result['count']:,} {title} digits")
    return checkpoint


def describe_device() -> str:
    """What TensorFlow trains on, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return "GPU " + ", ".join(tf.config.experimental.get_device_details(g).get("device_name", g.name) for g in gpus)
    return f"CPU, {os.cpu_count()} cores (TensorFlow sees no GPU)"


def steps_per_epoch(training: Examples, plan: Recipe) -> int:
    """All batches; or, if they are many, a multiple of 25, so that Keras can run many at a stretch."""
    steps = -(-len(training.labels) // plan.batch_size)
    return steps - steps % 25 if steps > 100 else steps


def batches(training: Examples, plan: Recipe, seed: int, network: keras.Model, first_epoch: int = 0) -> tf.data.Dataset:
    """Batches of (images, targets), epoch after epoch, each in an order and with distortions that `seed` decides."""
    images, targets = tf.constant(training.images), tf.constant(_targets(training.labels, plan))
    steps = steps_per_epoch(training, plan)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(targets)), tf.stack([np.int64(seed), number]))
        chosen = tf.data.Dataset.from_tensor_slices(order).batch(plan.batch_size).take(steps)
        return chosen.map(lambda indices: (indices, number))

    def gather(chosen: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.cast(tf.gather(images, chosen), tf.float32) / 255
        if plan.distort:
            batch = distort(batch, tf.stack([seed + 2**32 * number, tf.cast(chosen[0], tf.int64)]), plan.distort)
        return tf.reshape(batch, (-1, *network.input_shape[1:])), tf.gather(targets, chosen)

    numbers = tf.data.Dataset.range(first_epoch, plan.epochs)
    workers = tf.data.AUTOTUNE if plan.distort else None
    return numbers.flat_map(epoch).map(gather, num_parallel_calls=workers).prefetch(tf.data.AUTOTUNE)


def _targets(labels: np.ndarray, plan: Recipe) -> np.ndarray:
    """What the network should answer, float32 [count, 10]: nearly sure of a digit, undecided where there is none."""
    certain = np.vstack([np.eye(10), np.full(10, 0.1)]).astype(np.float32)
    return ((1 - plan.smoothing) * certain + plan.smoothing / 10)[labels]


def _inputs(validation: Examples, network: keras.Model, plan: Recipe) -> tuple[np.ndarray, np.ndarray]:
    return mnist.network_input(validation.images, network), _targets(validation.labels, plan)


def build(name: str, plan: Recipe) -> keras.Model:
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if plan.bfloat16 else "float32")
    try:
        return NETWORKS[name]()
    finally:
        keras.config.set_dtype_policy(former)


class _Accuracy(keras.metrics.Mean):
    """Of the digits; what is no digit does not count."""

    def update_state(self, targets: Any, answers: Any, sample_weight: Any = None) -> None:
        right = keras.ops.argmax(targets, axis=1) == keras.ops.argmax(answers, axis=1)
        super().update_state(right, keras.ops.max(targets, axis=1) > 0.5)


def _calibrate(network: keras.Model, validation: Examples) -> float:
    """Divide the last layer by the temperature that suits the validation digits, and return it."""
    warmth = temperature(answer(network, validation.images), validation.labels)
    network.layers[-1].set_weights([weight / warmth for weight in network.layers[-1].get_weights()])
    return warmth


def _validation_score(network: keras.Model, digits: Examples) -> dict[str, Any]:
    result = score(answer(network, digits.images).argmax(axis=1), digits.labels)
    return {key: result[key] for key in ("count", "accuracy", "error")}


def compile_network(network: keras.Model, plan: Recipe, steps: int) -> None:
    rate: Any = plan.learning_rate
    if plan.warmup is not None:
        warmup = min(plan.warmup, plan.epochs / 2)
        rate = keras.optimizers.schedules.CosineDecay(
            plan.learning_rate / 10,
            decay_steps=round((plan.epochs - warmup) * steps),
            warmup_target=plan.learning_rate,
            warmup_steps=round(warmup * steps),
        )
    network.compile(
        getattr(keras.optimizers, plan.optimizer)(learning_rate=rate),
        loss="categorical_crossentropy",
        metrics=[_Accuracy("accuracy")],
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
        self.clock: list[float] = []
        self.steps: list[int] = []
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

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called once for all the steps that Keras runs at a stretch; the first time includes compilation."""
        if len(self.clock) == 2:
            return
        self.clock.append(time.perf_counter())
        self.steps.append(batch + 1)
        if len(self.clock) == 2:
            steps, epochs = self.params["steps"], self.params["epochs"] - len(self.epochs)
            stretch = self.steps[1] - self.steps[0] if self.steps[1] > self.steps[0] else self.steps[1]
            seconds = (self.clock[1] - self.clock[0]) / stretch * steps * epochs
            print(f"\nAll {epochs} epochs will take about {_duration(seconds)}", flush=True)

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


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _variables(network: keras.Model) -> list[keras.Variable]:
    """Weights, state of Dropout, and state of the optimizer."""
    network.optimizer.build(network.trainable_variables)
    return [*network.variables, *network.optimizer.variables]
