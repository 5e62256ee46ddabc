"""Both networks in ONNX Runtime, on CUDA or the CPU, and their answer to a sketch."""

import statistics
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime

from demo.networks.batches import Batches
from demo.networks.files import MAPS, NETWORKS, ONNX, SetupError, read
from demo.networks.provider import NoCudaError, error_reason, missing_requirements, session_on_cuda

PROBABLE, SURE = 0.5, 0.9  # thresholds of the mean probability; tests/benchmarks/refusal.py measures their effect
CUDA_BATCH = 16  # sketches in a batch on CUDA
MAX_SLOWDOWN = 3  # "auto" takes the CPU if CUDA takes more than this many times the CPU's time for one sketch
CPU_TOLERANCE = 1e-3  # between probabilities on CUDA and on the CPU; another order of summation makes 1e-5
SKETCH_OF_ONE = np.pad(np.zeros((160, 20), np.uint8), [(60, 60), (130, 130)], constant_values=255)
Device = Literal["auto", "cuda", "cpu"]
Provider = Literal["CUDA", "CPU"]


@dataclass(frozen=True)
class Answer:
    """The networks' answer to one sketch."""

    image: np.ndarray
    """What the networks see: float32 [28, 28], ink 1 on paper 0."""
    probabilities: dict[str, np.ndarray]
    """float32 [10] for each network."""
    maps: dict[str, np.ndarray]
    """float32 [maps, height, width] for each convolution of LeNet5; empty unless requested."""
    milliseconds: float
    """Time that the networks took."""
    provider: Provider = "CPU"
    """What ran the networks."""

    @property
    def mean(self) -> np.ndarray:
        """The mean of both networks' probabilities, float32 [10]."""
        return np.mean(list(self.probabilities.values()), axis=0)

    @property
    def digit(self) -> int | None:
        """The digit whose mean probability exceeds PROBABLE, or None."""
        return int(self.mean.argmax()) if self.mean.max() > PROBABLE else None

    @property
    def sure(self) -> bool:
        """Whether the largest mean probability is at least SURE."""
        return bool(self.mean.max() >= SURE)


@dataclass(frozen=True)
class Networks:
    """Sessions of both networks, for batches of `batch_size` sketches."""

    sessions: dict[str, onnxruntime.InferenceSession]
    batch_size: int = 1
    provider: Provider = "CPU"

    def read(self, sketches: np.ndarray, look_inside: bool = False) -> list[Answer]:
        """Read at most `batch_size` sketches of one size, uint8 [count, height, width]."""
        started = time.perf_counter()
        count = len(sketches)
        if count < self.batch_size:  # pad: for each new batch size cuDNN would plan its convolutions again
            sketches = np.concatenate([sketches, np.repeat(sketches[:1], self.batch_size - count, axis=0)])
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
    """Both networks of `folder`. `provider`, "CUDA" or "CPU", runs them; `remark` explains the choice or is empty.

    On CUDA, sketches that arrive while others are read form the next batch of at most `batch_size`. If CUDA fails,
    `on_cpu` reads the sketch. Without CUDA each sketch is read immediately, in its caller's thread.
    """

    def __init__(self, folder: Path, on_cpu: Networks, on_cuda: "OnCuda | None" = None, remark: str = "") -> None:
        self.folder = folder
        self.provider: Provider = "CUDA" if on_cuda else "CPU"
        self.remark = remark
        self.batch_size = on_cuda.batched.batch_size if on_cuda else 1
        self._on_cpu = on_cpu
        self._on_cuda = on_cuda
        self._batches = Batches(self._read, self.batch_size) if on_cuda else None

    def __str__(self) -> str:
        return f"ONNX Runtime on {self.provider}" + (f": {self.remark}" if self.remark else "")

    def classify(self, sketch: np.ndarray, look_inside: bool = False) -> Answer:
        """Read one sketch, uint8 [height, width], dark on light or light on dark.

        `look_inside` adds LeNet5's feature maps. For a blank sketch both networks give each digit 0.1, as their sketch
        files do.
        """
        if self._batches:
            return self._batches.run(sketch, (sketch.shape, look_inside))
        return self._on_cpu.read(sketch[None], look_inside)[0]

    def _read(self, sketches: list[np.ndarray], kind: tuple[tuple[int, ...], bool]) -> list[Answer]:
        assert self._on_cuda
        _, look_inside = kind
        try:
            if len(sketches) == 1:
                return self._on_cuda.single.read(sketches[0][None], look_inside)
            return self._on_cuda.batched.read(np.stack(sketches), look_inside)
        except Exception as error:  # ONNX Runtime has its own error classes
            remark = f"it fails, {error_reason(error)}, so the CPU reads"
            if remark != self.remark:
                self.remark = remark
                print(self, file=sys.stderr, flush=True)
            return [self._on_cpu.read(sketch[None], look_inside)[0] for sketch in sketches]


def load(device: Device = "auto", folder: Path = ONNX) -> Classifier:
    """Load both networks from `folder`, which python -m export writes, and warm them up.

    "auto" takes CUDA if it runs the networks, gives the CPU's probabilities and needs at most MAX_SLOWDOWN times the
    CPU's time for one sketch; else the CPU, with the reason as remark. Raises SetupError for a file that is missing,
    damaged or another graph, and for "cuda" if CUDA does not run the networks.
    """
    models, sessions = read(folder)
    on_cpu = Networks(sessions)
    expected = on_cpu.read(SKETCH_OF_ONE[None])[0]
    if device == "cpu":
        return Classifier(folder, on_cpu)
    try:
        # "cuda" reports everything that is missing, "auto" only the first thing.
        if missing := list(islice(missing_requirements(), None if device == "cuda" else 1)):
            raise NoCudaError("; ".join(missing))
        on_cuda = OnCuda(models, expected)
    except NoCudaError as error:
        if device == "cuda":
            raise SetupError(f"CUDA does not run here: {error}.") from error
        return Classifier(folder, on_cpu, remark=str(error))
    if device == "auto":
        cuda, cpu = _milliseconds(on_cuda.single), _milliseconds(on_cpu)
        if cuda > MAX_SLOWDOWN * cpu:
            remark = f"CUDA takes {cuda:.1f} ms for one drawing, the CPU {cpu:.1f} ms; --device cuda forces CUDA"
            return Classifier(folder, on_cpu, remark=remark)
    remark = f"the CPU runs {', '.join(on_cuda.cpu_nodes)}" if on_cuda.cpu_nodes else ""
    return Classifier(folder, on_cpu, on_cuda, remark)


class OnCuda:
    """Both networks on CUDA: `single` reads one sketch, `batched` up to CUDA_BATCH. `cpu_nodes` run on the CPU.

    Only one thread may read at a time. Raises NoCudaError if the networks do not run on CUDA, or if their answer to
    SKETCH_OF_ONE is not the `expected` one.
    """

    def __init__(self, models: dict[str, bytes], expected: Answer) -> None:
        self.cpu_nodes: list[str] = []
        self.single, self.batched = (self._load(models, expected, size) for size in (1, CUDA_BATCH))

    def _load(self, models: dict[str, bytes], expected: Answer, batch_size: int) -> Networks:
        sketches, images = (np.stack([array] * batch_size) for array in (SKETCH_OF_ONE, expected.image))
        sessions = {}
        for network, feed in zip(NETWORKS, ({"sketch": sketches}, {"image": images}), strict=True):
            sessions[network], cpu_nodes = session_on_cuda(models[network], feed)
            self.cpu_nodes += [node for node in cpu_nodes if node not in self.cpu_nodes]
        networks = Networks(sessions, batch_size, "CUDA")
        for answer in networks.read(sketches):
            for network, probabilities in answer.probabilities.items():
                if not np.allclose(probabilities, expected.probabilities[network], rtol=0, atol=CPU_TOLERANCE):
                    raise NoCudaError(f"on CUDA {network} gives other probabilities than on the CPU")
        return networks


def _milliseconds(networks: Networks) -> float:
    return statistics.median(networks.read(SKETCH_OF_ONE[None])[0].milliseconds for _ in range(20))
