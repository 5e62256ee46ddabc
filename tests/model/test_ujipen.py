"""UJI's characters are loaded; the same writers are held out whichever file they come from; a bad file is refused."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import InputError, ujipen
from model.ujipen import DIGITS_FILE, FILE, TEST_WRITERS, UNLIKE_DIGITS, VALIDATION_WRITERS, load, read_characters
from tests.stand_ins import few_characters, ujipenchars

TWO_DIGITS = """// UJI: 100 units per millimetre
// ASCII char: 7
WORD 7 trn_UJI_W03-01
  NUMSTROKES 2
  POINTS 3 # 100 0 200 -5 150 100
  POINTS 2 # 120 50 180 50
// ASCII char: 1
WORD 1 tst_UPV_W12-02
  NUMSTROKES 1
  POINTS 1 # 100 30
"""


def archive_of(samples: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """The samples as UCI's file may hold them: other names and order, among letters and signs."""
    letter = [np.array([[0, 0], [-10, 10]])]
    renamed = {f"W{number:02}": f"tst_UPV_W{61 - number:02}" for number in range(1, 21)}
    rows = [(character, f"{renamed[session[8:11]]}{session[11:]}", drawing) for character, session, drawing in samples]
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    for writer in renamed.values():
        rows += [(character, f"{writer}-01", letter) for character in "aZÁàñ¿\u00aa€²/#"]
        rows += [(character, f"{writer}-02", letter) for character in "aZ"]
    return rows[::-1]


@pytest.fixture(autouse=True)
def few_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ujipen, "WRITERS", 20)
    monkeypatch.setattr(ujipen, "LETTERS", 4 * 20)


def test_read_characters_returns_strokes_labels_and_writers() -> None:
    digits, letters = read_characters(TWO_DIGITS, "characters")
    assert letters == {}
    seven, one = np.argsort(digits.labels)[::-1]
    assert digits.labels[[seven, one]].tolist() == [7, 1]
    assert sorted(digits.writers.tolist()) == [1, 2]
    assert [stroke.tolist() for stroke in digits.drawings[seven]] == [
        [[100, 0], [200, -5], [150, 100]],
        [[120, 50], [180, 50]],
    ]
    assert [stroke.tolist() for stroke in digits.drawings[one]] == [[[100, 30]]]


def test_the_digits_and_their_writers_are_the_same_in_both_files(tmp_path: Path) -> None:
    text = ujipenchars(archive_of(few_characters()))
    folders = tmp_path / "digits", tmp_path / "all"
    for folder in folders:
        folder.mkdir()
    (folders[0] / DIGITS_FILE).write_text(ujipenchars(few_characters()))
    (folders[1] / FILE).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    alone, among = load(folders[:1]), load(folders[1:])
    np.testing.assert_array_equal(alone.digits.writers, np.repeat(np.arange(1, 21), 20))
    for part, other in zip(alone.digits[1:], among.digits[1:], strict=True):
        np.testing.assert_array_equal(part, other)
    for drawing, same in zip(alone.digits.drawings, among.digits.drawings, strict=True):
        for stroke, again in zip(drawing, same, strict=True):
            np.testing.assert_array_equal(stroke, again)
    assert alone.letters == {}
    assert {letter: len(drawings) for letter, drawings in among.letters.items()} == {"a": 40, "Z": 40}
    assert load(folders).letters.keys() == among.letters.keys(), "the file with letters is preferred"


def test_writers_are_held_out_by_their_strokes_alone() -> None:
    def held_out(samples: list[tuple[str, str, Any]]) -> set[bytes]:
        digits = read_characters(ujipenchars(samples), "characters").digits
        return {np.concatenate(drawing).tobytes() for drawing in digits.by(*VALIDATION_WRITERS, *TEST_WRITERS).drawings}

    samples = few_characters()
    assert len(held_out(samples)) == 16 * 20
    assert held_out(samples) == held_out(archive_of(samples))
    moved = [(digit, session, [stroke + 1 for stroke in drawing]) for digit, session, drawing in samples]
    shifted = {(np.frombuffer(points, np.float32) + 1).tobytes() for points in held_out(samples)}
    assert held_out(moved) != shifted, "other strokes have another order"


def test_validation_and_test_writers_differ() -> None:
    assert not set(VALIDATION_WRITERS) & set(TEST_WRITERS)


def test_other_strokes_than_those_of_the_split_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / DIGITS_FILE).write_text(ujipenchars(few_characters()))
    digits = load((tmp_path,)).digits
    assert f"{tmp_path / DIGITS_FILE} are not those that the split was made for" in capsys.readouterr().out
    texts = [
        " / ".join(" ".join(f"{x:.0f} {y:.0f}" for x, y in stroke) for stroke in drawing) for drawing in digits.drawings
    ]
    monkeypatch.setattr(ujipen, "DIGITS_SHA256", hashlib.sha256("\n".join(texts).encode()).hexdigest())
    load((tmp_path,))
    assert capsys.readouterr().out == ""


def test_letters_that_look_like_digits_are_not_counted() -> None:
    assert not set(UNLIKE_DIGITS) & set("OoQIiljJZzSsbGqgy")
    assert len(set(UNLIKE_DIGITS)) == len(UNLIKE_DIGITS) == 35


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no pen strokes"),
        ("\ufffdPNG \x00\x01", "line 1: unexpected"),
        ("<html>not found</html>", "line 1: unexpected <html>not"),
        (TWO_DIGITS[: TWO_DIGITS.rindex("  POINTS")], "line 10: the 1 before it has fewer strokes"),
        (TWO_DIGITS[: TWO_DIGITS.rindex("  NUMSTROKES")], "line 9: the 1 before it has fewer strokes"),
        (TWO_DIGITS.replace("  POINTS 2 # 120 50 180 50\n", ""), "line 7: the 7 before it has fewer strokes"),
        (TWO_DIGITS.replace("NUMSTROKES 2", "NUMSTROKES 1"), "line 6: unexpected POINTS"),
        (TWO_DIGITS.replace("NUMSTROKES 2", "NUMSTROKES 0"), "line 4: unexpected NUMSTROKES"),
        (TWO_DIGITS.replace("  NUMSTROKES 2\n", ""), "line 4: unexpected POINTS"),
        (TWO_DIGITS.replace("1 # 100 30", "0 #"), "line 10: the stroke has 0 points; it should have 0, at least 1"),
        (TWO_DIGITS.replace(" 180 50\n", " 180\n"), "line 6: the stroke has 1.5 points; it should have 2"),
        (TWO_DIGITS.replace("150 100", "150"), "line 5: the stroke has 2.5 points; it should have 3"),
        (TWO_DIGITS.replace("150 100", "150 1o0"), "line 5: 1o0 is not a position of the pen"),
        (TWO_DIGITS.replace("150 100", "150 nan"), "line 5: nan is not a position of the pen"),
        (TWO_DIGITS.replace("WORD 7 trn_UJI_W03-01", "WORD 7"), "line 3: unexpected WORD"),
    ],
)
def test_the_error_for_malformed_text_names_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^characters.*{message}.*Download") as error:
        read_characters(text, "characters")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (few_characters()[:-20], "380 digits by 19 writers instead of 20 by each of 20"),
        (few_characters()[:-1], "399 digits by 20 writers instead of 20 by each of 20"),
        ([("a", *row[1:]) if "W07" in row[1] else row for row in few_characters()], "380 digits by 19 writers"),
        (archive_of(few_characters())[5:], "78 letters instead of 80"),
    ],
)
def test_an_incomplete_file_is_refused(samples: list[tuple[str, str, Any]], message: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(ujipenchars(samples))
    with pytest.raises(InputError, match=rf"^{tmp_path / FILE} holds {message}.*Download .* again\.$"):
        load((tmp_path,))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An archive as UCI serves it."""
    archive = tmp_path / "served.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"version2/{FILE}", ujipenchars(archive_of(few_characters())))
    monkeypatch.setattr(ujipen, "SOURCE", archive.as_uri())
    monkeypatch.setattr(ujipen, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    return archive


@pytest.mark.tensorflow
def test_load_reads_the_archive_that_uci_serves(served: Path) -> None:
    assert len(load().digits.labels) == 400
    assert load().letters.keys() == {"a", "Z"}


@pytest.mark.tensorflow
def test_an_archive_of_another_hash_is_refused(served: Path) -> None:
    whole = served.read_bytes()
    served.write_bytes(whole[:-100])
    with pytest.raises(InputError, match=rf"^{FILE} could not be downloaded .*unpack {FILE} from it into a folder"):
        load()
    assert served.read_bytes() == whole[:-100]
    served.write_bytes(whole)
    assert len(load().digits.labels) == 400, "the damaged download is replaced"


@pytest.mark.tensorflow
@pytest.mark.parametrize("content", ["nothing", "another member"])
def test_an_archive_of_another_layout_is_refused(content: str, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served.write_bytes(b"<html>")
    if content == "another member":
        with zipfile.ZipFile(served, "w") as file:
            file.writestr("readme.txt", "")
    monkeypatch.setattr(ujipen, "SHA256", hashlib.sha256(served.read_bytes()).hexdigest())
    with pytest.raises(InputError, match=rf"ujipenchars2\.zip does not hold {FILE}: delete it, and it is downloaded"):
        load()
