"""A training saves a checkpoint and its record, resumes if it was killed, and destroys no older files."""

import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread

import model.train
from model import InputError, mnist
from model.files import replacing
from model.folders import Folders
from model.mnist import Digits
from model.networks import load_trained, network_input, predict
from model.recipes import RECIPES, Recipe
from model.record import Settings, TrainingRecord
from model.train import train, train_all
from tests.stand_ins import record

QUICK = Recipe("quick", "RMSprop", 0.001, epochs=3, batch_size=100, validation=1_000, mnist=400, distort=1.0)

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.usefixtures("eagerly", "few_data"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]


@pytest.fixture
def compiled(eagerly: None) -> Iterator[None]:
    """Compile what TensorFlow runs, as it does for users."""
    tf.config.run_functions_eagerly(False)
    yield
    tf.config.run_functions_eagerly(True)


@pytest.fixture(autouse=True)
def no_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the learning curves in one test only: they take as long as training here."""
    if "curves" not in request.node.name:
        monkeypatch.setattr("model.plots.learning_curves", lambda record, path: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> str:
    for recipes in RECIPES.values():
        monkeypatch.setitem(recipes, "quick", QUICK)
    return "quick"


def record_of(folder: Path) -> TrainingRecord:
    return TrainingRecord.load(folder / "ffnn.json")


@pytest.fixture(scope="module")
def unfinished(eagerly: None, few_data: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training by recipe quick that was stopped after its only epoch."""
    folder = tmp_path_factory.mktemp("unfinished")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES["ffnn"], "quick", QUICK)
        patch.setattr("model.plots.learning_curves", stop)
        with pytest.raises(KeyboardInterrupt):
            train("ffnn", "quick", epochs=1, output=folder)
    return folder


def test_a_training_saves_a_checkpoint_its_record_and_its_curves(quick: str, tmp_path: Path) -> None:
    train("ffnn", quick, seed=5, output=tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffnn.json", "ffnn.keras", "ffnn.png"]
    record = record_of(tmp_path)
    assert record.recipe == QUICK
    assert record.seed == 5
    assert record.epochs == len(record.history["val_loss"]) == 3
    assert record.best_epoch == 1 + int(np.argmin(record.history["val_loss"]))
    assert 0 < record.accuracy.untrained < 0.3 < record.accuracy.validation <= 1
    assert set(record.versions) == {"python", "keras", "tensorflow", "numpy"}
    assert record.seconds > 0
    assert load_trained("ffnn", tmp_path).count_params() == 669_706
    assert imread(tmp_path / "ffnn.png").std() > 0


def test_a_training_keeps_the_epoch_with_the_lowest_validation_loss_and_stops_after_patience(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    diverging = dataclasses.replace(QUICK, optimizer="SGD", learning_rate=1e4, epochs=50, patience=2)
    monkeypatch.setitem(RECIPES["ffnn"], "quick", diverging)
    train("ffnn", "quick", output=tmp_path)
    record = record_of(tmp_path)
    assert record.epochs == record.best_epoch + 2 < 50
    assert record.accuracy.validation == record.history["val_accuracy"][record.best_epoch - 1]


def test_a_training_goes_on_from_its_foundation_which_is_trained_once(
    quick: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = dataclasses.replace(QUICK, name="still", learning_rate=0.0, epochs=1, foundation=QUICK)
    monkeypatch.setitem(RECIPES["ffnn"], "still", still)
    train("ffnn", quick, output=tmp_path / "alone")

    def stop(network: str, settings: Settings, *rest: Any) -> None:
        if settings.recipe == still:
            raise KeyboardInterrupt
        train_network(network, settings, *rest)

    train_network = model.train._train
    with monkeypatch.context() as patch:
        patch.setattr("model.train._train", stop)
        with pytest.raises(KeyboardInterrupt):
            train("ffnn", "still", output=tmp_path / "both")
    foundation = tmp_path / "both" / "ffnn.foundation" / "ffnn.keras"
    trained = foundation.stat().st_mtime_ns

    def look(record: TrainingRecord, path: Path) -> None:
        assert foundation.stat().st_mtime_ns == trained

    monkeypatch.setattr("model.plots.learning_curves", look)
    assert capsys.readouterr().out.count("ffnn by recipe still: 3 epochs of its foundation, then at most 1 epoch") == 1
    train("ffnn", "still", output=tmp_path / "both")
    assert capsys.readouterr().out.startswith("ffnn by recipe still: at most 1 epoch\n")
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == ["ffnn.json", "ffnn.keras"]
    assert record_of(tmp_path / "both").recipe == still
    assert record_of(tmp_path / "both").accuracy.untrained > 0.3
    images = mnist.load()[0].images[:50]
    np.testing.assert_allclose(
        predict(load_trained("ffnn", tmp_path / "both"), images),
        predict(load_trained("ffnn", tmp_path / "alone"), images),
        atol=1e-6,
    )


def test_missing_data_are_reported_before_the_foundation_trains(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = dataclasses.replace(QUICK, name="later", pen_copies=1, uji_copies=1, foundation=QUICK)
    monkeypatch.setitem(RECIPES["ffnn"], "later", later)

    def fail(_: Folders) -> None:
        raise InputError("no UJI Pen Characters")

    monkeypatch.setattr("model.ujipen.load", fail)
    with pytest.raises(InputError, match="no UJI Pen Characters"):
        train("ffnn", "later", output=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_foundation_of_another_training_is_neither_continued_nor_deleted(
    quick: str, unfinished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = dataclasses.replace(QUICK, name="still", learning_rate=0.0, epochs=1, foundation=QUICK)
    monkeypatch.setitem(RECIPES["ffnn"], "still", still)
    shutil.copytree(unfinished, tmp_path / "ffnn.foundation")
    for recipe in ("still", quick):
        with pytest.raises(InputError, match=r"ffnn\.foundation holds .* seed 0, not by .* seed 1\..*--replace"):
            train_all(["ffnn"], recipe, epochs=1, seed=1, output=tmp_path)
    train_all(["ffnn"], "still", epochs=1, seed=1, output=tmp_path, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ffnn.foundation-1", "ffnn.json", "ffnn.keras"]
    assert (tmp_path / "ffnn.foundation-1" / "ffnn.training").exists()


def test_averaged_weights_are_validated_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES["ffnn"], "quick", dataclasses.replace(QUICK, averaging=0.999))
    train("ffnn", "quick", output=tmp_path)
    averaged = record_of(tmp_path)
    network = load_trained("ffnn", tmp_path)
    _, validation = mnist.split(mnist.load()[0], QUICK.validation)
    read = network.predict(network_input(validation.images, network), verbose=0).argmax(axis=1)
    assert (read == validation.labels).mean() == pytest.approx(averaged.accuracy.validation, abs=1e-5)
    monkeypatch.setitem(RECIPES["ffnn"], "quick", QUICK)
    train("ffnn", "quick", output=tmp_path / "last")
    assert averaged.history["val_loss"][-1] > record_of(tmp_path / "last").history["val_loss"][-1]  # it lags behind


def test_a_kill_between_two_files_leaves_the_checkpoint_and_its_record_at_the_same_epoch(
    compiled: None, quick: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
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

    network = load_trained("ffnn", tmp_path)
    _, validation = mnist.split(mnist.load()[0], QUICK.validation)
    read = network.predict(network_input(validation.images, network), verbose=0).argmax(axis=1)
    assert (read == validation.labels).mean() == pytest.approx(record_of(tmp_path).accuracy.validation, abs=1e-5)


def test_the_error_for_a_damaged_unfinished_training_names_it(quick: str, tmp_path: Path) -> None:
    (tmp_path / "ffnn.training").mkdir()
    (tmp_path / "ffnn.training" / "last.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"ffnn\.training is damaged .*delete it"):
        train("ffnn", quick, output=tmp_path)


def test_a_missing_best_epoch_is_reported_before_the_training_resumes(
    quick: str, unfinished: Path, tmp_path: Path
) -> None:
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    (tmp_path / "ffnn.training" / "best-1.keras").unlink()
    with pytest.raises(InputError, match=r"ffnn\.training is damaged .*best-1\.keras"):
        train("ffnn", quick, epochs=1, output=tmp_path)


@pytest.mark.parametrize("epochs", [1, 3])
def test_the_best_recipe_can_run_for_only_a_few_epochs(
    epochs: int,
    compiled: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    best = RECIPES["ffnn"]["best"]
    few: dict[str, Any] = {
        "validation": 1_000,
        "mnist": 1_000,
        "pen_copies": 1,
        "uji_copies": 1,
        "styles": 100,
        "non_digits": 100,
        "letters": 20,
        "touching": 5,
        "rare_each": 1,
        "averaging": 0.9,
        "xla": False,
    }
    assert best.foundation
    shorter = dataclasses.replace(best, foundation=dataclasses.replace(best.foundation, **few), **few)
    monkeypatch.setitem(RECIPES["ffnn"], "best", shorter)
    train("ffnn", "best", epochs=epochs, output=tmp_path)
    record = record_of(tmp_path)
    assert record.epochs == epochs
    assert {title: accuracy.count for title, accuracy in record.validation.items()} == {
        "MNIST": 1_000,
        "pens": 30,
        "UJI pens": 160,
    }
    assert 0.2 < record.temperature < 1  # label smoothing makes the network less confident than it is accurate
    printed = capsys.readouterr().out
    words = {1: "1 epoch", 3: "3 epochs"}[epochs]
    assert printed.startswith(f"ffnn by recipe best: {words} of its foundation, then {words}\n")
    assert (f"\nffnn: {words}, about" in printed) == (epochs > 1)


def test_a_checkpoint_of_other_settings_is_not_overwritten(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dataclasses.replace(record("ffnn"), recipe=dataclasses.replace(QUICK, epochs=1))
    made.save(tmp_path / "ffnn.json")
    (tmp_path / "ffnn.keras").write_bytes(b"a checkpoint")
    with pytest.raises(InputError, match=r"made by recipe quick, at most 1 epoch, seed 0, not by recipe notebook"):
        train("ffnn", "notebook", output=tmp_path)
    redefined = dataclasses.replace(QUICK, learning_rate=0.002)
    monkeypatch.setitem(RECIPES["ffnn"], "quick", redefined)
    with pytest.raises(
        InputError, match=r"learning_rate 0\.001, not by .*learning_rate 0\.002\. To keep it, .*--replace"
    ):
        train("ffnn", "quick", epochs=1, output=tmp_path)
    assert (tmp_path / "ffnn.keras").read_bytes() == b"a checkpoint"


def test_an_unfinished_training_of_other_settings_is_not_continued(
    quick: str, unfinished: Path, tmp_path: Path
) -> None:
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    with pytest.raises(
        InputError,
        match=r"unfinished .* at most 1 epoch, seed 0, not by .* seed 1\..*--output.*--replace",
    ):
        train("ffnn", quick, epochs=1, seed=1, output=tmp_path)


def test_a_checkpoint_without_a_record_is_not_overwritten(quick: str, tmp_path: Path) -> None:
    (tmp_path / "ffnn.keras").write_bytes(b"a checkpoint")
    with pytest.raises(InputError, match=r"ffnn\.keras has no record ffnn\.json .*--output.*--replace"):
        train("ffnn", quick, output=tmp_path)


def test_the_settings_of_both_networks_are_checked_before_the_first_one_trains(quick: str, tmp_path: Path) -> None:
    (tmp_path / "ffnn.keras").write_bytes(b"a checkpoint")
    with pytest.raises(InputError, match=r"ffnn\.keras has no record"):
        train_all(["lenet5", "ffnn"], quick, output=tmp_path)
    assert not (tmp_path / "lenet5.training").exists()


def test_the_same_command_skips_what_is_finished(
    quick: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataclasses.replace(record("ffnn"), recipe=QUICK).save(tmp_path / "ffnn.json")
    (tmp_path / "ffnn.keras").write_bytes(b"a checkpoint")
    for replace in (False, True):
        train_all(["ffnn"], quick, output=tmp_path, replace=replace)
        assert capsys.readouterr().out == f"{tmp_path / 'ffnn.keras'} is finished: the same settings made it.\n"
    assert (tmp_path / "ffnn.keras").read_bytes() == b"a checkpoint"


def test_replace_keeps_the_old_checkpoint_until_the_new_one_is_finished(
    quick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataclasses.replace(record("ffnn"), recipe=QUICK, seed=7).save(tmp_path / "ffnn.json")
    (tmp_path / "ffnn.keras").write_bytes(b"a checkpoint")

    def stop(*_: object) -> None:
        assert (tmp_path / "ffnn.keras").read_bytes() == b"a checkpoint"
        assert record_of(tmp_path).seed == 7
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("model.plots.learning_curves", stop)
        with pytest.raises(KeyboardInterrupt):
            train_all(["ffnn"], quick, epochs=1, output=tmp_path, replace=True)
    with pytest.raises(InputError, match="was made by .* seed 7, not by .* seed 0"):
        train_all(["ffnn"], quick, epochs=1, output=tmp_path)
    train_all(["ffnn"], quick, epochs=1, output=tmp_path, replace=True)
    assert "all epochs are trained, its files are still to be written" in capsys.readouterr().out
    assert record_of(tmp_path).seed == 0
    assert load_trained("ffnn", tmp_path).count_params() == 669_706


def test_replace_sets_an_unfinished_training_of_other_settings_aside(
    quick: str, unfinished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(unfinished, tmp_path, dirs_exist_ok=True)
    train_all(["ffnn"], quick, epochs=1, seed=1, output=tmp_path, replace=True)
    aside = tmp_path / "ffnn.training-1"
    printed = capsys.readouterr().out
    assert f"at most 1 epoch, seed 0 is set aside in {aside}. To finish it later, rename it" in printed
    assert record_of(tmp_path).seed == 1
    aside.rename(tmp_path / "ffnn.training")
    train_all(["ffnn"], quick, epochs=1, output=tmp_path, replace=True)
    assert "all epochs are trained" in capsys.readouterr().out
    assert record_of(tmp_path).seed == 0


def test_networks_and_their_foundations_share_the_examples_and_need_no_data_once_they_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for recipes in RECIPES.values():
        monkeypatch.setitem(recipes, "quick", dataclasses.replace(QUICK, mnist_copies=2, foundation=QUICK))
    loads: list[Folders] = []
    load = mnist.load

    def vanishing(folders: Folders) -> tuple[Digits, Digits]:
        assert len(loads) < 3, "the folder has vanished"  # after a check for each network, and once to draw
        loads.append(folders)
        return load(folders)

    monkeypatch.setattr(mnist, "load", vanishing)
    train_all(["lenet5", "ffnn"], "quick", epochs=1, output=tmp_path)
    assert {path.name for path in tmp_path.glob("*.keras")} == {"lenet5.keras", "ffnn.keras"}


def test_the_output_of_a_training_is_readable_in_a_file(
    quick: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train("ffnn", quick, epochs=1, output=tmp_path)
    printed = capsys.readouterr().out
    assert not set("\r\b\x1b") & set(printed)
    assert len(printed.splitlines()) < 10


def test_the_time_of_a_training_is_estimated_before_the_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model.train.load_and_draw", stop)
    with pytest.raises(KeyboardInterrupt):
        train_all(["lenet5", "ffnn"], "best", output=tmp_path)
    assert re.fullmatch(
        r"lenet5 by recipe best: 80 epochs of its foundation, then 6 epochs, about \d\d minutes on .+\n"
        r"ffnn by recipe best: 140 epochs of its foundation, then 6 epochs, about \d\d minutes on .+\n",
        capsys.readouterr().out,
    )


def test_the_error_for_an_unknown_recipe_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"ffnn has no recipe fast; it has notebook and best\. python -m model train lenet5 --recipe fast",
    ):
        train("ffnn", "fast", output=tmp_path)


def test_an_unwritable_folder_is_reported_before_the_training(quick: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write"):
        train("ffnn", quick, output=tmp_path / "file" / "folder")


def test_a_full_disk_leaves_the_old_file_unchanged(tmp_path: Path) -> None:
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
