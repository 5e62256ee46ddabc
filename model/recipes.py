"""How each network is trained."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """One way to train a network.

    `validation` images are taken from the end of MNIST's training set. The learning rate is constant, or rises for
    `warmup` epochs and falls to zero along a cosine over all `epochs`. Training stops `patience` epochs after the
    lowest validation loss. `distort` moves, turns, scales and shears each training image a little. `xla` compiles the
    training step: twice as fast for dense layers on a CPU, slower for convolutions.
    """

    name: str
    optimizer: Literal["SGD", "RMSprop", "AdamW"]
    learning_rate: float
    warmup: int | None = None
    epochs: int = 100
    patience: int = 20
    batch_size: int = 32
    validation: int = 12_000
    distort: bool = False
    xla: bool = False


RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "notebook": Recipe("notebook", "SGD", 0.01),
        "best": Recipe("best", "AdamW", 3e-3, warmup=3, epochs=40, batch_size=128, validation=5_000, distort=True),
    },
    "ffnn": {
        "notebook": Recipe("notebook", "RMSprop", 0.001, xla=True),
        "best": Recipe(
            "best", "AdamW", 1e-3, warmup=3, epochs=60, batch_size=128, validation=5_000, distort=True, xla=True
        ),
    },
}
