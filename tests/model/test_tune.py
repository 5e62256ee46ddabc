"""Tuning goes on from the committed networks with corrections, and keeps what reads nothing else worse."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

import model.corrections
from demo.corrections import Corrections
from model import CHECKPOINTS, InputError
from model.draw import draw
from model.folders import Folders
from model.mixture import examples, with_corrections
from model.mnist import Digits
from model.networks import load_trained
from model.recipes import TUNE, Recipe
from model.record import TrainingRecord
from model.tune import SHARES, Comparison, tune
from tests.stand_ins import few_pens, on_digits_and_pens

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.usefixtures("eagerly", "few_data", "tiny_recipe"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]


TINY = {name: dataclasses.replace(on_digits_and_pens(recipe), epochs=2, batches=3) for name, recipe in TUNE.items()}


@pytest.fixture(scope="module")
def drawn(few_data: None) -> tuple[Digits, dict[str, Digits]]:
    return examples(TINY["ffnn"], 0, (), model.corrections.Corrections([]))


@pytest.fixture
def tiny_recipe(drawn: tuple[Digits, dict[str, Digits]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipe tune for two short epochs, on examples that are drawn once, without an evaluation at the end."""
    for name, recipe in TINY.items():
        monkeypatch.setitem(TUNE, name, recipe)
    monkeypatch.setattr("model.tune.examples", lambda *_: drawn)
    monkeypatch.setattr("model.tune.LETTERS", 50)
    monkeypatch.setattr("model.tune.evaluate", lambda *_: None)
    monkeypatch.setattr("model.plots.learning_curves", lambda record, path: path.touch())


def corrected(folder: Path, count: int, wrong: bool = False) -> Folders:
    """A folder with corrections: the first pens, stored as they were meant or as other digits."""
    pens = few_pens()
    for drawing, digit in zip(pens.drawings[:count], pens.labels[:count].tolist(), strict=True):
        Corrections(folder).keep(np.asarray(draw(drawing, 10, 88, 140)), (digit + wrong) % 10)
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
    assert record.former_share in SHARES
    distance = np.abs(weights(tmp_path / "out") - weights(CHECKPOINTS))
    assert 0 < distance.mean() < 0.01


def test_the_record_holds_the_temperature_of_the_weights_that_are_kept(
    never_worse: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temperatures = iter([0.5, 0.9, 0.8])  # after the training, and of the mean of both networks, which is made twice
    monkeypatch.setattr("model.train.temperature", lambda *_: next(temperatures))
    monkeypatch.setattr("model.tune.SHARES", (0.5,))
    tune(["ffnn"], corrected(tmp_path / "mine", 3), tmp_path / "out")
    assert TrainingRecord.load(tmp_path / "out" / "ffnn.json").temperature == 0.4


def test_a_network_that_reads_something_worse_is_not_kept_until_told_to(
    always_worse: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, out = corrected(tmp_path / "mine", 3), tmp_path / "out"
    with pytest.raises(InputError, match=r"ffnn would read something else worse.* former network is in .*--keep"):
        tune(["ffnn"], mine, out)
    assert (weights(out) == weights(CHECKPOINTS)).all()
    assert TrainingRecord.load(out / "ffnn.json") == TrainingRecord.load(CHECKPOINTS / "ffnn.json")

    monkeypatch.setattr("model.mixture.distort", None)  # it is trained already
    tune(["ffnn"], mine, out, keep=True)
    assert (weights(out) != weights(CHECKPOINTS)).any()
    assert TrainingRecord.load(out / "ffnn.json").corrections == 3


def test_a_network_goes_no_further_than_nothing_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = iter([*[True] * 4, *[False] * 4, *[False] * 3, True])
    monkeypatch.setattr(Comparison, "is_worse", property(lambda _: next(verdicts)))
    tune(["ffnn"], corrected(tmp_path / "mine", 3, wrong=True), tmp_path / "out")
    assert TrainingRecord.load(tmp_path / "out" / "ffnn.json").former_share == 0.5
    printed = capsys.readouterr().out
    learned = "of what it learned from the corrections"
    assert f"ffnn with 25% {learned} would read MNIST, pens, UJI pens, letters worse." in printed
    assert f"ffnn with 75% {learned} would read letters worse." in printed
    assert re.search(r"^ffnn reads right +before +after +of\n  MNIST +\d", printed, re.MULTILINE)
    assert f"ffnn.keras holds 50% {learned} in " in printed


def test_a_network_goes_no_further_than_it_needs_to_read_the_corrections(never_worse: None, tmp_path: Path) -> None:
    tune(["ffnn"], corrected(tmp_path / "mine", 3), tmp_path / "out")
    assert TrainingRecord.load(tmp_path / "out" / "ffnn.json").former_share == 0.75


def test_every_fifth_of_many_corrections_is_held_out_and_shown(
    never_worse: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained_on: list[int] = []

    def count(training: Digits, corrected: Digits, recipe: Recipe) -> Digits:
        trained_on.append(len(corrected.labels))
        return training

    monkeypatch.setattr("model.tune.with_corrections", count)
    tune(["ffnn"], corrected(tmp_path / "few", 29), tmp_path / "29")
    assert "From 30 on, every fifth is held out" in capsys.readouterr().out
    tune(["ffnn"], corrected(tmp_path / "many", 30), tmp_path / "30")
    assert "corrections held out" in capsys.readouterr().out
    assert trained_on == [29, 24]
    assert TrainingRecord.load(tmp_path / "30" / "ffnn.json").corrections == 30


def test_a_stopped_tuning_resumes_and_a_finished_one_is_skipped(
    never_worse: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, out = corrected(tmp_path / "mine", 1), tmp_path / "out"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("model.tune.save", stop)
        with pytest.raises(KeyboardInterrupt):
            tune(["ffnn"], mine, out)
    assert not (out / "ffnn.keras").exists()
    tune(["ffnn"], mine, out)
    assert "Resuming after epoch 2 of 2" in capsys.readouterr().out
    tune(["ffnn"], mine, out)
    assert "ffnn.keras is finished: the same settings made it." in capsys.readouterr().out
    corrected(mine[0], 1)
    with pytest.raises(InputError, match=r"1 correction, not by .* 2 corrections.*--replace"):
        tune(["ffnn"], mine, out)


def test_few_corrections_take_a_smaller_share_of_the_examples() -> None:
    others = Digits(np.zeros((800, 28, 28), np.uint8), np.zeros(800, np.uint8))
    recipe = dataclasses.replace(TUNE["ffnn"], correction_share=0.2)
    for count, copies in ((1, 10), (5, 50), (20, 200), (40, 200)):
        ones = Digits(np.ones((count, 28, 28), np.uint8), np.ones(count, np.uint8))
        assert with_corrections(others, ones, recipe).labels.sum() == copies


def test_a_set_is_worse_if_it_loses_more_than_a_standard_error() -> None:
    def comparison(lost: int, gained: int) -> Comparison:
        before = np.arange(100) < 50
        after = before.copy()
        after[:lost], after[50 : 50 + gained] = False, True
        return Comparison(before, after)

    assert [comparison(*counts).is_worse for counts in ((0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (0, 9))] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


def test_without_corrections_the_error_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no corrections.*--data.*--collect mine"):
        tune(["ffnn"], (), tmp_path)


def test_the_committed_networks_are_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds the networks to go on from.*--output"):
        tune(["ffnn"], corrected(tmp_path / "mine", 1), CHECKPOINTS)
