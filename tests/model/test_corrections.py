"""A training uses the drawings that people corrected in the demo."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from demo.corrections import Corrections
from model import InputError, corrections
from model.mixture import examples
from model.recipes import RECIPES, Recipe
from model.record import Settings
from model.train import settings_of

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


def settings(*folders: Path) -> Settings:
    return settings_of("lenet5", "best", None, 0, corrections.load(folders))


def test_corrections_are_loaded_as_normalized_images(folder: Path) -> None:
    images, labels = corrections.load((folder,)).normalized()
    assert labels.tolist() == [1, 1, 7]
    assert images.shape == (3, 28, 28)
    assert images.max(axis=(1, 2)).min() > 200
    assert images[:, :, :8].max() == 0


@pytest.mark.usefixtures("few_data")
def test_the_corrections_of_all_folders_are_added_to_the_training_digits(folder: Path, tmp_path: Path) -> None:
    others = Corrections(tmp_path / "others")
    others.keep(sketch(280, 280), 4)
    folders = (folder, others.folder)
    training, held_out = examples(PLAIN, 0, folders)
    assert training.labels[3_000:].tolist() == [1, 1, 4, 7]
    np.testing.assert_array_equal(training.images[3_000:], corrections.load(folders).normalized().images)
    assert len(held_out["MNIST"].labels) == 1_000


def test_the_order_of_the_folders_does_not_matter(folder: Path, tmp_path: Path) -> None:
    others = Corrections(tmp_path / "others")
    others.keep(sketch(100, 100), 1)
    assert settings(folder, others.folder) == settings(others.folder, folder)


def test_a_zip_gives_the_corrections_of_its_folder(folder: Path, tmp_path: Path) -> None:
    hand = Path(shutil.make_archive(str(tmp_path / "hand"), "zip", folder))
    (zipped, zipped_labels), (images, labels) = (corrections.load((each,)).normalized() for each in (hand, folder))
    np.testing.assert_array_equal(zipped, images)
    np.testing.assert_array_equal(zipped_labels, labels)
    assert settings(hand) == settings(folder)


def test_the_corrections_are_settings_of_the_training(folder: Path) -> None:
    former = settings(folder)
    assert former.corrections == 3
    assert former == settings(folder)
    next(folder.glob("7/*.png")).unlink()
    Corrections(folder).keep(sketch(200, 280), 7)
    changed = settings(folder)
    assert changed.corrections == 3
    assert changed != former
    words = former.described(changed)
    assert words.startswith(f"recipe best, at most {RECIPES['lenet5']['best'].epochs} epochs, seed 0, 3 corrections (")
    assert words != changed.described(former)


def test_without_a_folder_there_are_no_corrections() -> None:
    assert (settings().corrections, settings().corrections_sha256) == (0, "")


@pytest.mark.parametrize("content", ["text", "an image with a text that unpacks to megabytes"])
def test_the_error_for_a_file_that_cannot_be_read_names_it(content: str, folder: Path) -> None:
    path = folder / "3" / "three.png"
    path.parent.mkdir()
    path.write_text("three")
    if content != "text":
        comment = PngInfo()
        comment.add_text("Comment", "x" * 2_000_000, zip=True)
        Image.fromarray(sketch(280, 280)).save(path, pnginfo=comment)
    with pytest.raises(InputError, match=r"three\.png is not an image, or damaged: save it again .* or delete it\."):
        corrections.load((folder,)).normalized()
