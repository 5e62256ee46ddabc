"""A few digits and pens in place of the data sets, which no test downloads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from model import mnist, pendigits, styles, ujipen
from model.draw import Drawing
from model.recipes import RECIPES, Recipe
from model.record import Refusal, TrainingAccuracy, TrainingRecord
from model.scores import Accuracy, Score

FEW_DIGITS = 4_000, 250  # training and test digits
FEW = {pendigits.TRAINING_FILE: 300, pendigits.TEST_FILE: 100}  # pens in each file


def few_digits(digits: tuple[np.ndarray, np.ndarray]) -> tuple[mnist.Digits, mnist.Digits]:
    """FEW_DIGITS for training and for tests."""
    training, test = FEW_DIGITS
    images, labels = (values[: training + test] for values in digits)
    return mnist.Digits(images[:training], labels[:training]), mnist.Digits(images[training:], labels[training:])


def few_pens(count: int = FEW[pendigits.TRAINING_FILE]) -> pendigits.Pens:
    """Digits by writers of 10 each, drawn by model/styles.py."""
    drawings, labels = styles.digits(count, np.random.default_rng(0))
    return pendigits.Pens(drawings, labels, (1 + np.arange(count) // 10).astype(np.uint8))


def few_characters() -> list[tuple[str, str, Drawing]]:
    """400 digits by 20 writers in the place of UJI's, each with its writer and sample, drawn by model/styles.py."""
    drawings, labels = styles.digits(400, np.random.default_rng(1))
    sessions = [f"trn_UJI_W{1 + i // 20:02}-{1 + i // 10 % 2:02}" for i in range(400)]
    return [
        (str(digit), session, [(1000 * stroke).round() for stroke in drawing])
        for drawing, digit, session in zip(drawings, labels, sessions, strict=True)
    ]


def on_digits_and_pens(recipe: Recipe) -> Recipe:
    """The recipe on MNIST's digits and on pens alone, with 1,000 digits for validation, and not compiled by XLA."""
    none: dict[str, Any] = {"styles": 0, "non_digits": 0, "letters": 0, "touching": 0, "rare": ()}
    return replace(recipe, validation=1_000, xla=False, **none)


@pytest.fixture(scope="module")
def few_data(digits: tuple[np.ndarray, np.ndarray]) -> Iterator[None]:
    """Make mnist, pendigits and ujipen load few_digits(), few_pens() and few_characters() from any folder."""
    few = ujipen.read_characters(ujipenchars(few_characters()), "few characters")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "load", lambda folders=(): few_digits(digits))
        patch.setattr(pendigits, "load", lambda folders=(), name="": few_pens())
        patch.setattr(ujipen, "load", lambda folders=(): few)
        yield


@pytest.fixture(scope="module")
def eagerly() -> Iterator[None]:
    """Do not compile what TensorFlow runs, because that takes longer than a few batches."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def data_files(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the data sets, which hold few_digits(), few_pens() and few_characters()."""
    folder = tmp_path_factory.mktemp("data")
    train, test = few_digits(digits)
    for name, count in FEW.items():
        (folder / name).write_text(unipen(few_pens(count)))
    (folder / ujipen.DIGITS_FILE).write_text(ujipenchars(few_characters()))
    np.savez(folder / "mnist.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    return folder


@pytest.fixture
def data_folder(data_files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of data_files, whose smaller counts are accepted as complete."""
    monkeypatch.setattr(mnist, "COUNTS", FEW_DIGITS)
    for name, count in FEW.items():
        monkeypatch.setitem(pendigits.COUNTS, name, count)
    monkeypatch.setattr(ujipen, "WRITERS", 20)
    return data_files


def unipen(pens: pendigits.Pens) -> str:
    """Format pens like UCI's files, with coordinates in whole numbers."""
    lines = []
    for drawing, label, writer in zip(*pens, strict=True):
        lines += [f'.SEGMENT DIGIT 0-{len(drawing) - 1} ? "{label}"', f".COMMENT {label} {writer} 1"]
        for stroke in drawing:
            points = [f" {x:.0f}  {-y:.0f}" for x, y in stroke * 200]
            lines += [".PEN_DOWN", *points, ".PEN_UP", ".DT 100"]
    return "\n".join(lines)


def ujipenchars(samples: list[tuple[str, str, Drawing]]) -> str:
    """Format characters like UCI's file of UJI Pen Characters."""
    lines = ["// UJI: 100 units per millimetre"]
    for character, session, drawing in samples:
        kind = "ASCII" if character.isascii() else "Non-ASCII"
        lines += ["", f"// {kind} char: {character!a}", f"WORD {character} {session}", f"  NUMSTROKES {len(drawing)}"]
        lines += [
            f"  POINTS {len(stroke)} # " + " ".join(f"{value:.0f}" for value in stroke.ravel()) for stroke in drawing
        ]
    return "\n".join(lines) + "\n"


def record(network: str, recipe: str = "best") -> TrainingRecord:
    """A record of an evaluated training, with invented figures."""
    score = Score(10, 0.9, 0.1, "some writers", [0.9] * 10, [[1] * 10] * 10)
    return TrainingRecord(
        network=network,
        parameters=1,
        recipe=RECIPES[network][recipe],
        seed=0,
        versions={},
        device="a machine",
        epochs=1,
        best_epoch=1,
        seconds=60.0,
        accuracy=TrainingAccuracy(0.1, 0.1, 0.1),
        validation={"MNIST": Accuracy(10, 0.9, 0.1)},
        temperature=1.0,
        history={"loss": [1.0]},
        test=replace(score, set="MNIST test", calibration_error=0.01),
        pens=[score],
        refusal=Refusal(0.5, 0.8, 10),
    )
