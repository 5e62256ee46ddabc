"""Pen strokes are read as they were written, drawn as the sketchpad draws, and refused if they are not whole."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from model import InputError, strokes
from model.strokes import TEST_WRITERS, VALIDATION_WRITERS, draw, images, load, read_unipen
from tests.conftest import few_pens

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


def test_reads_strokes_labels_and_writers() -> None:
    pens = read_unipen(TWO_DIGITS, "pens")
    assert pens.labels.tolist() == [7, 1]
    assert pens.writers.tolist() == [12, 5]
    assert [len(drawing) for drawing in pens.drawings] == [2, 1]
    assert pens.drawings[0][1].tolist() == [[120, -200], [180, -200]]  # y down


def test_reads_a_file_of_uci_s_size(data_folder: Path) -> None:
    pens = load(data_folder)
    expected = few_pens()
    np.testing.assert_array_equal(pens.labels[:600], expected.labels)
    np.testing.assert_array_equal(pens.writers[:600], expected.writers)
    for found, drawn in zip(pens.drawings[:600], expected.drawings, strict=True):
        np.testing.assert_allclose(np.concatenate(found) / 200, np.concatenate(drawn), atol=0.003)


def test_writers_can_be_held_out() -> None:
    pens = read_unipen(TWO_DIGITS, "pens")
    assert pens.by(5, 6).labels.tolist() == [1]
    assert pens.without(5).labels.tolist() == [7]
    assert not set(VALIDATION_WRITERS) & set(TEST_WRITERS)


def test_a_sketch_is_as_large_and_as_thick_as_asked_for() -> None:
    one = [np.array([[0.0, 0.0], [0.0, 3.0]])]
    ink = np.asarray(draw(one, brush=20, size=176)) < 128
    assert ink.shape == (280, 280)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert np.ptp(rows) + 1 == pytest.approx(196, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(20, abs=2)
    assert (rows.mean(), columns.mean()) == pytest.approx((140, 140), abs=1.5)


def test_a_dot_is_drawn_as_wide_as_the_brush() -> None:
    ink = np.asarray(draw([np.array([[7.0, 7.0]])], brush=30, size=100)) < 128
    assert ink.sum() == pytest.approx(np.pi * 15**2, rel=0.1)


def test_the_networks_see_it_normalized() -> None:
    seven = read_unipen(TWO_DIGITS, "pens").drawings[0]
    seen = images(iter([draw(seven, brush, 150) for brush in (5, 30, 12)]), 3, batch_size=2)
    assert seen.shape == (3, 28, 28)
    assert seen.dtype == np.uint8
    assert (seen.max(axis=(1, 2)) == 255).all()
    assert (seen > 25).any(axis=2).sum(axis=1).tolist() == pytest.approx([20, 20, 20], abs=2)
    assert seen[0].sum() < seen[2].sum() < seen[1].sum()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no digit in UNIPEN format"),
        ("P6 255 \x00\x01", "no digit in UNIPEN format"),
        (TWO_DIGITS[: TWO_DIGITS.rindex(".PEN_UP")], "line 21: .* before the pen is lifted"),
        (TWO_DIGITS[: TWO_DIGITS.rindex(".PEN_DOWN")], "line 18: .*number 2, has no strokes"),
        (TWO_DIGITS.replace(".COMMENT 1 5  3\n", ""), "number 2 has no .COMMENT that names its writer"),
        (TWO_DIGITS.replace('"1"\n.C', '"x"\n.C'), "line 17: .*x.* is no digit"),
        (TWO_DIGITS.replace(" 150  100", " 150  1o0"), "line 9: 150 1o0 is no position of the pen"),
        (TWO_DIGITS.replace(" 120  200\n 180  200\n", ""), "line 13: .PEN_UP without a stroke"),
        (TWO_DIGITS.replace(".PEN_UP\n.DT 100\n.PEN_DOWN\n", ".PEN_DOWN\n"), "line 10: .PEN_DOWN .* within one"),
        (TWO_DIGITS.replace("1 5  3", "1 300  3"), "number 2 has no .COMMENT that names its writer"),
        (TWO_DIGITS.replace(" 150  100", " 150"), "line 9: 150 is no position of the pen"),
        (TWO_DIGITS.replace(" 150  100", " 150  nan"), "line 9: 150 nan is no position of the pen"),
    ],
)
def test_what_is_not_whole_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"^pens.*{message}.*Download"):
        read_unipen(text, "pens")


def test_a_file_with_fewer_digits_than_it_should_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pendigits-orig.tra").write_text(TWO_DIGITS)
    with pytest.raises(InputError, match=r"pendigits-orig\.tra holds 2 digits instead of 7,494"):
        load(tmp_path)


def test_a_missing_file_is_named_with_its_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no .*pendigits-orig\.tra\. Download https://archive"):
        load(tmp_path)


def test_reads_the_archive_that_uci_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    archive = tmp_path / "served.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("pendigits-orig.tra.Z", unix_compressed(TWO_DIGITS))
    monkeypatch.setattr(strokes, "SOURCE", archive.as_uri())
    monkeypatch.setattr(strokes, "SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    monkeypatch.setitem(strokes.COUNTS, "pendigits-orig.tra", 2)
    assert load().labels.tolist() == [7, 1]


def test_a_failed_download_names_the_way_around_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(strokes, "SOURCE", (tmp_path / "nothing.zip").as_uri())
    with pytest.raises(InputError, match=r"could not be downloaded .*--data"):
        load()
