"""How each network is trained."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """One way to train a network.

    `validation` images are taken from the end of MNIST's training set. The learning rate is constant, or rises for
    `warmup` epochs and falls to zero along a cosine over all `epochs`. Training stops `patience` epochs after the
    lowest validation loss. `smoothing` of each target is spread over all ten digits.

    `drawn` is how often each pen digit is drawn, with another brush each time; `styles` and `non_digits` count the
    drawings of model/styles.py. `distort` scales the limits of model/augment.py. `xla` compiles the training step:
    twice as fast for dense layers on a CPU, slower for convolutions. `bfloat16` halves the time on processors that
    multiply in it.
    """

    name: str
    optimizer: Literal["SGD", "RMSprop", "AdamW"]
    learning_rate: float
    warmup: float | None = None
    epochs: int = 100
    patience: int = 20
    batch_size: int = 32
    validation: int = 12_000
    smoothing: float = 0.0
    drawn: int = 0
    styles: int = 0
    non_digits: int = 0
    distort: float = 0.0
    xla: bool = False
    bfloat16: bool = False


BEST = Recipe(
    "best",
    "AdamW",
    2e-3,
    warmup=3,
    epochs=130,
    patience=130,
    batch_size=128,
    validation=5_000,
    smoothing=0.05,
    drawn=2,
    styles=6_000,
    non_digits=10_000,
    distort=1.0,
)

RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "notebook": Recipe("notebook", "SGD", 0.01),
        "best": replace(BEST, bfloat16=True),
    },
    "ffnn": {
        "notebook": Recipe("notebook", "RMSprop", 0.001, xla=True),
        "best": replace(BEST, learning_rate=1e-3, xla=True),
    },
}
