"""Pendigits is loaded with its strokes, labels and writers, and refused if it is incomplete or malformed."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from model import InputError, pendigits
from model.pendigits import TEST_WRITERS, TRAINING_FILE, VALIDATION_WRITERS, load, read_unipen
from tests.stand_ins import few_pens

TWO_DIGITS = """.INCLUDE        dene.doc
.LEXICON "0" "1" "2" "3" "4" "5" "6" "7" "8" "9"
.HIERARCHY      DIGIT
.SEGMENT DIGIT    0-1 ? "7"
.COMMENT 7 12  224
.PEN_DOWN
 100  300
 200  300
 150  100
.PEN_UP
.DT 100
.PEN_DOWN
 120  200
 180  200
.PEN_UP
.DT 100
.SEGMENT DIGIT    2 ? "1"
.COMMENT 1 5  3
.PEN_DOWN
 100  300
 100  100
.PEN_UP
.DT 100
"""


def unix_compressed(text: str) -> bytes:
    """A .Z file that never uses its dictionary: codes of 9 bits, seven characters and a reset in every 9 bytes."""
    packed = b"\x1f\x9d\x90"
    for start in range(0, len(text), 7):
        codes = [*text[start : start + 7].encode(), 256]
        bits = sum(code << 9 * place for place, code in enumerate(codes))
        packed += bits.to_bytes(-(-9 * len(codes) // 8), "little")
    return packed


def test_read_unipen_returns_strokes_labels_and_writers() -> None:
    pens = read_unipen(TWO_DIGITS, "pens")
    assert pens.labels.tolist() == [7, 1]
    assert pens.writers.tolist() == [12, 5]
    assert [len(drawing) for drawing in pens.drawings] == [2, 1]
    assert pens.drawings[0][1].tolist() == [[120, -200], [180, -200]]  # y down


def test_load_reads_a_local_file(data_folder: Path) -> None:
    pens = load((data_folder,))
    expected = few_pens()
    np.testing.assert_array_equal(pens.labels, expected.labels)
    np.testing.assert_array_equal(pens.writers, expected.writers)
    for loaded, original in zip(pens.drawings, expected.drawings, strict=True):
        np.testing.assert_allclose(np.concatenate(loaded) / 200, np.concatenate(original), atol=0.003)


def test_writers_can_be_held_out() -> None:
    pens = read_unipen(TWO_DIGITS, "pens")
    assert pens.by(5, 6).labels.tolist() == [1]
    assert pens.without(5).labels.tolist() == [7]
    assert not set(VALIDATION_WRITERS) & set(TEST_WRITERS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no digits in UNIPEN format"),
        ("P6 255 \x00\x01", "no digits in UNIPEN format"),
        (TWO_DIGITS[: TWO_DIGITS.rindex(".PEN_UP")], "line 21: .* does not end with .PEN_UP"),
        (TWO_DIGITS[: TWO_DIGITS.rindex(".PEN_DOWN")], "line 18: .*number 2, before it, has no strokes"),
        (TWO_DIGITS.replace(".COMMENT 1 5  3\n", ""), "number 2 has no .COMMENT that names its writer"),
        (TWO_DIGITS.replace('"1"\n.C', '"x"\n.C'), "line 17: .*x.* is not a digit"),
        (TWO_DIGITS.replace(" 150  100", " 150  1o0"), "line 9: 150 1o0 is not a position of the pen"),
        (TWO_DIGITS.replace(" 120  200\n 180  200\n", ""), "line 13: unexpected .PEN_UP"),
        (TWO_DIGITS.replace(".PEN_UP\n.DT 100\n.PEN_DOWN\n", ".PEN_DOWN\n"), "line 10: unexpected .PEN_DOWN"),
        (TWO_DIGITS.replace("1 5  3", "1 300  3"), "number 2 has no .COMMENT that names its writer"),
        (TWO_DIGITS.replace(" 150  100", " 150"), "line 9: 150 is not a position of the pen"),
        (TWO_DIGITS.replace(" 150  100", " 150  nan"), "line 9: 150 nan is not a position of the pen"),
    ],
)
def test_the_error_for_malformed_text_names_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^pens.*{message}.*Download"):
        read_unipen(text, "pens")


def test_a_file_with_too_few_digits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pendigits-orig.tra").write_text(TWO_DIGITS)
    with pytest.raises(InputError, match=r"pendigits-orig\.tra holds 2 digits instead of 7,494"):
        load((tmp_path,))


@pytest.mark.tensorflow
def test_load_reads_the_archive_that_uci_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive = tmp_path / "served.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pendigits-orig.tra.Z", unix_compressed(TWO_DIGITS))
    monkeypatch.setattr(pendigits, "SOURCE", archive.as_uri())
    monkeypatch.setattr(pendigits, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    monkeypatch.setitem(pendigits.COUNTS, TRAINING_FILE, 2)
    assert load().labels.tolist() == [7, 1]
