"""Draw what the training data look like."""

from pathlib import Path

import numpy as np

from model import mnist, pendigits, plots, styles
from model.folders import Folders
from model.mixture import draw_and_normalize
from model.pendigits import TEST_WRITERS, VALIDATION_WRITERS


def explore(data: Folders, folder: Path, seed: int) -> None:
    """Draw three figures into `folder`.

    They show the first ten training digits, the pixel values of one digit that `seed` chooses, and what recipe `best`
    adds to MNIST. Raises InputError if the data are missing.
    """
    digits, _ = mnist.load(data)
    chosen = int(np.random.default_rng(seed).integers(len(digits.labels)))
    print("The first ten training digits:", *digits.labels[:10])
    plots.first_digits(digits, folder / "first-digits.png")
    plots.pixel_values(digits.images[chosen], digits.labels[chosen], folder / "pixel-values.png")
    print(f"Drawn: {folder / 'first-digits.png'}, {folder / 'pixel-values.png'} (training digit {chosen})")

    random = np.random.default_rng(seed)
    pens = pendigits.load(data).without(*VALIDATION_WRITERS, *TEST_WRITERS)
    styled, _ = styles.digits(70, random)
    sheets = {
        "Pen strokes": [pens.drawings[index] for index in random.choice(len(pens.drawings), 24)],
        "More styles of digits": [styled[index] for index in random.choice(70, 24, replace=False)],
        "Not digits": styles.non_digits(24, random, pens.drawings, pens.labels),
    }
    images = {title: draw_and_normalize(drawings, random) for title, drawings in sheets.items()}
    plots.drawings(images, folder / "drawings.png")
    print(f"Drawn: {folder / 'drawings.png'}, what recipe best adds to MNIST, as the networks see it")
