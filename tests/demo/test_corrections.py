"""The demo stores a corrected drawing in the folder of its digit, where a training finds it."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.corrections import Corrections
from demo.networks.files import SetupError


def sketch() -> np.ndarray:
    paper = np.full((280, 280), 255, np.uint8)
    paper[60:220, 130:150] = 0
    return paper


def test_a_drawing_is_stored_in_the_folder_of_its_digit(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path / "mine")
    names = [corrections.keep(sketch(), digit) for digit in (1, 7, 1)]
    assert [name[0] for name in names] == ["1", "7", "1"]
    assert corrections.count() == 3
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


def test_only_the_drawing_that_is_named_is_taken_back(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    first, second = corrections.keep(sketch(), 1), corrections.keep(sketch(), 1)
    corrections.take_back(second)
    assert [file.stem for file in tmp_path.rglob("*.*")] == [first.partition("/")[2]]
    corrections.take_back(second)  # again: somebody else has deleted it
    assert corrections.count() == 1


@pytest.mark.parametrize(
    "name",
    [
        "",
        "1",
        "1/scan",
        "1/../2/" + "a" * 32,
        "../" + "a" * 32,
        "1/" + "A" * 32,
        "1/" + "a" * 33,
        "1/" + "a" * 32 + "\n",
    ],
)
def test_other_files_of_the_folder_are_not_deleted(name: str, tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "scan.png").touch()
    with pytest.raises(ValueError, match="not one that /keep returned"):
        Corrections(tmp_path).take_back(name)
    assert (tmp_path / "1" / "scan.png").exists()


def test_a_folder_that_can_be_written_is_created_and_left_empty(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path / "new" / "mine")
    corrections.prepare()
    assert corrections.count() == 0
    assert list(corrections.folder.iterdir()) == []


@pytest.mark.parametrize("blocked", ["mine", "mine/7"])
def test_a_folder_that_cannot_be_written_is_refused_at_the_start(blocked: str, tmp_path: Path) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("in the way")
    reason = (
        rf"^cannot store drawings in {re.escape(str(tmp_path / 'mine'))}: .+\. Choose another folder for --collect\.$"
    )
    with pytest.raises(SetupError, match=reason):
        Corrections(tmp_path / "mine").prepare()
