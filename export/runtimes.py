"""Run the graphs in the runtimes that people take them to.

Each context manager opens a graph on so many threads and gives a reader, which maps an input batch to the outputs by
name. `python -m export.runtimes` measures one runtime in a process of its own, so that a crash ends nothing else.
"""

import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from export import web
from export.contract import READER_FILE, Kind, kind_of
from export.measurements import CORES, RuntimeRow

Reader = Callable[[np.ndarray], dict[str, np.ndarray]]
BATCHES = (1, 7, 256)
OUTPUTS = ("probabilities", "digits", "boxes")  # that are compared
BOX_TOLERANCE = 0.5  # pixels
COMPARING_SECONDS = 30  # for so many images as a runtime reads in that time, one by one
ROUNDS = 11  # of timings, each in turn with ONNX Runtime; their medians count
ROUND_SECONDS = 0.1
MAX_SECONDS = 30  # for all rounds


def _outputs(path: Path) -> list[str]:
    return [output.name for output in onnx.load(path).graph.output]


@contextmanager
def onnx_runtime(path: Path, threads: int) -> Iterator[Reader]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (name,), outputs = [value.name for value in session.get_inputs()], _outputs(path)
    yield lambda batch: dict(zip(outputs, session.run(outputs, {name: batch}), strict=True))


@contextmanager
def onnx_reference(path: Path, threads: int) -> Iterator[Reader]:
    from onnx.reference import ReferenceEvaluator

    reference = ReferenceEvaluator(str(path))
    (name,), outputs = reference.input_names, reference.output_names
    yield lambda batch: dict(zip(outputs, reference.run(None, {name: batch}), strict=True))


@contextmanager
def openvino(path: Path, threads: int) -> Iterator[Reader]:
    import openvino

    hints = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
    }  # the default is bfloat16 on processors with AMX
    request = openvino.Core().compile_model(path, "CPU", hints).create_infer_request()
    outputs = _outputs(path)

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        return {name: np.array(value) for name, value in zip(outputs, request.infer([batch]).values(), strict=True)}

    yield read


@contextmanager
def opencv(path: Path, threads: int) -> Iterator[Reader]:
    import cv2

    cv2.setNumThreads(threads)
    network = cv2.dnn.readNetFromONNX(str(path), engine=cv2.dnn.ENGINE_NEW)  # the classic one knows no symbolic sizes
    outputs = _outputs(path)

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        network.setInput(batch)
        return {name: np.array(value) for name, value in zip(outputs, network.forward(outputs), strict=True)}

    yield read


@contextmanager
def tract(path: Path, threads: int) -> Iterator[Reader]:
    import tract

    model = tract.onnx().load(str(path)).into_model().into_runnable()
    outputs = _outputs(path)
    yield lambda batch: dict(zip(outputs, (value.to_numpy() for value in model.run([batch])), strict=True))


@contextmanager
def mnn(path: Path, threads: int) -> Iterator[Reader]:
    import _tools  # MNN's public converter is a command that installs a package and reports its use to a web address
    import MNN.expr as expr
    import MNN.nn as nn

    path = path.resolve()
    name, outputs = onnx.load(path).graph.input[0].name, _outputs(path)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):  # where a crash leaves a file
        file = f"{folder}/graph.mnn"
        _tools.mnnconvert(["", "-f", "ONNX", "--modelFile", str(path), "--MNNModel", file, "--bizCode", "digits"])
        manager = nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": threads},))
        winograd_memory_level = 3
        manager.set_hint(winograd_memory_level, 0)  # the default makes its convolution inexact by 4e-4
        module = nn.load_module_from_file(file, [name], outputs, runtime_manager=manager)

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        kind = expr.uint8 if batch.dtype == np.uint8 else expr.float
        values = module.forward([expr.const(batch, list(batch.shape), expr.NCHW, kind)])
        if len(values) != len(outputs):
            raise RuntimeError("MNN gives no answer")
        return {n: expr.convert(value, expr.NCHW).read().copy() for n, value in zip(outputs, values, strict=True)}

    yield read


@contextmanager
def litert(path: Path, threads: int) -> Iterator[Reader]:
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, folder)  # onnx2tf writes to the file that it reads
        command = [sys.executable, "-m", "onnx2tf", "-i", copy, "-o", folder, "-n"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        converted = Path(folder, f"{path.stem}_float32.tflite")
        if done.returncode or not converted.is_file():
            reason = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise RuntimeError(f"onnx2tf cannot convert it: {''.join(reason)}")
        content = converted.read_bytes()
    interpreter = Interpreter(model_content=content, num_threads=threads)
    source, outputs = interpreter.get_input_details()[0]["index"], _outputs(path)

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(source, batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(source, batch)
        interpreter.invoke()
        found = [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]
        return dict(zip(outputs, found, strict=True))

    interpreter.allocate_tensors()
    yield read


@contextmanager
def onnx_runtime_web(path: Path, threads: int) -> Iterator[Reader]:
    with web.browser() as chromium, web.serving(web.package()) as site:
        yield web.Page(chromium, site, path)


def _onnx_runtime_version() -> str:
    import onnxruntime

    return onnxruntime.__version__


def _opencv_version() -> str:
    import cv2

    return cv2.__version__


RUNTIMES: dict[str, tuple[Callable[[Path, int], Any], Callable[[], str]]] = {
    "ONNX Runtime": (onnx_runtime, _onnx_runtime_version),
    "onnx.reference": (onnx_reference, partial(version, "onnx")),
    "OpenVINO": (openvino, partial(version, "openvino")),
    "OpenCV": (opencv, _opencv_version),
    "tract": (tract, partial(version, "tract")),
    "MNN": (mnn, partial(version, "MNN")),
    "LiteRT": (litert, lambda: f"{version('ai-edge-litert')} with onnx2tf {version('onnx2tf')}"),
    "ONNX Runtime Web": (onnx_runtime_web, lambda: web.VERSION),
}


def measure(runtime: str, path: Path, cases: Path) -> RuntimeRow:
    """Compare `runtime` with Keras on the graph in `path`, and time it against ONNX Runtime.

    A slow runtime is given fewer of the images.

    `cases` is an .npz with input0, input1 ... uint8 [count, height, width], the probabilities0 ... that Keras gives for
    them, for the reader also digits0 ... and boxes0 ..., and `timed` uint8 [batch, height, width].
    """
    open_runtime, version_of = RUNTIMES[runtime]
    data = np.load(cases)
    kind = kind_of(onnx.load(path).graph)
    compare = _compare_numbers if path.name == READER_FILE else partial(_compare_digits, kind)

    difference, same, count = 0.0, 0, 0
    with open_runtime(path, CORES) as read:
        most = math.ceil(COMPARING_SECONDS / _fastest(read, kind.inputs(data["timed"][:1])))
        for number in range(sum(name.startswith("input") for name in data)):
            expected = {name: data[f"{name}{number}"][:most] for name in OUTPUTS if f"{name}{number}" in data}
            gap, agreed, given = compare(read, data[f"input{number}"][:most], expected)
            difference = max(difference, 1.0 if math.isnan(gap) else gap)
            same, count = same + agreed, count + given
        many, many_ratio = time_beside_onnx_runtime(path, read, kind.inputs(data["timed"]), CORES)
    with open_runtime(path, 1) as read:
        one, one_ratio = time_beside_onnx_runtime(path, read, kind.inputs(data["timed"][:1]), 1)
    return RuntimeRow(
        runtime,
        path.name,
        version_of(),
        difference=difference,
        same=same,
        count=count,
        milliseconds=1_000 * one,
        latency=one_ratio,
        per_second=len(data["timed"]) / many,
        throughput=1 / many_ratio,
    )


def _compare_digits(
    kind: Kind, read: Reader, images: np.ndarray, expected: dict[str, np.ndarray]
) -> tuple[float, int, int]:
    """Read images in batches of several sizes. Returns the largest difference, and digits read the same and given."""
    gaps, probabilities = [], expected["probabilities"]
    for size in BATCHES:
        end = len(images) if size == BATCHES[-1] else min(10 * size, len(images))
        inputs = kind.inputs(images[:end])
        found = np.concatenate([read(inputs[i : i + size])["probabilities"] for i in range(0, end, size)])
        gaps.append(float(np.abs(found - probabilities[:end]).max()))
    same = found.argmax(axis=1) == probabilities.argmax(axis=1)
    return float(np.max(gaps)), int(same.sum()), len(images)


def _compare_numbers(read: Reader, sheet: np.ndarray, expected: dict[str, np.ndarray]) -> tuple[float, int, int]:
    """Read a sheet with numbers: digits are the same if their boxes are, too."""
    found = read(sheet)
    count = expected["digits"].size
    if found["digits"].shape != expected["digits"].shape:
        return 1.0, 0, count
    same = found["digits"] == expected["digits"]
    same &= np.abs(found["boxes"] - expected["boxes"]).max(axis=2) < BOX_TOLERANCE
    gap = np.abs(found["probabilities"] - expected["probabilities"]).max(initial=0)
    return float(gap), int(same.sum()), count


def time_beside_onnx_runtime(path: Path, read: Reader, batch: np.ndarray, threads: int) -> tuple[float, float]:
    """Time `read` on `batch`, in turn with ONNX Runtime. Returns seconds a run, and their ratio to ONNX Runtime's."""
    with onnx_runtime(path, threads) as peer:
        once = [_fastest(reader, batch) for reader in (read, peer)]
        times = [math.ceil(ROUND_SECONDS / seconds) for seconds in once]
        taken: list[list[float]] = []
        began = time.monotonic()
        while len(taken) < ROUNDS and (not taken or time.monotonic() < began + MAX_SECONDS):
            taken.append([_seconds(reader, batch, n) for reader, n in zip((read, peer), times, strict=True)])
    ours, theirs = np.median(taken, axis=0)
    return float(ours), float(ours / theirs)


def _fastest(read: Any, batch: np.ndarray) -> float:
    """Time the fastest of three runs, or one that takes long, in seconds."""
    seconds = _seconds(read, batch, 1)
    if seconds < ROUND_SECONDS:
        seconds = min(seconds, *(_seconds(read, batch, 1) for _ in range(2)))
    return max(seconds, 1e-5)


def _seconds(read: Any, batch: np.ndarray, times: int) -> float:
    time.sleep(0.05)  # threads of the other runtime spin for a while before they sleep
    if isinstance(read, web.Page):
        return read.seconds(batch, times)
    if times > 1:
        read(batch)
    began = time.perf_counter()
    for _ in range(times):
        read(batch)
    return (time.perf_counter() - began) / times


def main(runtime: str, path: str, cases: str, output: str) -> None:
    """Measure one runtime and write the row as JSON to `output`."""
    _, version_of = RUNTIMES[runtime]
    found = ""
    try:
        found = version_of()
        row = measure(runtime, Path(path), Path(cases))
    except Exception as error:  # each runtime raises classes of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].replace(path, Path(path).name)[:300]
        is_missing = isinstance(error, (ImportError, web.UnavailableError))
        row = RuntimeRow(runtime, Path(path).name, found)
        row = replace(row, missing=reason) if is_missing else replace(row, refused=reason)
    Path(output).write_text(json.dumps(asdict(row)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
