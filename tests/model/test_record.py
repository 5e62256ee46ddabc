"""Records of trainings are saved, loaded and described in words."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model import CHECKPOINTS, InputError
from model.recipes import RECIPES
from model.record import Letters, Settings, TrainingRecord
from tests.stand_ins import record


@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_record_is_loaded_unchanged(name: str, tmp_path: Path) -> None:
    for written in (
        record(name),
        replace(record(name), letters=Letters(0.2, 4_200)),
        replace(record(name), recipe=replace(record(name).recipe, uji_copies=2, rare=("0 box",), rare_each=3)),
        replace(record(name), test=None, pens=None, refusal=None, corrections=3, corrections_sha256="1f"),
    ):
        written.save(tmp_path / f"{name}.json")
        assert TrainingRecord.load(tmp_path / f"{name}.json") == written


@pytest.mark.parametrize("name", RECIPES)
def test_the_committed_checkpoints_were_trained_by_the_current_recipes(name: str) -> None:
    committed = TrainingRecord.load(CHECKPOINTS / f"{name}.json")
    assert committed.recipe == RECIPES[name]["best"]
    assert committed.epochs == RECIPES[name]["best"].epochs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "is damaged, or another version of this project wrote it"),
        (
            json.dumps({"recipe": {"name": "old", "colour": "red"}}),
            "is damaged, or another version .*run python -m model train lenet5",
        ),
    ],
)
def test_the_error_for_an_unreadable_record_names_its_file(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "lenet5.json").write_text(content)
    with pytest.raises(InputError, match=rf"lenet5\.json {message}"):
        TrainingRecord.load(tmp_path / "lenet5.json")


def test_the_error_for_a_missing_record_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lenet5\.json is missing: python -m model train lenet5"):
        TrainingRecord.load(tmp_path / "lenet5.json")


def test_the_error_for_a_record_that_cannot_be_read_gives_the_reason(tmp_path: Path) -> None:
    (tmp_path / "lenet5.json").mkdir()
    with pytest.raises(InputError, match=r"lenet5\.json cannot be read: Is a directory\."):
        TrainingRecord.load(tmp_path / "lenet5.json")


def test_settings_are_described_by_their_differences() -> None:
    best = RECIPES["ffnn"]["best"]
    these, others = Settings(best, 0, 3), Settings(replace(best, learning_rate=0.5, patience=7), 1)
    assert these.described(others) == (
        "recipe best, at most 6 epochs, seed 0, 3 corrections, learning_rate 0.0005, patience None"
    )
    assert others.described(these) == (
        "recipe best, at most 6 epochs, seed 1, 0 corrections, learning_rate 0.5, patience 7"
    )
    assert these.described(Settings(RECIPES["ffnn"]["notebook"], 0)) == (
        "recipe best, at most 6 epochs, seed 0, 3 corrections"
    )
