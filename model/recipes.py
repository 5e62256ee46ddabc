"""How each network is trained, and what was tried to find that out.

LeNet5, 12 epochs of 89,000 images, one seed; accuracy on the last 5,000 training digits of MNIST (± 0.13) and on the
three validation writers with brushes of 10, 20 and 30 pixels (± 0.2), both in %. Letters: how many of 3,860, in 75
handwriting fonts, are no less certain than the most uncertain 1 % of those pen digits.

| change                              | MNIST | pens  | letters |
| ----------------------------------- | ----- | ----- | ------- |
| none (learning rate 3e-3)           | 99.18 | 99.73 | 27 %    |
| no label smoothing                  | 99.16 | 99.60 | 30 %    |
| label smoothing 0.1 instead of 0.05 | 99.04 | 99.60 | 27 %    |
| distort 0.6 instead of 1            | 99.00 | 99.60 | 26 %    |
| learning rate 6e-3                  | 98.84 | 99.07 | 39 %    |
| learning rate 1.5e-3                | 99.14 | 99.60 | 32 %    |
| weight decay 0.05 instead of 0.004  | 99.16 | 99.60 | 27 %    |
| no non-digits                       | 99.14 | 99.47 | 70 %    |
"""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """One way to train a network.

    `validation` images are taken from the end of MNIST's training set. The learning rate is constant, or rises for
    `warmup` epochs and falls to zero along a cosine over all `epochs`. Training stops `patience` epochs after the
    lowest validation loss, if that is given. `smoothing` of each target is spread over all ten digits.

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
    patience: int | None = 20
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
    epochs=240,
    patience=None,
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
        "best": replace(BEST, xla=True),
    },
}
