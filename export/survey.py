"""Every graph through every runtime that is installed, each in a process of its own, against the checkpoint."""

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.runtimes import BATCHES, CORES, RUNTIMES, time_beside_onnx_runtime
from export.verify import keras_reads
from model import strokes, styles
from model.mnist import Digits

SECONDS = 1_800  # that a runtime may take for a graph; onnx.reference needs a third of them for LeNet5


def survey(files: dict[Path, keras.Model], digits: Digits) -> Iterator[dict[str, Any]]:
    """A row for each of RUNTIMES and each graph in `files`, which gives the network it was made of.

    A row holds `runtime`, `version`, `file` and what export.runtimes.measure gives; or `missing`, if the runtime is not
    installed; or `refused`, why it cannot take the graph. Keras' predict is timed too. Sketch graphs are also given
    drawings on 280 x 280 and photographs of 200 x 333.
    """
    with tempfile.TemporaryDirectory() as folder:
        cases = {path: Path(folder, f"{path.stem}.npz") for path in files}
        for path, network in files.items():
            if path.stem.endswith("-sketch"):
                write_cases(cases[path], network, [digits.images, drawn(), photographed()])
            else:
                write_cases(cases[path], network, [digits.images])
                yield {"runtime": "Keras predict", "file": path.name} | _predict(path, network)
        output = Path(folder, "row.json")
        for runtime in RUNTIMES:
            for path in files:
                print(f"{runtime} runs {path.name} ...", end="\r", flush=True)
                yield {"runtime": runtime, "file": path.name} | row(runtime, path, cases[path], output)


def drawn(count: int = 256) -> np.ndarray:
    """Digits drawn on 280 x 280 with fine and thick brushes, dark on light and light on dark: uint8."""
    random = np.random.default_rng(0)
    drawings, _ = styles.digits(count, random)
    sketches = np.stack([np.asarray(strokes.draw(drawing, random.uniform(8, 32), 200)) for drawing in drawings])
    return np.where(np.arange(count)[:, None, None] % 2, sketches, 255 - sketches)


def photographed(count: int = 64) -> np.ndarray:
    """Digits on grey paper of 200 x 333, lit from one side, with grain: uint8."""
    random = np.random.default_rng(1)
    drawings, _ = styles.digits(count, random)
    squares = [np.asarray(strokes.draw(drawing, random.uniform(6, 18), 130, side=200)) for drawing in drawings]
    paper = np.pad(squares, ((0, 0), (0, 0), (40, 93)), constant_values=255)
    light = np.linspace(0.9, 0.6, 333) * np.linspace(0.8, 1, 200)[:, None]
    return ((paper * 0.7 + 60) * light + random.normal(0, 4, paper.shape)).clip(0, 255).astype(np.uint8)


def write_cases(path: Path, network: keras.Model, inputs: list[np.ndarray]) -> None:
    """The .npz that export.runtimes.measure takes: of MNIST's images, or of these and other sketches to time."""
    sketches = len(inputs) > 1
    cases: dict[str, Any] = {"timed": inputs[1 if sketches else 0][: BATCHES[-1]]}
    for number, images in enumerate(inputs):
        cases[f"input{number}"] = images
        cases[f"probabilities{number}"] = keras_reads(network, images, sketches)["probabilities"]
    np.savez(path, **cases)


def _predict(path: Path, network: keras.Model) -> dict[str, Any]:
    shape = network.input_shape[1:]

    def read(images: np.ndarray) -> dict[str, np.ndarray]:
        return {"probabilities": network.predict(images.reshape(-1, *shape), batch_size=len(images), verbose=0)}

    images = np.zeros((BATCHES[-1], 28, 28), np.float32)
    one, latency = time_beside_onnx_runtime(path, read, images[:1], 1)
    many, ratio = time_beside_onnx_runtime(path, read, images, CORES)
    return {
        "version": keras.__version__,
        "milliseconds": 1_000 * one,
        "latency": latency,
        "per_second": len(images) / many,
        "throughput": 1 / ratio,
    }


def row(runtime: str, path: Path, cases: Path, output: Path) -> dict[str, Any]:
    """What export.runtimes.measure says of `runtime` and the graph in `path`, or why it says nothing."""
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "export.runtimes", runtime, str(path), str(cases), str(output)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"version": "", "refused": f"no end after {SECONDS // 60} minutes"}
    if output.is_file():
        return json.loads(output.read_text(encoding="utf-8"))
    if done.returncode < 0:
        return {"version": "", "refused": f"it crashes: {signal.strsignal(-done.returncode)}"}
    return {"version": "", "refused": f"it crashes: {''.join(done.stderr.strip().splitlines()[-1:])}"}
