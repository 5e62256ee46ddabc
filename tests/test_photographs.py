"""The benchmark's simulated photographs are sketches, repeat themselves, and show the whole digit."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from demo.networks.images import MAX_SIDE, MIN_SIDE
from model import mnist, pendigits
from tests.benchmarks.photographs import __main__ as benchmark
from tests.benchmarks.photographs.digits import Written, written
from tests.benchmarks.photographs.kinds import KINDS, Damage, photographs, specks, strip, table
from tests.demo import tiny
from tests.stand_ins import few_digits, few_pens

TINY = Path(tiny.__file__).parent


@pytest.fixture(autouse=True)
def few_data(digits: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "load", lambda folder: few_digits(digits))
    monkeypatch.setattr(pendigits, "load", lambda folder: few_pens())


@pytest.fixture
def drawings() -> list[Written]:
    return written(6)[0]


def test_every_kind_gives_sketches_and_repeats_them(drawings: list[Written]) -> None:
    for kind in KINDS:
        pictures = photographs(kind, drawings, np.random.default_rng(0))
        for picture in pictures:
            assert picture.dtype == np.uint8
            assert picture.ndim == 2
            assert MIN_SIDE <= min(picture.shape) <= max(picture.shape) <= MAX_SIDE
        again, other = (photographs(kind, drawings[:2], np.random.default_rng(seed)) for seed in (0, 1))
        for picture, same in zip(pictures[:2], again, strict=True):
            np.testing.assert_array_equal(picture, same, err_msg=kind)
        assert any(not np.array_equal(picture, another) for picture, another in zip(again, other, strict=True)), kind


@pytest.mark.parametrize(("damage", "severity"), [(table, 70), (strip, 0.3), (specks, 15)])
def test_what_lies_beside_the_digit_does_not_cover_it(drawings: list[Written], damage: Damage, severity: float) -> None:
    random = np.random.default_rng(0)
    for drawing in drawings:
        paper = np.full(drawing.ink.shape, 200, np.float32)
        damaged = damage(paper.copy(), drawing, random, severity)
        assert (damaged != paper).any()
        assert (damaged == paper)[drawing.ink > 128].all()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("7", "right"),
        ("1", "wrong"),
        ("77", "wrong"),
        ("7?", "wrong"),
        ("?", "refused"),
        ("?\n?", "refused"),
        ("", "refused"),
    ],
)
def test_only_the_digit_itself_is_right_and_what_holds_no_digit_is_refused(number: str, expected: str) -> None:
    assert benchmark.verdict(number, 7) == expected


def test_prints_the_shares_and_draws_the_photographs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = f"--onnx {TINY} --count 8 --kinds grain --pictures {tmp_path}"
    monkeypatch.setattr(sys, "argv", ["photographs", *arguments.split()])
    benchmark.main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-2:]]
    assert [name for name, *_ in rows] == ["grain", "mean"]
    assert rows[0][1:] == rows[1][1:]
    assert sum(map(float, rows[0][1:])) == pytest.approx(100, abs=0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["grain.png"]


def test_a_benchmark_without_its_data_says_so_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "photographs", "--data", str(tmp_path / "data")]
    failed = subprocess.run(command, capture_output=True, text=True)
    reason = f"--data {tmp_path / 'data'}: there is no such folder."
    assert failed.stderr == f"python -m tests.benchmarks photographs: {reason}\n"
