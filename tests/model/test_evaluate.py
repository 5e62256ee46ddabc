"""Parts of an evaluation: the rate of refusals and the held-out writers. test_command_line.py runs a whole one."""

from pathlib import Path

import numpy as np
import pytest

from model import evaluate as evaluation
from model import pendigits, ujipen
from model.folders import DownloadError, Folders
from model.pendigits import TEST_FILE, TRAINING_FILE, Pens
from model.record import Letters
from tests.stand_ins import few_pens

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("few_data")]


@pytest.mark.parametrize(("confidence", "refused"), [(0.5, 0.0), (0.15, 1.0)])
def test_non_digits_are_refused_below_the_confidence_of_the_least_certain_digits(
    confidence: float, refused: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    probabilities = np.zeros((100, 10))
    probabilities[:, 3] = np.linspace(0.2, 0.9, 100)
    flat = np.append(confidence, np.full(9, (1 - confidence) / 9))
    monkeypatch.setattr(evaluation, "predict", lambda network, images: np.tile(flat, (len(images), 1)))
    result = evaluation._refusal(None, probabilities, np.zeros((50, 28, 28), np.uint8))
    assert 0.2 < result.confidence < 0.21
    assert (result.non_digits, result.count) == (refused, 50)


def test_without_the_file_of_the_other_writers_the_evaluation_leaves_them_out_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(folders: Folders, name: str = TRAINING_FILE) -> Pens:
        if name == TEST_FILE:
            raise DownloadError("pendigits-orig.tes could not be downloaded.")
        return few_pens()

    monkeypatch.setattr(pendigits, "load", load)
    assert len(evaluation._held_out_writers(()).digits) == 2
    assert "test split are left out: pendigits-orig.tes could not be downloaded." in capsys.readouterr().out


def test_without_ujis_file_the_evaluation_leaves_its_writers_out_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(folders: Folders) -> None:
        raise DownloadError("ujipenchars2.txt could not be downloaded.")

    monkeypatch.setattr(ujipen, "load", load)
    assert list(evaluation._held_out_writers(()).digits) == [
        "Pendigits, 3 writers held out",
        "Pendigits test, 14 other writers",
    ]
    assert "UJI Pen Characters are left out: ujipenchars2.txt could not be downloaded." in capsys.readouterr().out


def test_a_letter_passes_if_the_mean_of_both_networks_tells_a_digit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def predict(network: str, images: np.ndarray) -> np.ndarray:
        confidence = {"this": [0.99, 0.99, 0.3, 0.99], "other": [0.99, 0.0, 0.6, 0.7]}[network]
        answers = np.repeat((1 - np.array(confidence))[:, None] / 9, 10, axis=1)
        answers[:, 3] = confidence
        return answers

    drawing = [np.array([[0.0, 0.0], [1.0, 1.0]])]
    letters = {"A": [drawing] * 3, "m": [drawing], "O": [drawing] * 5}
    monkeypatch.setattr(evaluation, "predict", predict)
    monkeypatch.setattr(evaluation, "load_trained", lambda name, folder: "other")
    assert evaluation._letters("this", "lenet5", tmp_path, letters) is None, "the other checkpoint is missing"
    (tmp_path / "ffnn.keras").touch()
    assert evaluation._letters("this", "lenet5", tmp_path, letters) == Letters(0.5, 4)
    assert evaluation._letters("this", "lenet5", tmp_path, {"O": [drawing]}) is None
