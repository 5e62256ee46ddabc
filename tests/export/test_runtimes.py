"""The committed files give the same in every runtime that is installed; what goes wrong there is told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from export import ONNX, runtimes, survey
from export.runtimes import RUNTIMES
from model.evaluate import load_checkpoint
from tests.export.test_onnx_files import FILES, as_input, run

READ = """
import sys
from pathlib import Path
import numpy as np
from export.runtimes import RUNTIMES
from export.web import UnavailableError
open_runtime, version_of = RUNTIMES[sys.argv[1]]
try:
    version_of()
    inputs, answers = np.load(sys.argv[2]), {}
    for file in sys.argv[4:]:
        with open_runtime(Path(file), 1) as read:
            for number in range(4):
                if f"{Path(file).name}{number}" in inputs:
                    batch = inputs[f"{Path(file).name}{number}"]
                    answers |= {f"{Path(file).name}{number} {n}": found for n, found in read(batch).items()}
    np.savez(sys.argv[3], **answers)
except (ImportError, UnavailableError) as error:
    print(error)
"""


@pytest.mark.parametrize("name", RUNTIMES)
def test_gives_the_same(name: str, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """As ONNX Runtime here; in a process of its own, since some cannot live in one with another."""
    files = [file for file in FILES if not (name == "LiteRT" and "sketch" in file)]
    inputs: dict[str, np.ndarray] = {}
    for file in files:
        images = as_input(file, digits[0][: 3 if name == "onnx.reference" else 20])
        batches = [images[:1], images]
        if "sketch" in file:
            batches += [survey.drawn(3), survey.photographed(2)]
        inputs |= {f"{file}{number}": batch for number, batch in enumerate(batches)}
    np.savez(tmp_path / "inputs.npz", allow_pickle=False, **inputs)
    paths = [tmp_path / "inputs.npz", tmp_path / "answers.npz", *(ONNX / file for file in files)]
    done = subprocess.run([sys.executable, "-c", READ, name, *map(str, paths)], capture_output=True, text=True)
    if not paths[1].is_file():
        assert done.returncode == 0, done.stderr
        pytest.skip(f'{done.stdout.strip()}; pip install -e ".[runtimes]" brings what pip can')
    answers = np.load(paths[1])
    for key in answers:
        source, output = key.split()
        expected = run(source[:-1], inputs[source])[output]
        np.testing.assert_allclose(answers[key], expected, atol=1e-4, err_msg=key)


@pytest.fixture
def cases(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    path = tmp_path / "cases.npz"
    survey.write_cases(path, load_checkpoint("ffnn"), [digits[0][:30]])
    return path


def row(runtime: str, cases: Path) -> dict[str, object]:
    return survey.row(runtime, ONNX / "ffnn.onnx", cases, cases.with_name("row.json"))


def test_a_row_says_how_far_how_often_and_how_fast(cases: Path) -> None:
    found = row("ONNX Runtime", cases)
    assert found["same"] == found["count"] == 30
    assert 0 < float(str(found["difference"])) < 1e-5
    assert all(float(str(found[name])) > 0 for name in ("milliseconds", "latency", "per_second", "throughput"))


@contextmanager
def mistaken(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    with runtimes.onnx_runtime(path, threads) as read:
        yield lambda batch: {"probabilities": np.roll(read(batch)["probabilities"], 1, axis=1)}


@contextmanager
def silent(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    yield lambda batch: {"probabilities": np.full((len(batch), 10), np.nan)}


@contextmanager
def choosy(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    raise ValueError("no Clip here\n  at line 7")
    yield


@contextmanager
def wordless(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    raise AssertionError
    yield


@contextmanager
def pointing(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    raise ValueError(f"cannot read {path}")
    yield


@contextmanager
def absent(path: Path, threads: int) -> Iterator[runtimes.Reader]:
    raise ModuleNotFoundError("No module named 'absent'")
    yield


def told_of(monkeypatch: pytest.MonkeyPatch, runtime: object, cases: Path) -> dict[str, float | str]:
    monkeypatch.setitem(RUNTIMES, "another", (runtime, lambda: "1.0"))
    monkeypatch.setattr(runtimes, "ROUNDS", 1)
    output = cases.with_name("row.json")
    runtimes.main("another", str(ONNX / "ffnn.onnx"), str(cases), str(output))
    return json.loads(output.read_text())


def test_wrong_answers_are_counted(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    found = told_of(monkeypatch, mistaken, cases)
    assert found["same"] == 0
    assert float(found["difference"]) > 0.5


def test_what_is_no_number_is_as_far_off_as_can_be(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    assert told_of(monkeypatch, silent, cases)["difference"] == 1


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [(choosy, "no Clip here"), (wordless, "AssertionError"), (pointing, "cannot read ffnn.onnx")],
)
def test_a_graph_that_is_refused_has_the_first_line_of_the_reason_without_this_machines_paths(
    monkeypatch: pytest.MonkeyPatch, cases: Path, runtime: object, reason: str
) -> None:
    assert told_of(monkeypatch, runtime, cases) == {"version": "1.0", "refused": reason}


def test_a_runtime_that_is_not_installed_is_missing(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    assert told_of(monkeypatch, absent, cases) == {"version": "1.0", "missing": "No module named 'absent'"}


def test_a_runtime_that_crashes_has_a_row_that_says_so(
    monkeypatch: pytest.MonkeyPatch, cases: Path, tmp_path: Path
) -> None:
    crashing = tmp_path / "crashing"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(crashing))
    assert row("ONNX Runtime", cases) == {"version": "", "refused": "it crashes: Segmentation fault"}
