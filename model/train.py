"""Fit a network by a recipe; keep the best checkpoint, its history, and what made it."""

import dataclasses
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from model import CHECKPOINTS, InputError, corrections, mnist, plots
from model.evaluate import answer, percent, score, temperature
from model.files import read_json, replacing, write_json
from model.mixture import batches, examples, steps_per_epoch, targets
from model.mnist import Digits
from model.networks import NETWORKS
from model.progress import Progress, settings
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
    plan, made_by = settle(name, recipe, epochs, seed, output, data)
    checkpoint, unfinished = output / f"{name}.keras", output / f"{name}.training"

    device = describe_device()
    training, held_out = examples(plan, seed, data)
    validation = Digits(*(np.concatenate(parts) for parts in zip(*held_out.values(), strict=True)))
    print(f"{name} by recipe {recipe} on {len(training.labels):,} images, {device}", flush=True)

    keras.utils.set_random_seed(seed)
    network = build(name, plan)
    steps = steps_per_epoch(training, plan)
    compile_network(network, plan, steps)
    progress = Progress(unfinished, made_by, plan.patience)
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
    divisor = _calibrate(network, validation) if plan.smoothing else 1.0
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
        "temperature": round(divisor, 4),
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


def settle(
    name: str, recipe: str, epochs: int | None, seed: int, output: Path, data: Path | None = None
) -> tuple[Recipe, dict[str, Any]]:
    """The recipe to train by, and what to write down of it.

    Raises InputError if the network has no such recipe, or if `output` holds a checkpoint that other settings made.
    """
    if recipe not in RECIPES[name]:
        raise InputError(f"{name} has no recipe {recipe}; it has {', '.join(RECIPES[name])}.")
    plan = RECIPES[name][recipe]
    if epochs is not None:
        plan = dataclasses.replace(plan, epochs=epochs)
    made_by = {"recipe": dataclasses.asdict(plan), "seed": seed}
    if corrected := corrections.count(data):
        made_by["corrections"] = corrected
    checkpoint, story_path = output / f"{name}.keras", output / f"{name}.json"
    if checkpoint.exists() and story_path.exists():
        story = read_json(story_path)
        if {key: story[key] for key in ("recipe", "seed", "corrections") if key in story} != made_by:
            raise InputError(
                f"{checkpoint} was made by {settings(story, made_by)}, not by {settings(made_by, story)}. "
                f"Keep it and name another folder with --output, or delete it and {story_path.name} first."
            )
    return plan, made_by


def describe_device() -> str:
    """What TensorFlow trains on, in words."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return "GPU " + ", ".join(tf.config.experimental.get_device_details(g).get("device_name", g.name) for g in gpus)
    return f"CPU, {os.cpu_count()} cores (TensorFlow sees no GPU)"


def _inputs(validation: Digits, network: keras.Model, plan: Recipe) -> tuple[np.ndarray, np.ndarray]:
    return mnist.network_input(validation.images, network), targets(validation.labels, plan)


def build(name: str, plan: Recipe) -> keras.Model:
    """The untrained network `name`, in the precision of the recipe."""
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


def _calibrate(network: keras.Model, validation: Digits) -> float:
    """Divide the last layer by the temperature that suits the validation digits, and return it."""
    divisor = temperature(answer(network, validation.images), validation.labels)
    network.layers[-1].set_weights([weight / divisor for weight in network.layers[-1].get_weights()])
    return divisor


def _validation_score(network: keras.Model, digits: Digits) -> dict[str, Any]:
    result = score(answer(network, digits.images).argmax(axis=1), digits.labels)
    return {key: result[key] for key in ("count", "accuracy", "error")}


def compile_network(network: keras.Model, plan: Recipe, steps: int) -> None:
    """Ready to fit by the recipe, in epochs of `steps` batches."""
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
