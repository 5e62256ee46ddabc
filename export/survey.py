"""Run every graph in every installed runtime, each in a process of its own, and compare with the checkpoint."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.contract import IMAGE, READER_FILE, SKETCH, Kind
from export.measurements import CORES, RuntimeRow
from export.runtimes import BATCHES, RUNTIMES, time_beside_onnx_runtime
from export.verify import judged, keras_outputs, numbers
from model import reader, styles
from model.draw import draw
from model.mnist import Digits

NUMBERS = 60  # images of digits, of which numbers are made for the reader
TIMED = 16  # sheets with one digit that the reader reads in a batch
MAX_SECONDS = 1_800  # for one graph in one runtime


def survey(folder: Path, networks: list[keras.Model], digits: Digits) -> Iterator[RuntimeRow]:
    """Yield a row for each of RUNTIMES and each graph in `folder`; first, the predict() of `networks` is timed.

    Sketch graphs are also given drawings on 280 x 280 and photographs of 200 x 333. The reader is given numbers.
    """
    with tempfile.TemporaryDirectory() as temporary:
        cases = {}
        for network in networks:
            path = folder / IMAGE.file(network.name)
            cases[path] = write_cases(Path(temporary), network, IMAGE, [digits.images])
            yield _time_keras(path, network)
            sketches = [digits.images, sketched_digits(), photographed_digits()]
            cases[folder / SKETCH.file(network.name)] = write_cases(Path(temporary), network, SKETCH, sketches)
        cases[folder / READER_FILE] = write_numbers(Path(temporary), networks, digits.images[:NUMBERS])
        for runtime in RUNTIMES:
            for path, case in cases.items():
                print(f"{runtime} runs {path.name} ...", end="\r", flush=True)
                yield run_apart(runtime, path, case)


def sketched_digits(count: int = 256) -> np.ndarray:
    """Draw digits on 280 x 280 with fine and thick brushes, dark on light and light on dark: uint8."""
    random = np.random.default_rng(0)
    drawings, _ = styles.digits(count, random)
    sketches = np.stack([np.asarray(draw(drawing, random.uniform(8, 32), 200)) for drawing in drawings])
    return np.where(np.arange(count)[:, None, None] % 2, sketches, 255 - sketches)


def photographed_digits(count: int = 64) -> np.ndarray:
    """Draw digits on grey paper of 200 x 333, lit from one side, with grain: uint8."""
    random = np.random.default_rng(1)
    drawings, _ = styles.digits(count, random)
    squares = [np.asarray(draw(drawing, random.uniform(6, 18), 130, side=200)) for drawing in drawings]
    paper = np.pad(squares, ((0, 0), (0, 0), (40, 93)), constant_values=255)
    light = np.linspace(0.9, 0.6, 333) * np.linspace(0.8, 1, 200)[:, None]
    return ((paper * 0.7 + 60) * light + random.normal(0, 4, paper.shape)).clip(0, 255).astype(np.uint8)


def write_cases(folder: Path, network: keras.Model, kind: Kind, inputs: list[np.ndarray]) -> Path:
    """Write the .npz that export.runtimes.measure takes, and return its path. The last of `inputs[:2]` is timed."""
    cases: dict[str, Any] = {"timed": (inputs[1:] or inputs)[0][: BATCHES[-1]]}
    for number, images in enumerate(inputs):
        cases[f"input{number}"] = images
        cases[f"probabilities{number}"] = keras_outputs(network, kind, images)["probabilities"]
    path = folder / f"{kind.file(network.name)}.npz"
    np.savez(path, **cases)
    return path


def write_numbers(folder: Path, networks: list[keras.Model], images: np.ndarray) -> Path:
    """Write the .npz that export.runtimes.measure takes for the reader, and return its path.

    It holds sheets with numbers of `images`, a blank one among them, and what model/reader reads with `networks`.
    """
    cases: dict[str, Any] = {"timed": sketched_digits(TIMED)}
    blank = np.full((280, 420), 255, np.uint8)
    for number, sheet in enumerate([*numbers(images), blank, *photographed_digits(4)]):
        reading = reader.read(sheet, partial(judged, networks))
        cases[f"input{number}"] = sheet[None]
        cases |= {f"{name}{number}": getattr(reading, name)[None] for name in ("digits", "boxes", "probabilities")}
    path = folder / f"{READER_FILE}.npz"
    np.savez(path, **cases)
    return path


def _time_keras(path: Path, network: keras.Model) -> RuntimeRow:
    shape = network.input_shape[1:]

    def read(images: np.ndarray) -> dict[str, np.ndarray]:
        return {"probabilities": network.predict(images.reshape(-1, *shape), batch_size=len(images), verbose=0)}

    images = np.zeros((BATCHES[-1], 28, 28), np.float32)
    one, latency = time_beside_onnx_runtime(path, read, images[:1], 1)
    many, ratio = time_beside_onnx_runtime(path, read, images, CORES)
    return RuntimeRow(
        "Keras predict",
        path.name,
        keras.__version__,
        milliseconds=1_000 * one,
        latency=latency,
        per_second=len(images) / many,
        throughput=1 / ratio,
    )


def run_apart(runtime: str, path: Path, cases: Path) -> RuntimeRow:
    """Measure `runtime` on the graph in `path` in a process of its own. The row says if that crashes or hangs."""
    _, version_of = RUNTIMES[runtime]
    output = cases.with_suffix(".json")
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "export.runtimes", runtime, str(path), str(cases), str(output)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return RuntimeRow(runtime, path.name, version_of(), refused=f"no end after {MAX_SECONDS // 60} minutes")
    if output.is_file():
        return RuntimeRow(**json.loads(output.read_text(encoding="utf-8")))
    last_line = "".join(done.stderr.strip().splitlines()[-1:])
    reason = signal.strsignal(-done.returncode) if done.returncode < 0 else last_line
    return RuntimeRow(runtime, path.name, version_of(), refused=f"it crashes: {reason}")
