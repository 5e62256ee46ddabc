"""The files give the same outputs in every installed runtime, and a runtime that fails gets a row with the reason."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from export import ONNX, runtimes, survey
from export.contract import IMAGE, KINDS, MAPS, READER_FILE, READER_TOLERANCES, SKETCH
from export.convert import probabilities
from export.measurements import RuntimeRow
from export.runtimes import RUNTIMES, onnx_runtime
from export.verify import numbers
from model.networks import load_trained
from model.recipes import RECIPES

pytestmark = [pytest.mark.tensorflow]

READERS = "ONNX Runtime", "onnx.reference", "OpenVINO", "ONNX Runtime Web"  # that run the reader of numbers
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
                    answers |= {f"{Path(file).name}{number} {n}": values for n, values in read(batch).items()}
    np.savez(sys.argv[3], **answers)
except (ImportError, UnavailableError) as error:
    print(error)
"""


def maps_of(images: np.ndarray) -> dict[str, np.ndarray]:
    """What Keras makes of the images [1, count, 28, 28] that a runtime found in a sheet: [1, count, ...] by layer.

    LeNet5 makes ten times as much of a difference between two runtimes' images, which have a tolerance of their own.
    """
    maps: dict[str, Any] = {}
    probabilities(load_trained("lenet5"), images[0], inside=maps)
    named = {layer: np.asarray(maps[layer])[None] for layer in MAPS}
    return {layer: values.transpose(0, 1, 4, 2, 3) if values.ndim == 5 else values for layer, values in named.items()}


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_agrees_with_onnx_runtime(name: str, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    """Each runtime has a process of its own, because some cannot be loaded beside another."""
    graphs = [(network, kind) for network in RECIPES for kind in KINDS if name != "LiteRT" or kind is IMAGE]
    files = [kind.file(network) for network, kind in graphs]
    inputs: dict[str, np.ndarray] = {}
    if name in READERS:
        files.append(READER_FILE)
        apart, touching, two_lines, *_ = numbers(digits[0][:8])
        sheets = apart, touching, 255 - two_lines, np.full_like(apart, 255)  # a runtime may repeat what stood there
        inputs = {f"{READER_FILE}{i}": sheet[None] for i, sheet in enumerate(sheets)}
    for network, kind in graphs:
        is_slow = name == "onnx.reference"
        images = kind.inputs(digits[0][: 2 if is_slow else 20])
        batches = [images[:1], images]
        if kind is SKETCH:
            batches += [survey.sketched_digits(1 if is_slow else 3), survey.photographed_digits(1 if is_slow else 2)]
        inputs |= {f"{kind.file(network)}{number}": batch for number, batch in enumerate(batches)}
    np.savez(tmp_path / "inputs.npz", allow_pickle=False, **inputs)
    paths = [
        tmp_path / "inputs.npz",
        tmp_path / "answers.npz",
        *(ONNX / file for file in files),
    ]
    done = subprocess.run([sys.executable, "-c", READ, name, *map(str, paths)], capture_output=True, text=True)
    if not paths[1].is_file():
        assert done.returncode == 0, done.stderr
        pytest.skip(f'{done.stdout.strip()}; pip install -e ".[runtimes]" installs the runtimes on PyPI')
    answers = np.load(paths[1])
    assert {key.split()[0] for key in answers} == set(inputs)
    for file in files:
        tolerances = READER_TOLERANCES if file == READER_FILE else {}
        with onnx_runtime(ONNX / file, threads=1) as read:
            for source in inputs:
                for output, expected in read(inputs[source]).items() if source[:-1] == file else ():
                    found, tolerance = answers[f"{source} {output}"], tolerances.get(output, 1e-4)
                    if file == READER_FILE and output in MAPS and expected.size:
                        expected = maps_of(answers[f"{source} images"])[output]
                    np.testing.assert_allclose(found, expected, atol=tolerance, err_msg=f"{source} {output}")


def test_numbers_are_compared_by_digits_and_boxes(
    digits: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "ROUNDS", 1)
    cases = survey.write_numbers(tmp_path, [load_trained(name) for name in RECIPES], digits[0][:4])
    data = dict(np.load(cases))
    given = sum(data[name].size for name in data if name.startswith("digits"))
    data["boxes0"] = data["boxes0"] + 1
    np.savez(cases, allow_pickle=False, **data)
    measured = runtimes.measure("ONNX Runtime", ONNX / READER_FILE, cases)
    assert measured.count == given
    assert measured.same == given - data["digits0"].size


@pytest.fixture
def cases(digits: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    return survey.write_cases(tmp_path, load_trained("ffnn"), IMAGE, [digits[0][:30]])


def row(runtime: str, cases: Path) -> RuntimeRow:
    return survey.run_apart(runtime, ONNX / "ffnn.onnx", cases)


def test_a_row_holds_the_difference_the_same_answers_and_the_times(cases: Path) -> None:
    measured = row("ONNX Runtime", cases)
    assert measured.same == measured.count == 30
    assert measured.difference
    assert 0 < measured.difference < 1e-5
    for time in (measured.milliseconds, measured.latency, measured.per_second, measured.throughput):
        assert time
        assert time > 0


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


def row_of(monkeypatch: pytest.MonkeyPatch, runtime: object, cases: Path) -> RuntimeRow:
    monkeypatch.setitem(RUNTIMES, "another", (runtime, lambda: "1.0"))
    monkeypatch.setattr(runtimes, "ROUNDS", 1)
    output = cases.with_name("row.json")
    runtimes.main("another", str(ONNX / "ffnn.onnx"), str(cases), str(output))
    return RuntimeRow(**json.loads(output.read_text()))


def test_wrong_answers_are_counted(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    measured = row_of(monkeypatch, mistaken, cases)
    assert measured.same == 0
    assert measured.difference
    assert measured.difference > 0.5


def test_a_slow_runtime_is_given_as_many_digits_as_it_has_time_for(
    monkeypatch: pytest.MonkeyPatch, cases: Path
) -> None:
    assert row_of(monkeypatch, mistaken, cases).count == 30
    monkeypatch.setattr(runtimes, "COMPARING_SECONDS", 1e-9)
    assert row_of(monkeypatch, mistaken, cases).count == 1


def test_nan_counts_as_the_largest_difference(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    assert row_of(monkeypatch, silent, cases).difference == 1


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [(choosy, "no Clip here"), (wordless, "AssertionError"), (pointing, "cannot read ffnn.onnx")],
)
def test_the_row_of_a_refused_graph_has_the_first_line_of_the_error_without_local_paths(
    monkeypatch: pytest.MonkeyPatch, cases: Path, runtime: object, reason: str
) -> None:
    assert row_of(monkeypatch, runtime, cases) == RuntimeRow("another", "ffnn.onnx", "1.0", refused=reason)


def test_the_row_of_a_missing_runtime_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, cases: Path) -> None:
    row = RuntimeRow("another", "ffnn.onnx", "1.0", missing="No module named 'absent'")
    assert row_of(monkeypatch, absent, cases) == row


def test_the_row_of_a_runtime_that_crashes_says_so(
    monkeypatch: pytest.MonkeyPatch, cases: Path, tmp_path: Path
) -> None:
    crashing = tmp_path / "crashing"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(crashing))
    crashed = RuntimeRow("ONNX Runtime", "ffnn.onnx", onnxruntime.__version__, refused="it crashes: Segmentation fault")
    assert row("ONNX Runtime", cases) == crashed
