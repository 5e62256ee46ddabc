"""What a recipe trains on: MNIST, drawn pen strokes, more styles of digits, and drawings that are no digit."""

import math
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from model import corrections, mnist, strokes, styles
from model.augment import distort
from model.mnist import Digits
from model.recipes import Recipe
from model.strokes import TEST_WRITERS, VALIDATION_WRITERS, Drawing, Pens

NO_DIGIT = 10  # the label of a drawing that is no digit
CANVAS = 140  # pixels: half of the demo's is sharp enough for 28
SIZE = 90  # pixels of the pen's path on it
FINE, THICK = 0.03, 0.3  # brushes, in lengths of the path's longer side: a pencil, a thumb on a small drawing


def examples(plan: Recipe, seed: int, folder: Path | None) -> tuple[Digits, dict[str, Digits]]:
    """What to train on, and what to validate on, by name. `folder` as in mnist.load, strokes.load and corrections.load.

    With corrections alone in it, the rest is downloaded.
    """
    corrected = corrections.load(folder)
    if len(corrected.labels) and folder and not (folder / "mnist.npz").is_file():
        folder = None
    training, last = mnist.split(mnist.load(folder)[0], plan.validation)
    training = _joined(training, *[corrected] * max(plan.drawn, 1))
    held_out = {"MNIST": last}
    if plan.drawn:
        pens = strokes.load(folder)
        random = np.random.default_rng(seed)
        training = _joined(training, _drawn(pens.without(*VALIDATION_WRITERS, *TEST_WRITERS), plan, random))
        validation = pens.by(*VALIDATION_WRITERS)
        held_out["pens"] = Digits(brushed(validation.drawings, random), validation.labels)
    return training, held_out


def steps_per_epoch(training: Digits, plan: Recipe) -> int:
    """All batches; or, if they are many, a multiple of 25, so that Keras can run many at a stretch."""
    steps = -(-len(training.labels) // plan.batch_size)
    return steps - steps % 25 if steps > 100 else steps


def batches(training: Digits, plan: Recipe, seed: int, network: keras.Model, first_epoch: int = 0) -> tf.data.Dataset:
    """Batches of (images, targets), epoch after epoch, each in an order and with distortions that `seed` decides."""
    images, answers = tf.constant(training.images), tf.constant(targets(training.labels, plan))
    steps = steps_per_epoch(training, plan)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(answers)), tf.stack([np.int64(seed), number]))
        chosen = tf.data.Dataset.from_tensor_slices(order).batch(plan.batch_size).take(steps)
        return chosen.map(lambda indices: (indices, number))

    def gather(chosen: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.cast(tf.gather(images, chosen), tf.float32) / 255
        if plan.distort:
            batch = distort(batch, tf.stack([seed + 2**32 * number, tf.cast(chosen[0], tf.int64)]), plan.distort)
        return tf.reshape(batch, (-1, *network.input_shape[1:])), tf.gather(answers, chosen)

    numbers = tf.data.Dataset.range(first_epoch, plan.epochs)
    workers = tf.data.AUTOTUNE if plan.distort else None
    return numbers.flat_map(epoch).map(gather, num_parallel_calls=workers).prefetch(tf.data.AUTOTUNE)


def targets(labels: np.ndarray, plan: Recipe) -> np.ndarray:
    """What the network should answer, float32 [count, 10]: nearly sure of a digit, undecided where there is none."""
    certain = np.vstack([np.eye(10), np.full(10, 0.1)]).astype(np.float32)
    return ((1 - plan.smoothing) * certain + plan.smoothing / 10)[labels]


def brushed(drawings: list[Drawing], random: np.random.Generator) -> np.ndarray:
    """What the networks see of each drawing, drawn with a random brush: uint8 [count, 28, 28]."""
    return strokes.images(_sketches(drawings, random), len(drawings))


def _joined(*parts: Digits) -> Digits:
    return Digits(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _drawn(pens: Pens, plan: Recipe, random: np.random.Generator) -> Digits:
    styled, labels = styles.digits(plan.styles, random)
    others = styles.non_digits(plan.non_digits, random, pens.drawings, pens.labels)
    sketched = [*pens.drawings * plan.drawn, *styled, *others]
    print(f"Drawing {len(sketched):,} sketches", flush=True)
    none = np.full(len(others), NO_DIGIT, np.uint8)
    return Digits(brushed(sketched, random), np.concatenate([np.tile(pens.labels, plan.drawn), labels, none]))


def _sketches(drawings: list[Drawing], random: np.random.Generator) -> Iterator[Image.Image]:
    brushes = SIZE * np.exp(random.uniform(math.log(FINE), math.log(THICK), len(drawings)))
    for drawing, brush in zip(drawings, brushes, strict=True):
        yield strokes.draw(drawing, brush, SIZE, CANVAS)
