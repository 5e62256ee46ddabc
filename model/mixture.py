"""Mix what a recipe trains on: MNIST, drawn pen strokes, more styles of digits, non-digits, corrections."""

import sys
from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from model import corrections, letters, mnist, pendigits, rare, styles, touching, ujipen
from model.augment import distort
from model.corrections import Corrections
from model.draw import Drawing, draw_with_random_brushes
from model.folders import Folders
from model.mnist import Digits
from model.normalize import normalize_all
from model.pendigits import Pens
from model.recipes import Recipe
from model.styles import NON_DIGIT

ENOUGH_CORRECTIONS = 20  # to take the whole share of a recipe


class Parts(NamedTuple):
    """What is mixed: recipes with the same `Recipe.parts` and the same seed share it."""

    mnist: Digits
    """Those of MNIST's digits that train."""
    drawn: Digits
    held_out: dict[str, Digits]
    """The validation examples, by name."""


def examples(
    recipe: Recipe,
    seed: int,
    folders: Folders,
    corrected: Corrections | None = None,
    parts: Parts | None = None,
) -> tuple[Digits, dict[str, Digits]]:
    """Load, draw and mix the examples. Returns the training examples, and the validation examples by name.

    `corrected` are the corrections, and `parts` what is mixed, if they are loaded already. Raises InputError if
    something is missing or damaged.
    """
    corrected_digits = (corrected or corrections.load(folders)).normalized()
    parts = parts or load_and_draw(recipe, seed, folders)
    training = mnist.join(*[parts.mnist] * recipe.mnist_copies)
    return with_corrections(training, corrected_digits, recipe, parts.drawn), parts.held_out


def load_and_draw(recipe: Recipe, seed: int, folders: Folders) -> Parts:
    """Load MNIST, and draw all else. Raises InputError if something is missing or damaged."""
    training, validation = mnist.split(mnist.load(folders)[0], recipe.validation)
    training = Digits(*(values[-(recipe.mnist or len(values)) :] for values in training))
    if not recipe.pen_copies:
        return Parts(training, Digits(*(values[:0] for values in training)), {"MNIST": validation})
    pens = pendigits.load(folders)
    trained = [(pens.without(*pendigits.VALIDATION_WRITERS, *pendigits.TEST_WRITERS), recipe.pen_copies)]
    held_out = {"pens": pens.by(*pendigits.VALIDATION_WRITERS)}
    if recipe.uji_copies:
        uji = ujipen.load(folders).digits
        trained += [(uji.without(*ujipen.VALIDATION_WRITERS, *ujipen.TEST_WRITERS), recipe.uji_copies)]
        held_out["UJI pens"] = uji.by(*ujipen.VALIDATION_WRITERS)
    random = np.random.default_rng(seed)
    drawings, labels = zip(*_drawings(trained, recipe, random), strict=True)
    count = len(drawings) + sum(len(pens.drawings) for pens in held_out.values()) + recipe.touching
    print(f"Drawing {count:,} sketches", flush=True)
    bar = keras.utils.Progbar(count, verbose=verbosity(), unit_name="sketch")
    drawn = Digits(draw_and_normalize(list(drawings), random, bar), np.array(labels, np.uint8))
    sketched = {
        title: Digits(draw_and_normalize(pens.drawings, random, bar), pens.labels) for title, pens in held_out.items()
    }
    cut = _cut([pens for pens, _ in trained], recipe, random, bar)
    return Parts(training, mnist.join(drawn, *cut), {"MNIST": validation, **sketched})


def check_data(recipe: Recipe, folders: Folders) -> None:
    """Raise InputError if data that the recipe trains on are missing or damaged."""
    mnist.load(folders)
    if recipe.pen_copies:
        pendigits.load(folders)
        if recipe.uji_copies:
            ujipen.load(folders)


def with_corrections(training: Digits, corrected: Digits, recipe: Recipe, *drawn: Digits) -> Digits:
    """Join MNIST's digits, each correction as often as the recipe says, and what is drawn."""
    copies = max(recipe.pen_copies, 1)
    if recipe.correction_share:
        others = sum(len(part.labels) for part in (training, *drawn))
        share = recipe.correction_share / max(len(corrected.labels), ENOUGH_CORRECTIONS)
        copies = round(others * share / (1 - recipe.correction_share))
    return mnist.join(training, *[corrected] * copies, *drawn)


def verbosity() -> int:
    """How Keras shows progress: 1, a moving bar, in a terminal; 2, a line at the end, in a file or a pipe."""
    return 1 if sys.stdout.isatty() else 2


def _drawings(
    copied: list[tuple[Pens, int]], recipe: Recipe, random: np.random.Generator
) -> Iterator[tuple[Drawing, int]]:
    """Yield each drawing of the recipe with its label. `copied` are pen digits and how often each is drawn.

    The first time it is drawn as it was written, then as other hands would write it.
    """
    for pens, copies in copied:
        yield from zip(pens.drawings, pens.labels, strict=True)
        for _ in range(copies - 1):
            yield from zip((styles.rewritten(each, random) for each in pens.drawings), pens.labels, strict=True)
    yield from zip(*styles.digits(recipe.styles, random), strict=True)
    drawings, labels = _together([pens for pens, _ in copied])
    for drawing in styles.non_digits(recipe.non_digits, random, drawings, labels):
        yield drawing, NON_DIGIT
    for drawing in letters.letters(recipe.letters, random, drawings, labels):
        yield drawing, NON_DIGIT
    yield from zip(*rare.drawings(recipe.rare, recipe.rare_each, random, drawings, labels), strict=True)


def _together(sets: list[Pens]) -> tuple[list[Drawing], np.ndarray]:
    return [drawing for pens in sets for drawing in pens.drawings], np.concatenate([pens.labels for pens in sets])


def _cut(sets: list[Pens], recipe: Recipe, random: np.random.Generator, bar: keras.utils.Progbar) -> Iterator[Digits]:
    """Yield what is left of each number of touching digits, and move `bar` on by one."""
    for left in touching.spans(recipe.touching, random, *_together(sets)):
        bar.add(1)
        yield left


def draw_and_normalize(
    drawings: list[Drawing], random: np.random.Generator, bar: keras.utils.Progbar | None = None
) -> np.ndarray:
    """Draw each drawing with a random brush and normalize it: uint8 [count, 28, 28], as the networks see it.

    `bar` moves on by one for each.
    """

    def sketches() -> Iterator[Image.Image]:
        for sketch in draw_with_random_brushes(drawings, random):
            if bar:
                bar.add(1)
            yield sketch

    return normalize_all(sketches(), len(drawings))


def steps_per_epoch(training: Digits, recipe: Recipe) -> int:
    """Count the batches of an epoch. Above 100 it is a multiple of 25, so that Keras can run many in one call."""
    steps = -(-len(training.labels) // recipe.batch_size)
    steps = min(steps, recipe.batches or steps)
    return steps - steps % 25 if steps > 100 else steps


def batches(training: Digits, recipe: Recipe, seed: int, network: keras.Model, first_epoch: int = 0) -> tf.data.Dataset:
    """Batch the training examples as (images, targets), epoch after epoch.

    The seed and the number of the epoch decide the order and the distortions, so a resumed training sees the same
    batches.
    """
    images, answers = tf.constant(training.images), tf.constant(targets(training.labels, recipe))
    steps = steps_per_epoch(training, recipe)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(tf.range(len(answers)), tf.stack([np.int64(seed), number]))
        chosen = tf.data.Dataset.from_tensor_slices(order).batch(recipe.batch_size).take(steps)
        return chosen.map(lambda indices: (indices, number))

    def gather(chosen: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.cast(tf.gather(images, chosen), tf.float32) / 255
        if recipe.distort:
            batch_seed = tf.stack([seed + 2**32 * number, tf.cast(chosen[0], tf.int64)])
            batch = distort(batch, batch_seed, recipe.distort)
        return tf.reshape(batch, (-1, *network.input_shape[1:])), tf.gather(answers, chosen)

    numbers = tf.data.Dataset.range(first_epoch, recipe.epochs)
    workers = tf.data.AUTOTUNE if recipe.distort else None
    return numbers.flat_map(epoch).map(gather, num_parallel_calls=workers).prefetch(tf.data.AUTOTUNE)


def targets(labels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Target probabilities, float32 [count, 10]: a smoothed one-hot for a digit, all equal for a non-digit."""
    certain = np.vstack([np.eye(10), np.full(10, 0.1)]).astype(np.float32)
    return ((1 - recipe.smoothing) * certain + recipe.smoothing / 10)[labels]
