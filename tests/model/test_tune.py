"""Tuning goes on from the committed networks with corrections, and keeps what reads nothing else worse."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from demo.corrections import Corrections
from model import CHECKPOINTS
from model.draw import draw
from model.networks import load_trained
from model.recipes import TUNE
from model.record import TrainingRecord
from model.tune import Comparison, tune
from tests.stand_ins import few_pens

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("few_data", "tiny_recipe")]


@pytest.fixture
def tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipe tune for two short epochs, without an evaluation at the end."""
    for name, recipe in TUNE.items():
        tiny = dataclasses.replace(
            recipe, epochs=2, batches=3, validation=1_000, styles=0, non_digits=0, letters=0, rare_each=0, xla=False
        )
        monkeypatch.setitem(TUNE, name, tiny)
    monkeypatch.setattr("model.tune.LETTERS", 50)
    monkeypatch.setattr("model.tune.evaluate", lambda *_: None)
    monkeypatch.setattr("model.plots.learning_curves", lambda record, path: path.touch())


def corrected(folder: Path, count: int) -> tuple[Path]:
    """A folder with corrections: the first pens."""
    pens = few_pens()
    for drawing, digit in zip(pens.drawings[:count], pens.labels[:count].tolist(), strict=True):
        Corrections(folder).keep(np.asarray(draw(drawing, 10, 88, 140)), digit)
    return (folder,)


def weights(folder: Path) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in load_trained("ffnn", folder).get_weights()])


@pytest.fixture
def never_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Comparison, "is_worse", False)


@pytest.fixture
def always_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Comparison, "is_worse", True)


def test_a_tuned_network_is_near_the_committed_one_and_its_record_says_what_made_it(
    never_worse: None, tmp_path: Path
) -> None:
    tune(["ffnn"], corrected(tmp_path / "mine", 3), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ffnn.json", "ffnn.keras", "ffnn.png"]
    record = TrainingRecord.load(tmp_path / "out" / "ffnn.json")
    assert (record.recipe.name, record.corrections, record.epochs, record.best_epoch) == ("tune", 3, 2, 2)
    assert record.recipe.foundation == TrainingRecord.load(CHECKPOINTS / "ffnn.json").recipe
    assert record.former_share == 0
    distance = np.abs(weights(tmp_path / "out") - weights(CHECKPOINTS))
    assert 0 < distance.mean() < 0.01
