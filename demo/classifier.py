"""ONNX Runtime sessions: which provider runs them, and what they say of a sketch."""

import re
import time
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime

ONNX = Path(__file__).parent.parent / "export" / "onnx"
NETWORKS = ("lenet5", "ffnn")
FILES = ("lenet5-sketch.onnx", "ffnn.onnx")  # the first makes the image that both see: it costs more than the networks
NAMES = (["sketch", "image", "probabilities"], ["image", "probabilities"])  # of their inputs and outputs
MAPS = {"conv1": "conv1/Relu", "conv2": "conv2/Tanh", "conv3": "conv3/Tanh"}  # LeNet5's feature maps, and their nodes
PROBABLE, SURE = 0.5, 0.9  # tests/benchmarks/refusal.py counts what lies between and beyond
WARNING, FATAL = 2, 4  # ONNX Runtime's log severities
Device = Literal["auto", "cuda", "cpu"]


class SetupError(Exception):
    """The demo cannot start; the message says how to mend it."""


@dataclass(frozen=True)
class Answer:
    """What the networks say of one sketch.

    `image` float32 [28, 28] is what they see, ink 1 on paper 0; `probabilities` float32 [10] a network; `maps` float32
    [maps, height, width] a convolution of LeNet5, if asked for; `milliseconds` the time it took.
    """

    image: np.ndarray
    probabilities: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    milliseconds: float

    @property
    def together(self) -> np.ndarray:
        """The mean of both networks' probabilities, float32 [10]."""
        return np.mean(list(self.probabilities.values()), axis=0)

    @property
    def digit(self) -> int | None:
        """The digit that both networks together think PROBABLE, if there is one."""
        return int(self.together.argmax()) if self.together.max() > PROBABLE else None

    @property
    def sure(self) -> bool:
        """Whether they are SURE of it."""
        return bool(self.together.max() >= SURE)


@dataclass(frozen=True)
class Classifier:
    """Both networks, loaded."""

    sessions: dict[str, onnxruntime.InferenceSession]

    @property
    def provider(self) -> str:
        """What really runs them both at this moment, "CUDA" or "CPU"."""
        cuda = all(session.get_providers()[0] == "CUDAExecutionProvider" for session in self.sessions.values())
        return "CUDA" if cuda else "CPU"

    def classify(self, sketch: np.ndarray, look_inside: bool = False) -> Answer:
        """Read one sketch, uint8 [height, width], dark on light or light on dark; with LeNet5's maps if asked.

        Of a blank one both say 0.1 for each digit, as their sketch files do.
        """
        started = time.perf_counter()
        outputs = ["image", "probabilities", *(MAPS.values() if look_inside else ())]
        image, lenet5, *maps = self.sessions["lenet5"].run(outputs, {"sketch": sketch[None]})
        (ffnn,) = self.sessions["ffnn"].run(["probabilities"], {"image": image})
        return Answer(
            image[0],
            {"lenet5": lenet5[0], "ffnn": ffnn[0] if image.any() else lenet5[0]},
            {layer: values[0] for layer, values in zip(MAPS, maps, strict=False)},
            1000 * (time.perf_counter() - started),
        )


def load(device: Device = "auto", folder: Path = ONNX) -> Classifier:
    """Load both networks from `folder`, in which python -m export writes, and warm them up.

    "auto" takes CUDA where the sessions really get it, else the CPU; "cuda" raises SetupError where they do not.
    A missing or damaged file raises SetupError.
    """
    if device == "cpu":
        providers: list[Any] = ["CPUExecutionProvider"]
        missing = ""
    else:
        providers = [("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}), "CPUExecutionProvider"]
        missing = _preload_cuda()
    classifier = Classifier(
        {
            network: _session(folder / file, names, providers)
            for network, file, names in zip(NETWORKS, FILES, NAMES, strict=True)
        }
    )
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


def _session(path: Path, names: list[str], providers: list[Any]) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise SetupError(f"There is no {path}: python -m export makes it.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # networks this small only wait for more threads
    onnxruntime.set_default_logger_severity(FATAL)  # without CUDA it logs what load() says better
    try:
        model = path.read_bytes()
        if path.name == FILES[0]:
            model = _with_outputs(model, MAPS.values())
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:  # ONNX Runtime raises classes of its own for files that it cannot read
        raise SetupError(f"{path} is damaged ({error}): python -m export makes it anew.") from error
    finally:
        onnxruntime.set_default_logger_severity(WARNING)
    found = [value.name for value in [*session.get_inputs(), *session.get_outputs()]]
    if found[: len(names)] != names:
        raise SetupError(f"{path} holds another graph, of {', '.join(found)}: python -m export makes it anew.")
    return session


def _with_outputs(model: bytes, nodes: Iterable[str]) -> bytes:
    """A serialized ModelProto whose graph has the values of `nodes` as further outputs.

    Protobuf merges what is appended to a message: here ModelProto.graph (7) with GraphProto.output (12), of which
    ValueInfoProto.name (1) is enough.
    """

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    return model + b"".join(field(7, field(12, field(1, node.encode()))) for node in nodes)
