"""Draw what the training data look like."""

from pathlib import Path

import numpy as np

from model import mnist, pendigits, plots, rare, styles, ujipen
from model.folders import Folders
from model.mixture import draw_and_normalize
from model.recipes import RECIPES


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
    recipe = RECIPES["lenet5"]["best"]
    pens = pendigits.load(data).without(*pendigits.VALIDATION_WRITERS, *pendigits.TEST_WRITERS)
    styled, _ = styles.digits(70, random)
    sheets = {
        "Pen strokes": [pens.drawings[index] for index in random.choice(len(pens.drawings), 24)],
        "More styles of digits": [styled[index] for index in random.choice(70, 24, replace=False)],
        "Not digits": styles.non_digits(24, random, pens.drawings, pens.labels),
    }
    if recipe.uji_copies:
        uji = ujipen.load(data).digits.without(*ujipen.VALIDATION_WRITERS, *ujipen.TEST_WRITERS)
        sheets["Pen strokes of UJI's writers"] = [uji.drawings[i] for i in random.choice(len(uji.drawings), 24)]
    if recipe.rare:
        drawn, _ = rare.drawings(recipe.rare, 24, random, pens.drawings, pens.labels)
        sheets["Rare styles"] = [drawn[i] for i in random.choice(len(drawn), 24, replace=False)]
    images = {title: draw_and_normalize(drawings, random) for title, drawings in sheets.items()}
    plots.drawings(images, folder / "drawings.png")
    print(f"Drawn: {folder / 'drawings.png'}, what recipe best adds to MNIST, as the networks see it")
