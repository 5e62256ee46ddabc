"""A training leaves a checkpoint and its story; a killed one goes on; nothing that was there before is lost."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from matplotlib.image import imread

from model import CHECKPOINTS, InputError, mnist
from model.evaluate import load_checkpoint
from model.files import replacing
from model.recipes import RECIPES, Recipe
from model.train import train

QUICK = Recipe("quick", "RMSprop", 0.001, epochs=3, batch_size=100, validation=1_000, distort=1.0)

pytestmark = pytest.mark.usefixtures("few_digits")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> str:
    for recipes in RECIPES.values():
        monkeypatch.setitem(recipes, "quick", QUICK)
    return "quick"


def story_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "ffnn.json").read_text())


def stop_before_the_end(recipe: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train for one epoch and leave what an unfinished training leaves."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model.plots.learning_curves", stop)
    with pytest.raises(KeyboardInterrupt):
        train("ffnn", recipe, epochs=1, output=folder)


def test_leaves_a_checkpoint_its_story_and_its_curves(quick: str, tmp_path: Path) -> None:
    train("ffnn", quick, seed=5, output=tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffnn.json", "ffnn.keras", "ffnn.png"]
    story = story_of(tmp_path)
    assert story["recipe"] == dataclasses.asdict(QUICK)
    assert story["seed"] == 5
    assert story["epochs"] == len(story["history"]["val_loss"]) == 3
    assert story["best_epoch"] == 1 + int(np.argmin(story["history"]["val_loss"]))
    assert 0 < story["accuracy"]["untrained"] < 0.3 < story["accuracy"]["validation"] <= 1
    assert set(story["versions"]) == {"python", "keras", "tensorflow", "numpy"}
    assert story["seconds"] > 0
    assert load_checkpoint("ffnn", tmp_path).count_params() == 669_706
    assert imread(tmp_path / "ffnn.png").std() > 0


def test_keeps_the_epoch_with_the_lowest_validation_loss_and_stops_after_patience(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    diverging = dataclasses.replace(QUICK, optimizer="SGD", learning_rate=1e4, epochs=50, patience=2)
    monkeypatch.setitem(RECIPES["ffnn"], "quick", diverging)
    train("ffnn", "quick", output=tmp_path)
    story = story_of(tmp_path)
    assert story["epochs"] == story["best_epoch"] + 2 < 50
    assert story["accuracy"]["validation"] == story["history"]["val_accuracy"][story["best_epoch"] - 1]


def test_killed_in_mid_training_the_same_call_goes_on_as_if_nothing_had_happened(quick: str, tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
import numpy as np
from model import mnist
from model.recipes import RECIPES, Recipe
from model.train import train
digits = mnist.Digits(*np.load({str(tmp_path / "digits.npz")!r}).values())
mnist.load = lambda folder: (digits, digits)
RECIPES["ffnn"]["quick"] = {QUICK!r}
train("ffnn", "quick", epochs=8, output=Path({str(tmp_path)!r}))
"""
    np.savez(tmp_path / "digits.npz", *mnist.load()[0])
    unfinished = tmp_path / "ffnn.training"

    def epochs() -> list[dict[str, float]]:
        progress = unfinished / "progress.json"
        return json.loads(progress.read_text())["epochs"] if progress.exists() else []

    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as process:
        while len(epochs()) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    assert [keras.saving.load_model(best).count_params() for best in unfinished.glob("best-*.keras")]
    assert not (tmp_path / "ffnn.keras").exists()

    resumed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "Going on after epoch" in resumed.stdout
    assert "Epoch 1/8" not in resumed.stdout
    assert not unfinished.exists()

    train("ffnn", quick, epochs=8, output=tmp_path / "never killed")
    for curve in ("loss", "val_loss"):
        expected = story_of(tmp_path / "never killed")["history"][curve]
        np.testing.assert_allclose(story_of(tmp_path)["history"][curve], expected, rtol=1e-2)


def test_killed_between_two_files_the_checkpoint_is_still_the_epoch_its_story_names(
    quick: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    savez, calls = np.savez, []

    def killed_in_the_second_epoch(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        savez(*arguments)

    monkeypatch.setattr("model.train.np.savez", killed_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        train("ffnn", quick, output=tmp_path)
    assert len(list((tmp_path / "ffnn.training").glob("best-*.keras"))) == 2
    train("ffnn", quick, output=tmp_path)

    network = load_checkpoint("ffnn", tmp_path)
    _, validation = mnist.split(mnist.load()[0], QUICK.validation)
    read = network.predict(mnist.network_input(validation.images, network), verbose=0).argmax(axis=1)
    assert (read == validation.labels).mean() == pytest.approx(story_of(tmp_path)["accuracy"]["validation"], abs=1e-5)


def test_a_damaged_unfinished_training_is_named(quick: str, tmp_path: Path) -> None:
    (tmp_path / "ffnn.training").mkdir()
    (tmp_path / "ffnn.training" / "last.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"ffnn\.training is damaged .*delete it"):
        train("ffnn", quick, output=tmp_path)


def test_a_best_epoch_that_got_lost_is_noticed_before_training_goes_on(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_before_the_end(quick, tmp_path, monkeypatch)
    (tmp_path / "ffnn.training" / "best-1.keras").unlink()
    with pytest.raises(InputError, match=r"ffnn\.training is damaged .*best-1\.keras"):
        train("ffnn", quick, epochs=1, output=tmp_path)


@pytest.mark.parametrize("name", RECIPES)
def test_the_committed_checkpoints_were_made_by_the_recipes_as_they_stand(name: str) -> None:
    story = json.loads((CHECKPOINTS / f"{name}.json").read_text())
    assert story["recipe"] == dataclasses.asdict(RECIPES[name]["best"])
    assert story["epochs"] == RECIPES[name]["best"].epochs


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_best_recipe_can_be_as_short_as_one_epoch(
    epochs: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shorter = dataclasses.replace(
        RECIPES["ffnn"]["best"], validation=1_000, drawn=1, styles=100, non_digits=100, xla=False
    )
    monkeypatch.setitem(RECIPES["ffnn"], "best", shorter)
    train("ffnn", "best", epochs=epochs, output=tmp_path)
    story = story_of(tmp_path)
    assert story["epochs"] == epochs
    assert {title: row["count"] for title, row in story["validation"].items()} == {"MNIST": 1_000, "pens": 60}
    assert 0.2 < story["temperature"] < 1  # label smoothing made it less sure than it should be
    assert (f"The {epochs} epochs to go take about" in capsys.readouterr().out) == (epochs > 1)


def test_a_checkpoint_of_other_settings_is_not_overwritten(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train("ffnn", quick, epochs=1, output=tmp_path)
    before = (tmp_path / "ffnn.keras").read_bytes()
    with pytest.raises(InputError, match=r"made by recipe quick, at most 1 epochs, seed 0, not by recipe notebook"):
        train("ffnn", "notebook", output=tmp_path)
    redefined = dataclasses.replace(QUICK, learning_rate=0.002)
    monkeypatch.setitem(RECIPES["ffnn"], "quick", redefined)
    with pytest.raises(InputError, match=r"learning_rate 0\.001, not by .*learning_rate 0\.002\. Keep it"):
        train("ffnn", "quick", epochs=1, output=tmp_path)
    assert (tmp_path / "ffnn.keras").read_bytes() == before


def test_an_unfinished_training_of_other_settings_is_not_continued(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_before_the_end(quick, tmp_path, monkeypatch)
    with pytest.raises(
        InputError, match=r"unfinished training by recipe quick, at most 1 epochs, seed 0, not by .* seed 1"
    ):
        train("ffnn", quick, epochs=1, seed=1, output=tmp_path)


def test_a_recipe_that_the_network_does_not_have_is_named_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ffnn has no recipe fast; it has notebook, best"):
        train("ffnn", "fast", output=tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error_before_training(quick: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        train("ffnn", quick, output=tmp_path / "file" / "folder")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "ffnn.keras"
    path.write_text("old")

    def fill_the_disk() -> None:
        with replacing(path) as beside:
            beside.write_text("ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"Cannot write .*No space left.*unchanged"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
