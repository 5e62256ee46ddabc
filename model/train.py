"""Train a network by a recipe, and keep its best epoch with a record of what made it."""

import dataclasses
import os
import platform
import shutil
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import CHECKPOINTS, InputError, corrections, plots
from model.corrections import Corrections
from model.files import replacing
from model.folders import Folders
from model.mixture import Parts, batches, check_data, examples, load_and_draw, steps_per_epoch, targets, verbosity
from model.mnist import Digits, join
from model.networks import NETWORKS, load_trained, network_input, predict
from model.progress import Progress, completed_epochs, remove, remove_leftovers, saved_settings, set_aside
from model.recipes import RECIPES, Recipe
from model.record import Settings, TrainingAccuracy, TrainingRecord, counted, duration
from model.scores import Accuracy, score, temperature


def train(
    name: str,
    recipe: str = "best",
    epochs: int | None = None,
    seed: int = 0,
    data: Folders = (),
    output: Path = CHECKPOINTS,
) -> Path:
    """Train the network `name` as train_all() does. Returns the path of its checkpoint, `output`/`name`.keras."""
    train_all([name], recipe, epochs, seed, data, output)
    return output / f"{name}.keras"


def train_all(
    names: list[str],
    recipe: str = "best",
    epochs: int | None = None,
    seed: int = 0,
    data: Folders = (),
    output: Path = CHECKPOINTS,
    replace: bool = False,
) -> None:
    """Train the networks `names` into the folder `output`. What is finished there by the same settings is skipped.

    During training, `output`/NAME.training holds the last epoch, the best epoch and the history. If the recipe has a
    foundation, `output`/NAME.foundation holds its checkpoint. If the training is killed, the same call resumes it. At
    the end the best epoch becomes the checkpoint, NAME.keras, with its record (.json) and its learning curves (.png)
    beside it. What is drawn alike for several trainings is drawn once.

    Raises InputError before the first network trains if data are missing, or if `output` holds a checkpoint or an
    unfinished training, or its foundation, of other settings. With `replace` the new checkpoint replaces that one when
    it is finished, and the unfinished training is set aside.
    """
    corrected = corrections.load(data)
    settings = {name: settings_of(name, recipe, epochs, seed, corrected) for name in names}
    unfinished = [name for name in names if not is_finished(output / f"{name}.keras", settings[name], replace)]
    for name in unfinished:
        _check_foundation(output / f"{name}.keras", settings[name], replace)
    for name in unfinished:
        print(_announcement(name, settings[name], output / f"{name}.keras"), flush=True)
    for name in unfinished:
        if settings[name].recipe.foundation:
            check_data(settings[name].recipe, data)  # the foundation, which trains for long, may need fewer
    drawn: dict[tuple[Hashable, ...], Parts] = {}
    for name in unfinished:
        for stage, checkpoint in _stages(settings[name], output / f"{name}.keras"):
            if (parts := stage.recipe.parts) not in drawn:
                drawn[parts] = load_and_draw(stage.recipe, seed, data)
            _train(name, stage, *examples(stage.recipe, seed, data, corrected, drawn[parts]), checkpoint)
    for name in names:
        if not _other_foundation(output / f"{name}.keras", settings[name]):
            shutil.rmtree(_foundation(output / f"{name}.keras").parent, ignore_errors=True)


def _foundation(checkpoint: Path) -> Path:
    """The checkpoint from which the training of `checkpoint` goes on, if its recipe has a foundation."""
    return checkpoint.with_suffix(".foundation") / checkpoint.name


def _stages(settings: Settings, checkpoint: Path) -> Iterator[tuple[Settings, Path]]:
    """Yield what is left to train for `checkpoint`, each with its own checkpoint: the foundation, then the rest."""
    foundation = _foundation(checkpoint)
    if other := _other_foundation(checkpoint, settings):
        _set_aside(foundation.parent, other, settings)
    if (stage := _first_stage(settings)) and not is_finished(foundation, stage, replace=True):
        yield stage, foundation
    yield settings, checkpoint


def _first_stage(settings: Settings) -> Settings | None:
    """The settings of the foundation, if the recipe has one."""
    foundation = settings.recipe.foundation
    return dataclasses.replace(settings, recipe=foundation) if foundation else None


def _other_foundation(checkpoint: Path, settings: Settings) -> Settings | None:
    """The settings of the foundation beside `checkpoint`, finished or not, if another training began it."""
    foundation = _foundation(checkpoint)
    record = foundation.with_suffix(".json")
    found = saved_settings(foundation.with_suffix(".training"))
    if not found and record.exists():
        found = TrainingRecord.load(record).settings
    return None if found == _first_stage(settings) else found


def _check_foundation(checkpoint: Path, settings: Settings, replace: bool) -> None:
    """Raise InputError if another training began the foundation beside `checkpoint`, unless `replace`."""
    if (other := _other_foundation(checkpoint, settings)) and not replace:
        raise _unfinished(_foundation(checkpoint).parent, other, _first_stage(settings) or settings)


def settings_of(name: str, recipe: str, epochs: int | None, seed: int, corrected: Corrections) -> Settings:
    """Collect the settings of a training. Raises InputError if the network has no such recipe."""
    if recipe not in RECIPES[name]:
        others = [other for other in RECIPES if recipe in RECIPES[other]]
        remedy = f" python -m model train {others[0]} --recipe {recipe} trains {others[0]} alone." if others else ""
        raise InputError(f"{name} has no recipe {recipe}; it has {' and '.join(RECIPES[name])}.{remedy}")
    chosen = RECIPES[name][recipe]
    if epochs is not None:
        first = chosen.foundation and dataclasses.replace(chosen.foundation, epochs=epochs)
        chosen = dataclasses.replace(chosen, epochs=epochs, foundation=first)
    return Settings(chosen, seed, len(corrected.files), corrected.sha256)


def is_finished(checkpoint: Path, settings: Settings, replace: bool = False) -> bool:
    """Tell whether the training of `checkpoint` by these settings is finished, and say so.

    Raises InputError if the checkpoint or an unfinished training beside it has other settings, unless `replace`.
    """
    remedy = "To keep it, pass another folder with --output. To replace it when the new one is trained, add --replace."
    record, folder = checkpoint.with_suffix(".json"), checkpoint.with_suffix(".training")
    former = TrainingRecord.load(record).settings if checkpoint.exists() and record.exists() else None
    if former and former != settings and not replace:
        raise InputError(
            f"{checkpoint} was made by {former.described(settings)}, not by {settings.described(former)}. {remedy}"
        )
    if checkpoint.exists() and not former and not replace:
        raise InputError(f"{checkpoint} has no record {record.name} that says what made it. {remedy}")
    unfinished = saved_settings(folder)
    if former == settings and unfinished != settings:
        remove_leftovers(folder)
        print(f"{checkpoint} is finished: the same settings made it.", flush=True)
        return True
    if unfinished and unfinished != settings and not replace:
        raise _unfinished(folder, unfinished, settings)
    return False


def _unfinished(folder: Path, other: Settings, settings: Settings) -> InputError:
    return InputError(
        f"{folder} holds an unfinished training by {other.described(settings)}, not by {settings.described(other)}. "
        "Finish it with its own command, or pass another folder with --output. To set it aside, add --replace."
    )


def _set_aside(folder: Path, other: Settings, settings: Settings) -> None:
    """Rename `folder`, which holds an unfinished training by `other` settings, and say so."""
    print(
        f"The unfinished training by {other.described(settings)} is set aside in {set_aside(folder)}. "
        f"To finish it later, rename it to {folder.name}.",
        flush=True,
    )


def _announcement(name: str, settings: Settings, checkpoint: Path) -> str:
    """Say what will be trained, and how long that takes where the committed checkpoint was trained."""
    recipe, folder = settings.recipe, checkpoint.with_suffix(".training")
    before = _foundation_left(checkpoint, settings)
    done = completed_epochs(folder) if saved_settings(folder) == settings else 0
    most = "" if recipe.patience is None else "at most "
    if done == recipe.epochs:
        return f"{name} by recipe {recipe.name}: all epochs are trained, its files are still to be written"
    words = f"{name} by recipe {recipe.name}: "
    if before:
        words += f"{counted(before, 'epoch')} of its foundation, then "
    words += f"{most}{counted(recipe.epochs - done, 'more epoch' if done else 'epoch')}"
    try:
        committed = TrainingRecord.load(CHECKPOINTS / f"{name}.json")
    except InputError:
        return words
    if dataclasses.replace(committed.recipe, epochs=recipe.epochs, foundation=recipe.foundation) != recipe:
        return words
    seconds = committed.seconds / committed.epochs * (recipe.epochs - done)
    if before and committed.recipe.foundation:
        seconds += committed.foundation_seconds * before / committed.recipe.foundation.epochs
    return f"{words}, about {duration(seconds)} on {committed.device}"


def _foundation_left(checkpoint: Path, settings: Settings) -> int:
    """Count the epochs of the foundation that are still to be trained."""
    stage, foundation = _first_stage(settings), _foundation(checkpoint)
    if stage is None:
        return 0
    unfinished, record = foundation.with_suffix(".training"), foundation.with_suffix(".json")
    if saved_settings(unfinished) == stage:
        return stage.recipe.epochs - completed_epochs(unfinished)
    is_done = foundation.exists() and record.exists() and TrainingRecord.load(record).settings == stage
    return 0 if is_done else stage.recipe.epochs


def _train(name: str, settings: Settings, training: Digits, held_out: dict[str, Digits], checkpoint: Path) -> None:
    """Train one network, or resume its training, and write its checkpoint, its record and its learning curves."""
    recipe, foundation = settings.recipe, _foundation(checkpoint)
    start = load_trained(name, foundation.parent) if recipe.foundation else None
    network, divisor, progress = trained(name, settings, training, held_out, checkpoint.with_suffix(".training"), start)
    if start and recipe.foundation_share:
        blend(network, start, recipe.foundation_share)
        divisor *= calibrate(network, held_out) if recipe.smoothing else 1.0
    record = record_of(network, settings, progress, divisor, held_out)
    if recipe.foundation:
        seconds = TrainingRecord.load(foundation.with_suffix(".json")).seconds
        record = dataclasses.replace(record, foundation_seconds=seconds)
    save(network, record, checkpoint)
    print(f"{checkpoint}: epoch {record.best_epoch} of {record.epochs}, after {duration(record.seconds)}. Validation:")
    for title, accuracy in record.validation.items():
        print(f"  {accuracy} of {accuracy.count:,} {title} digits", flush=True)


def trained(
    name: str,
    settings: Settings,
    training: Digits,
    held_out: dict[str, Digits],
    unfinished: Path,
    start: keras.Model | None = None,
) -> tuple[keras.Model, float, Progress]:
    """Train a network from `start` or from random weights, or resume its training in the folder `unfinished`.

    Returns the network of the best epoch, calibrated if the recipe smooths labels, the temperature that its logits
    were divided by, and the progress, which lies in `unfinished` until save() removes it. An unfinished training of
    other settings is set aside.
    """
    if (other := saved_settings(unfinished)) and other != settings:
        _set_aside(unfinished, other, settings)
    print(f"{name} trains on {len(training.labels):,} images, on {describe_device()}", flush=True)
    keras.utils.set_random_seed(settings.seed)
    progress = Progress(unfinished, settings)
    network = build(name, settings.recipe)
    if start:
        network.set_weights(start.get_weights())
    fit(network, training, held_out, settings, progress)
    network = keras.saving.load_model(progress.best_checkpoint, compile=False)
    return network, calibrate(network, held_out) if settings.recipe.smoothing else 1.0, progress


def record_of(
    network: keras.Model, settings: Settings, progress: Progress, divisor: float, held_out: dict[str, Digits]
) -> TrainingRecord:
    """Record what made `network`, and how well it reads the validation digits."""
    best = progress.best
    return TrainingRecord(
        network=network.name,
        parameters=network.count_params(),
        recipe=settings.recipe,
        seed=settings.seed,
        corrections=settings.corrections,
        corrections_sha256=settings.corrections_sha256,
        versions={"python": platform.python_version(), **{m.__name__: m.__version__ for m in (keras, tf, np)}},
        device=describe_device(),
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


def save(network: keras.Model, record: TrainingRecord, checkpoint: Path) -> None:
    """Write the checkpoint, its record and its learning curves, then remove the progress of the training."""
    with replacing(checkpoint) as temporary:
        network.save(temporary)
        plots.learning_curves(record, checkpoint.with_suffix(".png"))
        record.save(checkpoint.with_suffix(".json"))
    remove(checkpoint.with_suffix(".training"))


def fit(
    network: keras.Model, training: Digits, held_out: dict[str, Digits], settings: Settings, progress: Progress
) -> None:
    """Fit `network` until the recipe is done or training stops early. Resumes where `progress` was saved before."""
    recipe = settings.recipe
    validation = join(*held_out.values())
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
            callbacks=[*([progress.averaging] if progress.averaging else []), progress],
            verbose=verbosity(),
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


def blend(network: keras.Model, other: keras.Model, share: float) -> None:
    """Replace the weights of `network` by a mean in which those of `other` have `share`, 0 to 1."""
    pairs = zip(network.get_weights(), other.get_weights(), strict=True)
    network.set_weights([(1 - share) * own + share * theirs for own, theirs in pairs])


class _DigitAccuracy(keras.metrics.Mean):
    """Accuracy over digits only: non-digits do not count."""

    def update_state(self, targets: Any, probabilities: Any, sample_weight: Any = None) -> None:
        right = keras.ops.argmax(targets, axis=1) == keras.ops.argmax(probabilities, axis=1)
        super().update_state(right, keras.ops.max(targets, axis=1) > 0.5)


def calibrate(network: keras.Model, held_out: dict[str, Digits]) -> float:
    """Divide the last layer by the temperature that fits the validation digits, and return that temperature."""
    validation = join(*held_out.values())
    divisor = temperature(predict(network, validation.images), validation.labels)
    network.layers[-1].set_weights([weight / divisor for weight in network.layers[-1].get_weights()])
    return divisor


def _accuracy(network: keras.Model, digits: Digits) -> Accuracy:
    result = score("", predict(network, digits.images).argmax(axis=1), digits.labels)
    return Accuracy(result.count, result.accuracy, result.error)


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
    options = {}
    if recipe.optimizer == "Muon":
        options = {"exclude_layers": [network.layers[-1].name], "adam_lr_ratio": recipe.adam_lr_ratio}
    network.compile(
        getattr(keras.optimizers, recipe.optimizer)(
            learning_rate=rate, use_ema=recipe.averaging > 0, ema_momentum=recipe.averaging or 0.99, **options
        ),
        loss="categorical_crossentropy",
        metrics=[_DigitAccuracy("accuracy")],
        steps_per_execution=max(n for n in range(1, 251) if steps % n == 0),
        jit_compile=recipe.xla,
    )
