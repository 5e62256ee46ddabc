"""Whenever `train all` is killed, the same command goes on where it was, and trains no complete epoch again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model.networks import NETWORKS, load_trained
from model.record import TrainingRecord
from tests.model import killing

pytestmark = [pytest.mark.tensorflow]


@pytest.fixture(scope="module")
def runs(data_files: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The lines that all runs print, and the output folder of those that are killed, beside that of the last."""
    output = tmp_path_factory.mktemp("killed") / "my-model"
    command = [sys.executable, "-m", "tests.model.killing", *map(str, (data_files, output, output.parent / "unkilled"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), output


def test_every_run_but_the_last_is_killed(runs: tuple[list[str], Path]) -> None:
    ends = [line for line in runs[0] if line.startswith(("killed", "failed", "ended"))]
    assert ends == [*(f"killed: {moment}" for moment in killing.MOMENTS), "ended", "ended"]


def test_no_complete_epoch_is_trained_again(runs: tuple[list[str], Path]) -> None:
    trained = [line for line in runs[0] if line.startswith("trained")]
    assert trained == ["trained lenet5 1", "trained lenet5 2", "trained ffnn 1", "trained ffnn 2"] * 2


@pytest.mark.parametrize("name", NETWORKS)
def test_the_losses_are_those_of_a_training_that_was_never_killed(runs: tuple[list[str], Path], name: str) -> None:
    output = runs[1]
    found, expected = (
        TrainingRecord.load(folder / f"{name}.json").history for folder in (output, output.parent / "unkilled")
    )
    for curve in ("loss", "val_loss"):
        np.testing.assert_allclose(found[curve], expected[curve], rtol=1e-2)


def test_a_finished_network_is_skipped_with_a_line(runs: tuple[list[str], Path]) -> None:
    lines, output = runs
    started = lines.index("killed: while progress is removed")
    assert lines[started + 1] == f"{output / 'lenet5.keras'} is finished: the same settings made it."


def test_the_output_is_complete_and_nothing_else_is_left(runs: tuple[list[str], Path]) -> None:
    output = runs[1]
    names = [f"{name}.{kind}" for name in ("ffnn", "lenet5") for kind in ("json", "keras", "png")]
    assert sorted(path.name for path in output.iterdir()) == names
    for name in ("lenet5", "ffnn"):
        assert TrainingRecord.load(output / f"{name}.json").epochs == 2
        load_trained(name, output)
