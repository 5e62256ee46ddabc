"""The score is right, and a checkpoint that is not what it should be is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from model import InputError
from model.evaluate import evaluate, load_checkpoint, percent, report, score
from model.mnist import Digits
from model.networks import NETWORKS


def test_scores_accuracy_with_its_standard_error_and_every_digit() -> None:
    labels = np.repeat(np.arange(10), 10).astype(np.uint8)
    read = labels.astype(int)
    read[10:14] = 7
    result = score(read, Digits(np.zeros((100, 28, 28), np.uint8), labels))
    assert result["accuracy"] == 0.96
    assert result["error"] == pytest.approx((0.96 * 0.04 / 100) ** 0.5, abs=1e-6)
    assert result["per_digit"][1] == 0.6
    assert result["confusion"][1][7] == 4
    assert np.trace(result["confusion"]) == 96
    assert percent(result) == "96.00 ± 1.96 %"
    assert "60.00%" in report("lenet5", result)


def test_stores_the_score_beside_the_checkpoint(
    mnist_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    NETWORKS["lenet5"]().save(tmp_path / "lenet5.keras")
    (tmp_path / "lenet5.json").write_text(json.dumps({"seed": 3}))
    result = evaluate("lenet5", mnist_folder, tmp_path)
    assert json.loads((tmp_path / "lenet5.json").read_text()) == {"seed": 3, "test": result}
    assert result["count"] == 10_000
    assert percent(result) in capsys.readouterr().out


def test_a_missing_checkpoint_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m model train lenet5"):
        load_checkpoint("lenet5", tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    NETWORKS["lenet5"]().save(tmp_path / "lenet5.keras")
    whole = (tmp_path / "lenet5.keras").read_bytes()
    (tmp_path / "lenet5.keras").write_bytes(whole[:5_000])
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint("lenet5", tmp_path)


def test_a_checkpoint_of_the_other_network_is_named(tmp_path: Path) -> None:
    NETWORKS["ffnn"]().save(tmp_path / "lenet5.keras")
    with pytest.raises(InputError, match=r"holds ffnn with 669,706 parameters, not lenet5 with 303,626"):
        load_checkpoint("lenet5", tmp_path)
