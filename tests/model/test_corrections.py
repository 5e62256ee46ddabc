"""A training uses the drawings that people corrected in the demo."""

from pathlib import Path

import numpy as np
import pytest

from demo.corrections import Corrections
from model import CHECKPOINTS, InputError, corrections, mnist
from model.mixture import examples
from model.recipes import Recipe
from model.train import check_settings
from tests.stand_ins import few_digits

pytestmark = [pytest.mark.tensorflow]

PLAIN = Recipe("plain", "SGD", 0.01, validation=1_000)


def sketch(height: int, width: int) -> np.ndarray:
    paper = np.full((height, width), 255, np.uint8)
    paper[height // 5 : height * 4 // 5, width * 4 // 9 : width * 5 // 9] = 0
    return paper


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three drawings that the demo stored, one of them in the shape of a photograph."""
    stored = Corrections(tmp_path / "mine")
    for digit, size in ((1, (280, 280)), (7, (280, 280)), (1, (210, 280))):
        stored.keep(sketch(*size), digit)
    return stored.folder


def test_corrections_are_loaded_as_normalized_images(folder: Path) -> None:
    images, labels = corrections.load(folder)
    assert labels.tolist() == [1, 1, 7]
    assert images.shape == (3, 28, 28)
    assert images.max(axis=(1, 2)).min() > 200
    assert images[:, :, :8].max() == 0


def test_corrections_are_added_to_the_training_digits(
    folder: Path, digits: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders: list[Path | None] = []

    def load(data: Path | None = None) -> tuple[mnist.Digits, mnist.Digits]:
        folders.append(data)
        return few_digits(digits)

    monkeypatch.setattr(mnist, "load", load)
    training, held_out = examples(PLAIN, 0, folder)
    assert len(training.labels) == 3_000 + 3
    np.testing.assert_array_equal(training.images[3_000:], corrections.load(folder).images)
    assert len(held_out["MNIST"].labels) == 1_000
    assert folders == [None]  # MNIST is not in the folder, so it is downloaded
    (folder / "mnist.npz").touch()
    examples(PLAIN, 0, folder)
    assert folders == [None, folder]


def test_the_number_of_corrections_is_a_setting_of_the_training(folder: Path, tmp_path: Path) -> None:
    assert check_settings("lenet5", "best", None, 0, tmp_path, folder).corrections == 3
    with pytest.raises(InputError, match=r"not by .* 3 corrections.*--output"):
        check_settings("lenet5", "best", None, 0, CHECKPOINTS, folder)


def test_the_error_for_a_file_that_is_not_an_image_names_it(folder: Path) -> None:
    (folder / "3").mkdir()
    (folder / "3" / "three.png").write_text("three")
    with pytest.raises(InputError, match=r"three\.png is not an image.*delete it"):
        corrections.load(folder)
