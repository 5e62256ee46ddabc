"""The demo stores a corrected drawing in the folder of its digit, where a training finds it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.corrections import Corrections


def sketch() -> np.ndarray:
    paper = np.full((280, 280), 255, np.uint8)
    paper[60:220, 130:150] = 0
    return paper


def test_a_drawing_is_stored_in_the_folder_of_its_digit(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path / "mine")
    assert [corrections.keep(sketch(), digit) for digit in (1, 7, 1)] == [1, 2, 3]
    files = sorted((tmp_path / "mine").rglob("*.*"))
    assert [file.parent.name for file in files] == ["1", "1", "7"]
    for file in files:
        np.testing.assert_array_equal(np.asarray(Image.open(file)), sketch())


@pytest.mark.parametrize("digit", [10, -1, "7", None, [7], True, 1.0])
def test_a_drawing_is_stored_only_with_a_digit_from_0_to_9(digit: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 to 9"):
        Corrections(tmp_path).keep(sketch(), digit)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_full_folder_refuses_more_drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.corrections.MAX_DRAWINGS", 1)
    Corrections(tmp_path).keep(sketch(), 1)
    with pytest.raises(ValueError, match="full"):
        Corrections(tmp_path).keep(sketch(), 1)
    assert not list(tmp_path.rglob("*.partial"))


def test_a_blank_sheet_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The drawing is blank"):
        Corrections(tmp_path).keep(np.full((280, 280), 255, np.uint8), 1)
    assert not list(tmp_path.iterdir())
