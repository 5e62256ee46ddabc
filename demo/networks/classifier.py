"""Both networks in ONNX Runtime, on CUDA or on the CPU, and what they say of a sketch."""

import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime

from demo.networks.batches import Batches
from demo.networks.provider import NoCudaError, cause, obstacles, session_on_cpu, session_on_cuda

ONNX = Path(__file__).parent.parent.parent / "export" / "onnx"
NETWORKS = ("lenet5", "ffnn")
FILES = ("lenet5-sketch.onnx", "ffnn.onnx")  # the first makes the image that both see: it costs more than the networks
NAMES = (["sketch", "image", "probabilities"], ["image", "probabilities"])  # of their inputs and outputs
MAPS = {"conv1": "conv1/Relu", "conv2": "conv2/Tanh", "conv3": "conv3/Tanh"}  # LeNet5's feature maps, and their nodes
PROBABLE, SURE = 0.5, 0.9  # tests/benchmarks/refusal.py counts what lies between and beyond
BATCH = 16  # sketches that CUDA reads at once
SLOWER = 3  # times the CPU's time for one sketch: if CUDA takes more, "auto" prefers the CPU
CLOSE = 1e-3  # to the CPU's probabilities; summing in another order makes 1e-5
KNOWN = np.pad(np.zeros((160, 20), np.uint8), [(60, 60), (130, 130)], constant_values=255)  # a sketch of a 1
Device = Literal["auto", "cuda", "cpu"]
Provider = Literal["CUDA", "CPU"]


class SetupError(Exception):
    """The demo cannot start; the message says how to mend it."""


@dataclass(frozen=True)
class Answer:
    """What the networks say of one sketch.

    `image` float32 [28, 28] is what they see, ink 1 on paper 0; `probabilities` float32 [10] a network; `maps` float32
    [maps, height, width] a convolution of LeNet5, if asked for; `milliseconds` the time it took `provider`, "CUDA" or
    "CPU".
    """

    image: np.ndarray
    probabilities: dict[str, np.ndarray]
    maps: dict[str, np.ndarray]
    milliseconds: float
    provider: Provider = "CPU"

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
class Networks:
    """Sessions of both networks that read `batch` sketches at a time."""

    sessions: dict[str, onnxruntime.InferenceSession]
    batch: int = 1
    provider: Provider = "CPU"

    def read(self, sketches: np.ndarray, look_inside: bool = False) -> list[Answer]:
        """Read up to `batch` sketches of one size, uint8 [count, height, width]."""
        started = time.perf_counter()
        count = len(sketches)
        if count < self.batch:  # for another batch size cuDNN would plan its convolutions anew
            sketches = np.concatenate([sketches, np.repeat(sketches[:1], self.batch - count, axis=0)])
        outputs = ["image", "probabilities", *(MAPS.values() if look_inside else ())]
        images, lenet5, *maps = self.sessions["lenet5"].run(outputs, {"sketch": sketches})
        (ffnn,) = self.sessions["ffnn"].run(["probabilities"], {"image": images})
        milliseconds = 1000 * (time.perf_counter() - started)
        return [
            Answer(
                images[i],
                {"lenet5": lenet5[i], "ffnn": ffnn[i] if images[i].any() else lenet5[i]},
                {layer: values[i] for layer, values in zip(MAPS, maps, strict=False)},
                milliseconds,
                self.provider,
            )
            for i in range(count)
        ]


class Classifier:
    """Both networks, loaded; `provider`, "CUDA" or "CPU", runs them, and there may be something to `remark` on that.

    `on_cuda` read one sketch, and up to `at_once` together: those that come while others are read are read next, in one
    batch. What CUDA fails to read, `on_cpu` reads. Without CUDA each sketch is read at once, in its own thread.
    """

    def __init__(self, on_cpu: Networks, on_cuda: "OnCuda | None" = None, remark: str = "") -> None:
        self.provider: Provider = "CUDA" if on_cuda else "CPU"
        self.remark = remark
        self.at_once = on_cuda.together.batch if on_cuda else 1
        self._on_cpu = on_cpu
        self._on_cuda = on_cuda
        self._batches = Batches(self._read, self.at_once) if on_cuda else None

    def __str__(self) -> str:
        return f"ONNX Runtime on {self.provider}" + (f": {self.remark}" if self.remark else "")

    def classify(self, sketch: np.ndarray, look_inside: bool = False) -> Answer:
        """Read one sketch, uint8 [height, width], dark on light or light on dark; with LeNet5's maps if asked.

        Of a blank one both say 0.1 for each digit, as their sketch files do.
        """
        if self._batches:
            return self._batches.ask(sketch, (sketch.shape, look_inside))
        return self._on_cpu.read(sketch[None], look_inside)[0]

    def _read(self, sketches: list[np.ndarray], kind: tuple[tuple[int, ...], bool]) -> list[Answer]:
        assert self._on_cuda
        _, look_inside = kind
        try:
            if len(sketches) == 1:
                return self._on_cuda.alone.read(sketches[0][None], look_inside)
            return self._on_cuda.together.read(np.stack(sketches), look_inside)
        except Exception as error:  # ONNX Runtime raises classes of its own
            remark = f"it fails, {cause(error)}, and the CPU reads"
            if remark != self.remark:
                self.remark = remark
                print(self, file=sys.stderr, flush=True)
            return [self._on_cpu.read(sketch[None], look_inside)[0] for sketch in sketches]


def load(device: Device = "auto", folder: Path = ONNX) -> Classifier:
    """Load both networks from `folder`, in which python -m export writes, and warm them up.

    "auto" takes CUDA where it runs them, proven by what ran and by what came out, and where one sketch takes no more
    than SLOWER times as long as on the CPU; else the CPU, with a remark why. "cuda" raises SetupError where CUDA does
    not run them. So does a missing or damaged file.
    """
    models, sessions = {}, {}
    for network, file, names in zip(NETWORKS, FILES, NAMES, strict=True):
        models[network] = _model(folder / file)
        sessions[network] = _session(folder / file, models[network], names)
    on_cpu = Networks(sessions)
    known = on_cpu.read(KNOWN[None])[0]
    if device == "cpu":
        return Classifier(on_cpu)
    try:
        if lacking := list(obstacles() if device == "cuda" else islice(obstacles(), 1)):
            raise NoCudaError("; ".join(lacking))
        on_cuda = OnCuda(models, known)
    except NoCudaError as error:
        if device == "cuda":
            raise SetupError(f"CUDA does not run here: {error}.") from error
        return Classifier(on_cpu, remark=str(error))
    if device == "auto":
        cuda, cpu = _milliseconds(on_cuda.alone), _milliseconds(on_cpu)
        if cuda > SLOWER * cpu:
            remark = f"CUDA takes {cuda:.1f} ms for one drawing, the CPU {cpu:.1f}; --device cuda takes CUDA"
            return Classifier(on_cpu, remark=remark)
    return Classifier(on_cpu, on_cuda, f"the CPU runs {', '.join(on_cuda.stay)}" if on_cuda.stay else "")


class OnCuda:
    """Both networks on CUDA, to read one sketch `alone` or up to BATCH `together`; some nodes may `stay` on the CPU.

    Only one may read at a time. Raises NoCudaError if they do not run on CUDA, or do not say what is `known` of KNOWN.
    """

    def __init__(self, models: dict[str, bytes], known: Answer) -> None:
        self.stay: list[str] = []
        self.alone, self.together = (self._load(models, known, batch) for batch in (1, BATCH))

    def _load(self, models: dict[str, bytes], known: Answer, batch: int) -> Networks:
        sketches, images = (np.stack([array] * batch) for array in (KNOWN, known.image))
        sessions = {}
        for network, feed in zip(NETWORKS, ({"sketch": sketches}, {"image": images}), strict=True):
            sessions[network], stay = session_on_cuda(models[network], feed)
            self.stay += [node for node in stay if node not in self.stay]
        networks = Networks(sessions, batch, "CUDA")
        for answer in networks.read(sketches):
            for network, probabilities in answer.probabilities.items():
                if not np.allclose(probabilities, known.probabilities[network], rtol=0, atol=CLOSE):
                    raise NoCudaError(f"with it {network} says something else than on the CPU")
        return networks


def _milliseconds(networks: Networks) -> float:
    return statistics.median(networks.read(KNOWN[None])[0].milliseconds for _ in range(20))


def _model(path: Path) -> bytes:
    if not path.is_file():
        raise SetupError(f"There is no {path}: python -m export makes it.")
    model = path.read_bytes()
    return _with_outputs(model, MAPS.values()) if path.name == FILES[0] else model


def _session(path: Path, model: bytes, names: list[str]) -> onnxruntime.InferenceSession:
    try:
        session = session_on_cpu(model)
    except Exception as error:  # ONNX Runtime raises classes of its own for files that it cannot read
        raise SetupError(f"{path} is damaged ({error}): python -m export makes it anew.") from error
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
