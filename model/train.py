"""Train a network by a recipe, and keep its best epoch with a record of what made it."""

import dataclasses
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import CHECKPOINTS, InputError, corrections, plots
from model.files import replacing
from model.mixture import batches, examples, steps_per_epoch, targets
from model.mnist import Digits
from model.networks import NETWORKS, network_input, predict
from model.progress import Progress
from model.recipes import RECIPES, Recipe
from model.record import Settings, TrainingAccuracy, TrainingRecord
from model.scores import Accuracy, score, temperature


def train(
    name: str,
    recipe: str = "best",
    epochs: int | None = None,
    seed: int = 0,
    data: Path | None = None,
    output: Path = CHECKPOINTS,
) -> Path:
    """Train the network `name`, and return the path of its checkpoint, `output`/`name`.keras.

    During training, `output`/`name`.training holds the last epoch, the best epoch and the history. If the training is
    killed, the same call resumes it. At the end the best epoch becomes the checkpoint, with its record (.json) and its
    learning curves (.png) beside it. Raises InputError as check_settings() does, and if data are missing.
    """
    settings = check_settings(name, recipe, epochs, seed, output, data)
    checkpoint, unfinished = output / f"{name}.keras", output / f"{name}.training"

    device = describe_device()
    training, held_out = examples(settings.recipe, seed, data)
    print(f"{name} by recipe {recipe} on {len(training.labels):,} images, {device}", flush=True)
    keras.utils.set_random_seed(seed)
    progress = Progress(unfinished, settings)
    fit(build(name, settings.recipe), training, held_out, settings, progress)

    network = keras.saving.load_model(progress.best_checkpoint, compile=False)
    divisor = _calibrate(network, _joined(held_out)) if settings.recipe.smoothing else 1.0
    best = progress.best
    record = TrainingRecord(
        network=name,
        parameters=network.count_params(),
        recipe=settings.recipe,
        seed=seed,
        corrections=settings.corrections,
        versions={"python": platform.python_version(), **{m.__name__: m.__version__ for m in (keras, tf, np)}},
        device=device,
        epochs=len(progress.epochs),
        best_epoch=best + 1,
        seconds=round(sum(row["seconds"] for row in progress.epochs), 1),
        accuracy=TrainingAccuracy(
            progress.untrained, progress.epochs[best]["accuracy"], progress.epochs[best]["val_accuracy"]
        ),
        validation={title: _accuracy(network, digits) for title, digits in held_out.items()},
        temperature=round(divisor, 4),
        history={key: [row[key] for row in progress.epochs] for key in progress.epochs[0]},
    )
    plots.learning_curves(record, output / f"{name}.png")
    record.save(checkpoint.with_suffix(".json"))
    with replacing(checkpoint) as temporary:
        network.save(temporary)
    progress.state.unlink()
    shutil.rmtree(unfinished)
    print(f"{checkpoint}: epoch {best + 1} of {len(progress.epochs)}, after {record.seconds:.0f} s. Validation:")
    for title, accuracy in record.validation.items():
        print(f"  {accuracy} of {accuracy.count:,} {title} digits")
    return checkpoint


def check_settings(
    name: str, recipe: str, epochs: int | None, seed: int, output: Path, data: Path | None = None
) -> Settings:
    """Collect the settings of a training.

    Raises InputError if the network has no such recipe, or if `output` holds a checkpoint made with other settings.
    """
    if recipe not in RECIPES[name]:
        raise InputError(f"{name} has no recipe {recipe}; it has {', '.join(RECIPES[name])}.")
    chosen = RECIPES[name][recipe]
    if epochs is not None:
        chosen = dataclasses.replace(chosen, epochs=epochs)
    settings = Settings(chosen, seed, corrections.count(data))
    checkpoint, record_path = output / f"{name}.keras", output / f"{name}.json"
    if checkpoint.exists() and record_path.exists():
        former = TrainingRecord.load(record_path).settings
        if former != settings:
            raise InputError(
                f"{checkpoint} was made by {former.described(settings)}, not by {settings.described(former)}. "
                f"Keep it and pass another folder with --output, or delete it and {record_path.name} first."
            )
    return settings


def fit(
    network: keras.Model, training: Digits, held_out: dict[str, Digits], settings: Settings, progress: Progress
) -> None:
    """Fit `network` until the recipe is done or training stops early. Resumes where `progress` was saved before."""
    recipe = settings.recipe
    validation = _joined(held_out)
    inputs = network_input(validation.images, network), targets(validation.labels, recipe)
    steps = steps_per_epoch(training, recipe)
    compile_network(network, recipe, steps)
    if progress.state.exists():
        progress.resume(network, steps)
        print(f"Resuming after epoch {len(progress.epochs)} of {recipe.epochs}, from {progress.folder}", flush=True)
    else:
        _, untrained = network.evaluate(*inputs, batch_size=500, verbose=0)
        print(f"Accuracy before training: {untrained:.2%} of {len(validation.labels):,} validation digits", flush=True)
        progress.begin(untrained)
    if not progress.is_over(recipe.epochs):
        network.fit(
            batches(training, recipe, settings.seed, network, first_epoch=len(progress.epochs)),
            steps_per_epoch=steps,
            epochs=recipe.epochs,
            initial_epoch=len(progress.epochs),
            shuffle=False,  # batches() shuffles
            validation_data=inputs,
            validation_batch_size=500,
            callbacks=[progress],
        )


def describe_device() -> str:
    """Name the device that TensorFlow trains on."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return "GPU " + ", ".join(tf.config.experimental.get_device_details(g).get("device_name", g.name) for g in gpus)
    return f"CPU, {os.cpu_count()} cores (TensorFlow sees no GPU)"


def build(name: str, recipe: Recipe) -> keras.Model:
    """Build the untrained network `name` in the precision of the recipe."""
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.bfloat16 else "float32")
    try:
        return NETWORKS[name]()
    finally:
        keras.config.set_dtype_policy(former)


class _DigitAccuracy(keras.metrics.Mean):
    """Accuracy over digits only: non-digits do not count."""

    def update_state(self, targets: Any, probabilities: Any, sample_weight: Any = None) -> None:
        right = keras.ops.argmax(targets, axis=1) == keras.ops.argmax(probabilities, axis=1)
        super().update_state(right, keras.ops.max(targets, axis=1) > 0.5)


def _calibrate(network: keras.Model, validation: Digits) -> float:
    """Divide the last layer by the temperature that fits the validation digits, and return that temperature."""
    divisor = temperature(predict(network, validation.images), validation.labels)
    network.layers[-1].set_weights([weight / divisor for weight in network.layers[-1].get_weights()])
    return divisor


def _accuracy(network: keras.Model, digits: Digits) -> Accuracy:
    result = score("", predict(network, digits.images).argmax(axis=1), digits.labels)
    return Accuracy(result.count, result.accuracy, result.error)


def _joined(held_out: dict[str, Digits]) -> Digits:
    return Digits(*(np.concatenate(parts) for parts in zip(*held_out.values(), strict=True)))


def compile_network(network: keras.Model, recipe: Recipe, steps: int) -> None:
    """Compile `network` with the optimizer and schedule of the recipe, for epochs of `steps` batches."""
    rate: Any = recipe.learning_rate
    if recipe.warmup is not None:
        warmup = min(recipe.warmup, recipe.epochs / 2)
        rate = keras.optimizers.schedules.CosineDecay(
            recipe.learning_rate / 10,
            decay_steps=round((recipe.epochs - warmup) * steps),
            warmup_target=recipe.learning_rate,
            warmup_steps=round(warmup * steps),
        )
    network.compile(
        getattr(keras.optimizers, recipe.optimizer)(learning_rate=rate),
        loss="categorical_crossentropy",
        metrics=[_DigitAccuracy("accuracy")],
        steps_per_execution=max(n for n in range(1, 251) if steps % n == 0),
        jit_compile=recipe.xla,
    )
