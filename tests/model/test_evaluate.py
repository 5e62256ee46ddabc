"""The score is right, and a checkpoint that is not what it should be is named."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from model import InputError, plots
from model import evaluate as evaluation
from model.evaluate import calibration_error, evaluate, load_checkpoint, percent, report, score, temperature
from model.networks import NETWORKS
from tests.conftest import few_pens


def test_scores_accuracy_with_its_standard_error_and_every_digit() -> None:
    labels = np.repeat(np.arange(10), 10).astype(np.uint8)
    read = labels.astype(int)
    read[10:14] = 7
    result = score(read, labels)
    assert result["accuracy"] == 0.96
    assert result["error"] == pytest.approx((0.96 * 0.04 / 100) ** 0.5, abs=1e-6)
    assert result["per_digit"][1] == 0.6
    assert result["confusion"][1][7] == 4
    assert np.trace(result["confusion"]) == 96
    assert percent(result) == "96.00 ± 1.96 %"
    assert "60.00%" in report("lenet5", {"set": "MNIST test", **result})


@pytest.mark.usefixtures("few_digits")
def test_stores_beside_the_checkpoint_how_it_reads_mnist_and_other_writers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    NETWORKS["lenet5"]().save(tmp_path / "lenet5.keras")
    (tmp_path / "lenet5.json").write_text(json.dumps({"seed": 3}))
    results = evaluate("lenet5", None, tmp_path, tmp_path / "figures")
    assert json.loads((tmp_path / "lenet5.json").read_text()) == {"seed": 3, **results}

    assert results["test"]["count"] == 1_000
    held_out, others = results["pens"]
    assert (held_out["count"], others["count"]) == (60, 600)
    assert list(held_out["brushes"]) == ["10", "15", "20", "25", "30"]
    assert np.mean(list(held_out["brushes"].values())) == pytest.approx(held_out["accuracy"])
    assert np.sum(held_out["confusion"]) == 5 * 60
    assert results["refusal"]["count"] == 2_000
    printed = capsys.readouterr().out
    for result in (results["test"], held_out, others):
        assert percent(result) in printed
    assert imread(tmp_path / "figures" / "lenet5-mistakes.png").std() > 0


@pytest.mark.parametrize(("confidence", "refused"), [(0.5, 0.0), (0.15, 1.0)])
def test_refuses_non_digits_less_certain_than_the_least_certain_digits(
    confidence: float, refused: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = np.zeros((100, 10))
    answers[:, 3] = np.linspace(0.2, 0.9, 100)
    flat = np.append(confidence, np.full(9, (1 - confidence) / 9))
    monkeypatch.setattr(evaluation, "answer", lambda network, images: np.tile(flat, (len(images), 1)))
    result = evaluation._refusal(None, answers, few_pens())
    assert 0.2 < result["confidence"] < 0.21
    assert result["non_digits"] == refused


def test_the_worst_mistakes_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: drawn.append(figure))
    answers = np.full((40, 10), 0.05)
    answers[:, 7], answers[:, 1] = 0.6, np.linspace(0, 0.39, 40)
    answers[5] = np.eye(10)[1]  # right
    images = np.broadcast_to(np.arange(40)[:, None, None], (40, 28, 28))
    plots.mistakes(images, np.ones(40, np.uint8), answers, tmp_path)
    assert {axes.get_title() for axes in drawn[0].axes} == {"1 read as 7, 60%"}
    shown = [axes.images[0].get_array() for axes in drawn[0].axes]
    assert [int(image[0, 0]) for image in shown if image is not None] == [0, 1, 2, 3, 4, *range(6, 37)]


@pytest.mark.usefixtures("few_digits")
def test_without_the_other_writers_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    NETWORKS["ffnn"]().save(tmp_path / "ffnn.keras")
    (tmp_path / "ffnn.json").write_text("{}")
    assert len(evaluate("ffnn", tmp_path, tmp_path, tmp_path)["pens"]) == 1
    assert f"There is no {tmp_path / 'pendigits-orig.tes'}" in capsys.readouterr().out


def test_one_who_is_as_sure_as_right_has_no_calibration_error() -> None:
    answers = np.full((100, 10), 0.2 / 9)
    answers[:, 4] = 0.8
    labels = np.where(np.arange(100) < 80, 4, 5).astype(np.uint8)
    assert calibration_error(answers, labels) == pytest.approx(0, abs=1e-9)
    assert calibration_error(answers, np.full(100, 4, np.uint8)) == pytest.approx(0.2)
    assert calibration_error(np.eye(10)[labels], np.full(100, 4, np.uint8)) == pytest.approx(0.2)


def test_the_temperature_makes_the_probabilities_those_of_the_labels() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(scale=2, size=(20_000, 10))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (truth.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1).astype(np.uint8)
    too_sure = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    assert temperature(truth, labels) == pytest.approx(1, rel=0.05)
    assert temperature(too_sure, labels) == pytest.approx(3, rel=0.05)


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
