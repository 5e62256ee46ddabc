"""The record of a training: the .json beside a checkpoint, which says what made it and how well it reads."""

from dataclasses import asdict, dataclass
from pathlib import Path

from model import InputError, train_command
from model.files import read_json, write_json
from model.recipes import Recipe
from model.scores import Accuracy, Score


def counted(count: int, noun: str) -> str:
    """Count in words: "1 epoch", "2 epochs"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Format a time: "99 seconds", "42 minutes"."""
    return counted(round(seconds), "second") if round(seconds) < 100 else f"{seconds / 60:.0f} minutes"


@dataclass(frozen=True)
class Settings:
    """What decides a training. The same settings train the same network."""

    recipe: Recipe
    seed: int
    corrections: int = 0
    """Drawings that people corrected in the demo, which the training added to its data."""
    corrections_sha256: str = ""
    """Hash of these drawings and their digits."""

    def described(self, other: "Settings") -> str:
        """Describe these settings, and name each part of the recipe that differs from `other`."""
        words = f"recipe {self.recipe.name}, at most {counted(self.recipe.epochs, 'epoch')}, seed {self.seed}"
        if self.corrections or other.corrections:
            words += f", {counted(self.corrections, 'correction')}"
        if self.corrections == other.corrections and self.corrections_sha256 != other.corrections_sha256:
            words += f" (SHA-256 {self.corrections_sha256[:8]})"
        if self.recipe.name == other.recipe.name:
            others = asdict(other.recipe)
            changed = {k: v for k, v in asdict(self.recipe).items() if k != "epochs" and v != others[k]}
            words += "".join(f", {key} {value}" for key, value in changed.items())
        return words


@dataclass(frozen=True)
class TrainingAccuracy:
    """Accuracy of the kept epoch, and of the network before training, 0 to 1."""

    untrained: float
    """On the validation digits, before training."""
    training: float
    """On the training images, as they are distorted."""
    validation: float


@dataclass(frozen=True)
class Refusal:
    """How often the network is unsure of what is not a digit."""

    confidence: float
    """The threshold: 1 % of the held-out pen digits get a lower confidence."""
    non_digits: float
    """Share of letters, scribbles and the like that get a lower confidence, 0 to 1."""
    count: int
    """Non-digits that were drawn for this."""


@dataclass(frozen=True)
class Letters:
    """How often a written letter passes for a digit by the page's rule: the mean of both networks' probabilities
    gives a digit more than one half, and leaves fewer than three open.
    """

    passed: float
    """Share of the letters, 0 to 1."""
    count: int
    """Letters that were drawn for this."""


@dataclass(frozen=True)
class TrainingRecord:
    """What made a checkpoint and how well it reads. Each field is a key of the .json."""

    network: str
    """"lenet5" or "ffnn"."""
    parameters: int
    recipe: Recipe
    seed: int
    versions: dict[str, str]
    """Of Python, Keras, TensorFlow and NumPy."""
    device: str
    """What it was trained on, in words."""
    epochs: int
    """Epochs trained."""
    best_epoch: int
    """The epoch that was kept, from 1."""
    seconds: float
    """Time of all epochs."""
    accuracy: TrainingAccuracy
    validation: dict[str, Accuracy]
    """Accuracy of the checkpoint on each validation set, by name."""
    temperature: float
    """What the logits were divided by after training; 1 if by nothing."""
    history: dict[str, list[float]]
    """Loss, accuracy and seconds of each epoch."""
    foundation_seconds: float = 0.0
    """Time of all epochs of the recipe's foundation, where that was trained."""
    corrections: int = 0
    corrections_sha256: str = ""
    former_share: float = 0.0
    """Share of the weights of before in a network that `python -m model tune` made, 0 to 1."""
    test: Score | None = None
    """MNIST's test digits. `python -m model evaluate` adds this and the three below."""
    pens: list[Score] | None = None
    """Pen digits of writers that no training saw."""
    refusal: Refusal | None = None
    letters: Letters | None = None
    """Letters by UJI's writers, read together with the other network's checkpoint in the same folder, if both the
    letters and that checkpoint were there."""

    @property
    def settings(self) -> Settings:
        """What decided this training."""
        return Settings(self.recipe, self.seed, self.corrections, self.corrections_sha256)

    def save(self, path: Path) -> None:
        """Write the record to `path`. Raises InputError if that fails."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "TrainingRecord":
        """Read the record in `path`. Raises InputError if it is missing, damaged or of another version."""
        content = read_json(path)
        try:
            return cls(
                **{
                    **content,
                    "recipe": Recipe(**content["recipe"]),
                    "accuracy": TrainingAccuracy(**content["accuracy"]),
                    "validation": {name: Accuracy(**each) for name, each in content["validation"].items()},
                    "test": Score(**content["test"]) if content.get("test") else None,
                    "pens": [Score(**each) for each in content["pens"]] if content.get("pens") else None,
                    "refusal": Refusal(**content["refusal"]) if content.get("refusal") else None,
                    "letters": Letters(**content["letters"]) if content.get("letters") else None,
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path} is damaged, or another version of this project wrote it ({error}). "
                f"Delete it and its checkpoint, and run {train_command(path.stem, path.parent)}."
            ) from error
