"""What a recipe trains on: MNIST, drawn pen strokes, more styles of digits, and drawings that are no digit."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from model import mnist, strokes, styles
from model.recipes import Recipe
from model.strokes import TEST_WRITERS, VALIDATION_WRITERS, Drawing, Pens

NO_DIGIT = 10  # the label of a drawing that is none
CANVAS = 140  # pixels: half of the demo's is sharp enough for 28
SIZE = 90  # pixels of the pen's path on it
FINE, THICK = 0.03, 0.3  # brushes, in lengths of the path's longer side: a pencil, a thumb on a small drawing


class Examples(NamedTuple):
    """Images uint8 [count, 28, 28], ink 255 on paper 0, and labels uint8 [count]: 0 to 9, or NO_DIGIT."""

    images: np.ndarray
    labels: np.ndarray


def examples(plan: Recipe, seed: int, folder: Path | None) -> tuple[Examples, dict[str, Examples]]:
    """What to train on, and what to validate on, by name. `folder` as in mnist.load and strokes.load."""
    training, last = (Examples(*digits) for digits in mnist.split(mnist.load(folder)[0], plan.validation))
    held_out = {"MNIST": last}
    if plan.drawn:
        pens = strokes.load(folder)
        random = np.random.default_rng(seed)
        drawn = _drawn(pens.without(*VALIDATION_WRITERS, *TEST_WRITERS), plan, random)
        training = Examples(*(np.concatenate(parts) for parts in zip(training, drawn, strict=True)))
        validation = pens.by(*VALIDATION_WRITERS)
        held_out["pens"] = Examples(brushed(validation.drawings, random), validation.labels)
    return training, held_out


def brushed(drawings: list[Drawing], random: np.random.Generator) -> np.ndarray:
    """What the networks see of each drawing, drawn with a random brush: uint8 [count, 28, 28]."""
    return strokes.images(_sketches(drawings, random), len(drawings))


def _drawn(pens: Pens, plan: Recipe, random: np.random.Generator) -> Examples:
    styled, labels = styles.digits(plan.styles, random)
    others = styles.non_digits(plan.non_digits, random, pens.drawings, pens.labels)
    drawings = [*pens.drawings * plan.drawn, *styled, *others]
    print(f"Drawing {len(drawings):,} sketches", flush=True)
    none = np.full(len(others), NO_DIGIT, np.uint8)
    return Examples(brushed(drawings, random), np.concatenate([np.tile(pens.labels, plan.drawn), labels, none]))


def _sketches(drawings: list[Drawing], random: np.random.Generator) -> Iterator[Image.Image]:
    brushes = SIZE * np.exp(random.uniform(math.log(FINE), math.log(THICK), len(drawings)))
    for drawing, brush in zip(drawings, brushes, strict=True):
        yield strokes.draw(drawing, brush, SIZE, CANVAS)
