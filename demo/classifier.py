"""ONNX Runtime sessions: which provider runs them, and what they say of a sketch."""

import re
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime

ONNX = Path(__file__).parent.parent / "export" / "onnx"
NETWORKS = ("lenet5", "ffnn")
WARNING, FATAL = 2, 4  # ONNX Runtime's log severities
Device = Literal["auto", "cuda", "cpu"]


class SetupError(Exception):
    """The demo cannot start; the message says how to mend it."""


@dataclass(frozen=True)
class Answer:
    """What the networks say of one sketch.

    `image` float32 [28, 28] is what they see, ink 1 on paper 0; `probabilities` float32 [10] a network;
    `milliseconds` the time both took.
    """

    image: np.ndarray
    probabilities: dict[str, np.ndarray]
    milliseconds: float

    @property
    def blank(self) -> bool:
        """Whether there was no ink to read."""
        return not self.image.any()


@dataclass(frozen=True)
class Classifier:
    """Both networks, loaded."""

    sessions: dict[str, onnxruntime.InferenceSession]

    @property
    def provider(self) -> str:
        """What really runs them both at this moment, "CUDA" or "CPU"."""
        cuda = all(session.get_providers()[0] == "CUDAExecutionProvider" for session in self.sessions.values())
        return "CUDA" if cuda else "CPU"

    def classify(self, sketch: np.ndarray) -> Answer:
        """Read one sketch, uint8 [height, width], dark on light or light on dark."""
        started = time.perf_counter()
        answers = {
            name: session.run(["image", "probabilities"], {"sketch": sketch[None]})
            for name, session in self.sessions.items()
        }
        milliseconds = 1000 * (time.perf_counter() - started)
        image = next(iter(answers.values()))[0][0]
        return Answer(image, {name: probabilities[0] for name, (_, probabilities) in answers.items()}, milliseconds)


def load(device: Device = "auto", folder: Path = ONNX) -> Classifier:
    """Load `folder`/NETWORK-sketch.onnx of both networks and warm them up.

    "auto" takes CUDA where the sessions really get it, else the CPU; "cuda" raises SetupError where they do not.
    A missing or damaged file raises SetupError.
    """
    if device == "cpu":
        providers: list[Any] = ["CPUExecutionProvider"]
        missing = ""
    else:
        providers = [("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}), "CPUExecutionProvider"]
        missing = _preload_cuda()
    classifier = Classifier({name: _session(folder / f"{name}-sketch.onnx", providers) for name in NETWORKS})
    classifier.classify(np.tri(280, dtype=np.uint8) * 255)
    if device == "cuda" and classifier.provider != "CUDA":
        raise SetupError(f"ONNX Runtime {onnxruntime.__version__} cannot use CUDA here: {missing}")
    return classifier


def _preload_cuda() -> str:
    """Load the CUDA libraries that pip installed. Returns what to do if the sessions get no CUDA all the same."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "this build has none; onnxruntime-gpu, for Linux and Windows on x86-64, has."
    with redirect_stdout(StringIO()) as complaints:
        onnxruntime.preload_dlls()
    libraries = re.findall(r"Failed to load (\S+):", complaints.getvalue())
    if libraries:
        return f'{", ".join(libraries)} not found. pip install -e ".[cuda]" brings them.'
    return "its libraries are there, the GPU or a driver new enough for them is not. nvidia-smi shows both."


def _session(path: Path, providers: list[Any]) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise SetupError(f"There is no {path}: python -m export makes it.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # networks this small only wait for more threads
    onnxruntime.set_default_logger_severity(FATAL)  # without CUDA it logs what load() says better
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:  # ONNX Runtime raises classes of its own for files that it cannot read
        raise SetupError(f"{path} is damaged ({error}): python -m export makes it anew.") from error
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
    names = [value.name for value in [*session.get_inputs(), *session.get_outputs()]]
    if names != ["sketch", "image", "probabilities"]:
        raise SetupError(f"{path} holds another graph, of {', '.join(names)}: python -m export makes it anew.")
    return session
