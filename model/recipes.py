"""The recipes: how each network is trained. TRIALS.md says what was tried before they became this."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """One way to train a network."""

    name: str
    optimizer: Literal["SGD", "RMSprop", "AdamW", "Muon"]
    """Muon moves the weights of dense layers but the last, and AdamW the others."""
    learning_rate: float
    adam_lr_ratio: float = 1.0
    """Of Muon: what AdamW's learning rate is times that."""
    warmup: float | None = None
    """Epochs in which the learning rate rises. It then falls to 0 along a cosine. None: it is constant."""
    epochs: int = 100
    """At most so many."""
    patience: int | None = 20
    """Training stops so many epochs after the lowest validation loss. None: it does not stop early."""
    batch_size: int = 32
    validation: int = 12_000
    """Images from the end of MNIST's training set that validate."""
    mnist: int | None = None
    """Images of MNIST's training set that train, the last ones before those that validate. None: all."""
    mnist_copies: int = 1
    """How often each of these is among the examples."""
    smoothing: float = 0.0
    """Label smoothing: the share of each target that is spread over all ten digits."""
    pen_copies: int = 0
    """How often each pen digit is drawn, each time with another brush. 0: no drawings of any kind."""
    uji_copies: int = 0
    """How often each digit of UJI Pen Characters 2 is drawn, if pen digits are drawn."""
    styles: int = 0
    """Drawings of digits in more styles, from model/styles.py."""
    non_digits: int = 0
    """Drawings that are not digits, from model/styles.py."""
    letters: int = 0
    """Drawings of letters, from model/letters.py, if pen digits are drawn."""
    touching: int = 0
    """Numbers of two or three touching digits, from model/touching.py, if pen digits are drawn. What cutting leaves of
    them is among the examples."""
    rare: tuple[str, ...] = ()
    """Names of styles in model/rare.py that are drawn too, if pen digits are drawn."""
    rare_each: int = 0
    """Drawings of each of these styles."""
    correction_share: float = 0.0
    """Share of the corrections among the examples if there are 20 or more; each of fewer has a 20th of it. 0: each
    correction is one example for each copy of a pen digit."""
    distort: float = 0.0
    """Scale of the distortions in model/augment.py. 0: none."""
    averaging: float = 0.0
    """Share of the former average in the moving average of the weights after each batch; the average is validated and
    kept. 0: the last weights are."""
    batches: int | None = None
    """Batches of an epoch, which are other examples in each. None: as many as hold all examples."""
    keep_last: bool = False
    """Keep the last epoch, not the one with the lowest validation loss."""
    xla: bool = False
    """Compile the training step: twice as fast for dense layers on a CPU, slower for convolutions."""
    bfloat16: bool = False
    """Compute in bfloat16: half the time on processors that multiply in it, twice the time on others."""
    foundation: "Recipe | None" = None
    """The recipe by which the network is trained first. None: it starts with random weights."""
    foundation_share: float = 0.0
    """Share of the foundation's weights in the mean of both that is kept (Wortsman 2022, "Robust fine-tuning"). 0: the
    foundation is only the start."""

    def __post_init__(self) -> None:  # a record holds a list, and a dictionary
        object.__setattr__(self, "rare", tuple(self.rare))
        if isinstance(self.foundation, dict):
            object.__setattr__(self, "foundation", Recipe(**self.foundation))

    @property
    def parts(self) -> tuple[Hashable, ...]:
        """What decides what is loaded and drawn. Recipes in which this is equal share that."""
        drawn = self.pen_copies, self.uji_copies, self.styles, self.non_digits, self.letters, self.rare, self.rare_each
        return self.validation, self.mnist, *drawn, self.touching


FOUNDATION = Recipe(
    "foundation",
    "AdamW",
    2e-3,
    warmup=3,
    epochs=140,
    patience=None,
    batch_size=128,
    validation=5_000,
    smoothing=0.05,
    pen_copies=2,
    uji_copies=8,
    styles=6_000,
    non_digits=10_000,
    letters=15_000,
    touching=4_000,
    rare=(
        "0 box",
        "0 slashed far beyond",
        "1 long flag",
        "1 long flag",
        "1 lengthened flag",
        "1 lengthened flag",
        "1 serif and foot",
        "1 hooked foot",
        "1 foot to the left",
        "4 one stroke",
        "4 looped low",
        "4 short stem",
        "4 long stem",
        "5 angular",
        "5 bar apart",
        "7 crossed",
        "7 bent and crossed low",
        "7 wavy roof",
        "7 long stem",
        "9 flat ring",
        "9 open ring",
        "9 long stem",
        *(f"{digit} beside a stub" for digit in range(10)),
        "half a 4",
        "half a 5",
        "piece",
        "pair",
        "touching pair",
    ),
    rare_each=400,
    distort=1.0,
    averaging=0.999,
)
BEST = replace(
    FOUNDATION,
    name="best",
    learning_rate=5e-4,
    warmup=0.5,
    epochs=6,
    keep_last=True,
    mnist_copies=3,
    foundation_share=0.3,
)

RECIPES: dict[str, dict[str, Recipe]] = {
    "lenet5": {
        "notebook": Recipe("notebook", "SGD", 0.01),
        "best": replace(
            BEST,
            optimizer="Muon",
            bfloat16=True,
            foundation=replace(FOUNDATION, optimizer="Muon", epochs=80, bfloat16=True),
        ),
        "fast": Recipe(
            "fast",
            "Muon",
            2e-3,
            adam_lr_ratio=2,
            warmup=0.5,
            epochs=4,
            patience=None,
            batch_size=128,
            validation=5_000,
            smoothing=0.1,
            distort=0.6,
            bfloat16=True,
        ),
    },
    "ffnn": {
        "notebook": Recipe("notebook", "RMSprop", 0.001, xla=True),
        "best": replace(BEST, xla=True, foundation=replace(FOUNDATION, xla=True)),
    },
}

TUNE: dict[str, Recipe] = {
    name: replace(
        recipes["best"],
        name="tune",
        optimizer="AdamW",
        learning_rate=3e-4,
        bfloat16=False,
        warmup=0.5,
        epochs=5,
        batches=batches,
        keep_last=True,
        averaging=0.99,
        mnist=12_000,
        mnist_copies=1,
        pen_copies=1,
        uji_copies=1,
        styles=1_000,
        non_digits=3_000,
        letters=10_000,
        rare_each=50,
        touching=500,
        correction_share=0.1,
        foundation_share=0.0,
    )
    for (name, recipes), batches in zip(RECIPES.items(), (200, 100), strict=True)
}
"""By which each network goes on from a trained one with corrections."""
