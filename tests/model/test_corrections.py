"""What people corrected in the demo is trained on."""

from pathlib import Path

import numpy as np
import pytest

from demo.collection import Collection
from model import CHECKPOINTS, InputError, corrections, mnist
from model.mixture import examples
from model.recipes import Recipe
from model.train import settle
from tests.conftest import few

PLAIN = Recipe("plain", "SGD", 0.01, validation=1_000)


def sketch(height: int = 280, width: int = 280) -> np.ndarray:
    drawn = np.full((height, width), 255, np.uint8)
    drawn[height // 5 : height * 4 // 5, width * 4 // 9 : width * 5 // 9] = 0
    return drawn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three drawings that the demo stored, one of them a photograph."""
    collection = Collection(tmp_path / "mine")
    assert [
        collection.keep(sketch(*size), digit) for digit, size in ((1, (280, 280)), (7, (280, 280)), (1, (210, 280)))
    ] == [
        1,
        2,
        3,
    ]
    return collection.folder


def test_what_the_demo_stores_is_read_as_the_networks_see_it(folder: Path) -> None:
    images, labels = corrections.load(folder)
    assert labels.tolist() == [1, 1, 7]
    assert images.shape == (3, 28, 28)
    assert images.max(axis=(1, 2)).min() > 200
    assert images[:, :, :8].max() == 0


def test_they_are_trained_on_beside_the_rest(
    folder: Path, digits: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path | None] = []

    def load(where: Path | None = None) -> tuple[mnist.Digits, mnist.Digits]:
        asked.append(where)
        return few(digits)

    monkeypatch.setattr(mnist, "load", load)
    training, held_out = examples(PLAIN, 0, folder)
    assert len(training.labels) == 3_000 + 3
    np.testing.assert_array_equal(training.images[3_000:], corrections.load(folder).images)
    assert len(held_out["MNIST"].labels) == 1_000
    assert asked == [None]  # MNIST is not in the folder, so it is downloaded
    (folder / "mnist.npz").touch()
    examples(PLAIN, 0, folder)
    assert asked == [None, folder]


def test_how_many_is_part_of_what_made_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    _, made_by = settle("lenet5", "best", None, 0, tmp_path, folder)
    assert made_by["corrections"] == 3
    with pytest.raises(InputError, match=r"not by .* 3 corrections.*--output"):
        settle("lenet5", "best", None, 0, CHECKPOINTS, folder)


def test_a_file_that_is_no_image_is_named(folder: Path) -> None:
    (folder / "3").mkdir()
    (folder / "3" / "three.png").write_text("three")
    with pytest.raises(InputError, match=r"three\.png is no image.*delete it"):
        corrections.load(folder)


@pytest.mark.parametrize("digit", [10, -1, "7", None, [7], True, 1.0])
def test_only_digits_are_stored(digit: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 to 9"):
        Collection(tmp_path).keep(sketch(), digit)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_full_folder_takes_no_more(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.collection.MOST", 3)
    with pytest.raises(ValueError, match="takes no more"):
        Collection(folder).keep(sketch(), 1)
    assert not list(folder.rglob("*.partial"))


def test_a_blank_sheet_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing on the paper"):
        Collection(tmp_path).keep(np.full((280, 280), 255, np.uint8), 1)
    assert not list(tmp_path.iterdir())
