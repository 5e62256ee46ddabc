"""python -m model trains, evaluates, explores, and reports errors in one line."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from model.__main__ import main
from model.evaluate import report
from model.recipes import RECIPES
from model.record import TrainingRecord

pytestmark = [pytest.mark.tensorflow]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the command in this process, which has loaded TensorFlow already."""
    monkeypatch.setattr("sys.argv", ["python -m model", *map(str, arguments)])
    main()


def test_train_and_evaluate_print_and_save_their_results(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = ["--data", data_folder, "--output", tmp_path]
    monkeypatch.setitem(RECIPES["ffnn"], "notebook", replace(RECIPES["ffnn"]["notebook"], validation=1_000))
    run(monkeypatch, "train", "ffnn", "--recipe", "notebook", "--epochs", 1, "--seed", 3, *folders)
    printed = capsys.readouterr().out
    assert printed.startswith("ffnn by recipe notebook: at most 1 epoch\n")
    assert re.search(r"ffnn trains on [\d,]+ images, on (CPU|GPU)", printed)
    assert "Accuracy before training" in printed
    trained = TrainingRecord.load(tmp_path / "ffnn.json")
    assert (trained.seed, trained.epochs, trained.test) == (3, 1, None)

    monkeypatch.setattr("model.evaluate.NON_DIGITS", 200)
    run(monkeypatch, "evaluate", "ffnn", "--checkpoints", tmp_path, *folders)
    printed = capsys.readouterr().out
    evaluated = TrainingRecord.load(tmp_path / "ffnn.json")
    assert replace(evaluated, test=None, pens=None, refusal=None) == trained
    assert evaluated.test
    assert evaluated.test.count == 250
    assert evaluated.pens
    held_out, others, uji = evaluated.pens
    assert (held_out.count, others.count, uji.count) == (30, 100, 160)
    assert evaluated.letters is None, "the file of these digits holds no letters"
    assert held_out.brushes
    assert list(held_out.brushes) == ["10", "15", "20", "25", "30"]
    assert np.mean(list(held_out.brushes.values())) == pytest.approx(held_out.accuracy)
    assert np.sum(held_out.confusion) == 5 * 30
    assert evaluated.refusal
    assert evaluated.refusal.count == 200
    for score in (evaluated.test, *evaluated.pens):
        assert report("ffnn", score) in printed
    assert imread(tmp_path / "ffnn-mistakes.png").std() > 0


@pytest.mark.parametrize("arguments", [("train", "alexnet"), ("train", "lenet5", "--recipe", "secret")])
def test_the_error_for_an_unknown_name_lists_the_known_ones(arguments: tuple[str, ...]) -> None:
    failed = subprocess.run([sys.executable, "-m", "model", *arguments], capture_output=True, text=True)
    assert failed.returncode == 2
    assert "choose from" in failed.stderr


def test_an_error_prints_one_line_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"^python -m model: --data .*nowhere: there is no such folder\.$"):
        run(monkeypatch, "train", "lenet5", "--data", tmp_path / "nowhere", "--output", tmp_path)


@pytest.mark.parametrize(
    ("command", "function", "line"),
    [
        ("model train lenet5", "model.train.train_all", "Stopped. The same command resumes after the last"),
        ("model evaluate lenet5", "model.evaluate.evaluate", "Stopped.\n"),
        ("export lenet5", "export.pipeline.export", "Stopped. Only files that are verified were replaced."),
    ],
)
def test_ctrl_c_prints_one_line_and_exits_with_130(
    command: str, function: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(function, interrupt)
    monkeypatch.setattr("sys.argv", command.split())
    with pytest.raises(SystemExit) as ended:
        import_module(f"{command.split()[0]}.__main__").main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith(f"\n{line}")


@pytest.mark.parametrize("command", ["model train lenet5", "export"])
def test_another_keras_backend_prints_one_line_that_names_the_right_one(command: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    words = [sys.executable, "-m", *command.split()]
    failed = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 1
    assert "KERAS_BACKEND is jax. Unset it, or set KERAS_BACKEND=tensorflow." in failed.stderr


def test_a_terminal_without_plus_minus_gets_a_question_mark(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", printed)
    monkeypatch.setattr("model.explore.explore", lambda *_: print("99.48 ± 0.07 %"))
    run(monkeypatch, "explore", "--data", data_folder)
    printed.seek(0)
    assert printed.read() == "99.48 ? 0.07 %\n"


def test_explore_saves_figures_of_the_data(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rare = replace(RECIPES["lenet5"]["best"], uji_copies=1, rare=("0 box",), rare_each=1)
    monkeypatch.setitem(RECIPES["lenet5"], "best", rare)
    run(monkeypatch, "explore", "--seed", 1, "--data", data_folder, "--output", tmp_path)
    assert "first ten training digits:" in capsys.readouterr().out
    for figure in ("first-digits.png", "pixel-values.png", "drawings.png"):
        assert imread(tmp_path / figure).std() > 0
