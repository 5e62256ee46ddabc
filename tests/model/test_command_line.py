"""python -m model, as a user types it."""

import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from model.plots import explore


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "model", *map(str, arguments)], capture_output=True, text=True)


def test_trains_and_evaluates(data_folder: Path, tmp_path: Path) -> None:
    trained = run("train", "ffnn", "--recipe", "notebook", "--epochs", 1, "--data", data_folder, "--output", tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "CPU" in trained.stdout or "GPU" in trained.stdout
    assert "Accuracy before training" in trained.stdout
    assert "1500/1500" in trained.stdout
    folders = ["--data", data_folder, "--checkpoints", tmp_path, "--output", tmp_path]
    evaluated = run("evaluate", "ffnn", *folders)
    assert evaluated.returncode == 0, evaluated.stderr
    assert "±" in evaluated.stdout


@pytest.mark.parametrize("arguments", [("train", "alexnet"), ("train", "lenet5", "--recipe", "secret")])
def test_an_unknown_name_lists_the_known_ones(arguments: tuple[str, ...]) -> None:
    failed = run(*arguments)
    assert failed.returncode == 2
    assert "choose from" in failed.stderr


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    failed = run("train", "lenet5", "--data", tmp_path, "--output", tmp_path)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "mnist.npz" in failed.stderr.splitlines()[-1]


def test_explore_draws_the_data(data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explore(data_folder, tmp_path, seed=1)
    assert "first ten training digits:" in capsys.readouterr().out
    for figure in ("first-digits.png", "pixel-values.png", "drawings.png"):
        assert imread(tmp_path / figure).std() > 0
