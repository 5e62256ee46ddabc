"""reader.onnx in ONNX Runtime, on CUDA or the CPU, and what it reads in a sketch."""

import hashlib
import statistics
import sys
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime

from demo.networks.batches import Batches
from demo.networks.files import CARD, FORM_OUTPUTS, MAP_OUTPUTS, ONNX, OUTPUTS, SetupError, read
from demo.networks.provider import NoCudaError, error_reason, missing_requirements, session_on_cuda

SURE = 0.9  # threshold of the mean probability; tests/benchmarks/refusal.py measures its effect
CUDA_BATCH = 16  # sketches in a batch on CUDA
MAX_SLOWDOWN = 3  # "auto" takes the CPU if CUDA takes more than this many times the CPU's time for one sketch
CPU_TOLERANCE = 1e-3  # between probabilities on CUDA and on the CPU; another order of summation makes 1e-5
NAMED_NODES = 3  # of those that the CPU runs beside CUDA
NETWORKS = ("lenet5", "ffnn")
NO_DIGIT, NO_INK = -1, -2  # in the output `digits`: ink that is no digit, and no more ink
SKETCH_OF_ONE = np.pad(np.zeros((160, 20), np.uint8), [(60, 60), (130, 130)], constant_values=255)
Device = Literal["auto", "cuda", "cpu"]
Provider = Literal["CUDA", "CPU"]


@dataclass(frozen=True)
class Digit:
    """One piece of ink, and the networks' answer to it."""

    digit: int | None
    """0 to 9, or None if the ink is no digit."""
    confidence: float
    """Mean of both networks' probabilities of the answer."""
    line: int
    """Number of the line that it stands in, from the top."""
    box: np.ndarray
    """Left, top, right and bottom in pixels of the sketch: float32 [4]."""
    probabilities: dict[str, np.ndarray]
    """float32 [10] for each network."""
    together: np.ndarray
    """Both networks' probabilities together, float32 [10]."""
    image: np.ndarray
    """What the networks see: float32 [28, 28], ink 1 on paper 0."""
    fc6: np.ndarray | None = None
    """The values of LeNet5's last hidden layer, float32 [84]; None unless requested."""

    @property
    def sure(self) -> bool:
        """Whether it is a digit, and its confidence at least SURE."""
        return self.digit is not None and self.confidence >= SURE


@dataclass(frozen=True)
class Answer:
    """What is read in one sketch."""

    digits: list[Digit]
    """All pieces of ink in reading order."""
    milliseconds: float
    """Time that the graph took."""
    provider: Provider = "CPU"
    """What ran the graph."""
    maps: list[dict[str, np.ndarray]] = field(default_factory=list)
    """For each piece, float32 [maps, height, width] for each convolution of LeNet5, and [84] for fc6. Empty unless
    requested."""

    @property
    def number(self) -> str:
        """The digits as text, with ? for ink that is no digit, and a newline between two lines."""
        lines = dict.fromkeys((piece.line for piece in self.digits), "")
        for piece in self.digits:
            lines[piece.line] += "?" if piece.digit is None else str(piece.digit)
        return "\n".join(lines.values())


@dataclass(frozen=True)
class Graph:
    """A session of reader.onnx."""

    session: onnxruntime.InferenceSession
    provider: Provider = "CPU"

    def read(self, sketches: np.ndarray, look_inside: bool = False, with_fc6: bool = False) -> list[Answer]:
        """Read sketches of one size, uint8 [count, height, width]."""
        started = time.perf_counter()
        of_piece = [*OUTPUTS, *(FORM_OUTPUTS if with_fc6 else ())]
        names = list(dict.fromkeys([*of_piece, *(MAP_OUTPUTS if look_inside else ())]))
        outputs = dict(zip(names, self.session.run(names, {"sketch": sketches}), strict=True))
        milliseconds = 1000 * (time.perf_counter() - started)
        answers = []
        for i in range(len(sketches)):
            count = int((outputs["digits"][i] > NO_INK).sum())
            maps = [{name: outputs[name][i, piece] for name in MAP_OUTPUTS} for piece in range(count * look_inside)]
            digits = [_digit({name: outputs[name][i, piece] for name in of_piece}) for piece in range(count)]
            answers.append(Answer(digits, milliseconds, self.provider, maps))
        return answers


def _digit(outputs: dict[str, np.ndarray]) -> Digit:
    *networks, together = outputs["probabilities"]
    return Digit(
        digit=None if outputs["digits"] == NO_DIGIT else int(outputs["digits"]),
        confidence=float(outputs["sure"]),
        line=int(outputs["line"]),
        box=outputs["boxes"],
        probabilities=dict(zip(NETWORKS, networks, strict=True)),
        together=together,
        image=outputs["images"],
        fc6=outputs.get("fc6"),
    )


class Classifier:
    """The reader.onnx of `folder`. `sha256` is the hash of the file.

    `provider`, "CUDA" or "CPU", runs it; `remark` explains the choice or is empty.

    On CUDA, sketches that arrive while others are read form the next batch of at most `batch_size`. If CUDA fails,
    `on_cpu` reads the sketch. Without CUDA each sketch is read immediately, in its caller's thread.
    """

    def __init__(
        self, folder: Path, sha256: str, on_cpu: Graph, on_cuda: Graph | None = None, remark: str = ""
    ) -> None:
        self.folder = folder
        self.sha256 = sha256
        self.provider: Provider = "CUDA" if on_cuda else "CPU"
        self.remark = remark
        self.batch_size = CUDA_BATCH if on_cuda else 1
        self._on_cpu = on_cpu
        self._on_cuda = on_cuda
        self._batches = Batches(self._read, self.batch_size) if on_cuda else None

    @property
    def card(self) -> Path | None:
        """The model card of the networks, if it is in their folder."""
        card = self.folder / CARD
        return card if card.is_file() else None

    def __str__(self) -> str:
        return f"ONNX Runtime on {self.provider}" + (f": {self.remark}" if self.remark else "")

    def classify(self, sketch: np.ndarray, look_inside: bool = False, with_fc6: bool = False) -> Answer:
        """Read one sketch, uint8 [height, width], dark on light or light on dark.

        `look_inside` adds LeNet5's feature maps, `with_fc6` the values of its last hidden layer.
        """
        if self._batches:
            return self._batches.run(sketch, (sketch.shape, look_inside, with_fc6))
        return self._on_cpu.read(sketch[None], look_inside, with_fc6)[0]

    def _read(self, sketches: list[np.ndarray], kind: tuple[tuple[int, ...], bool, bool]) -> list[Answer]:
        assert self._on_cuda
        _, *wanted = kind
        try:
            return self._on_cuda.read(np.stack(sketches), *wanted)
        except Exception as error:  # ONNX Runtime has its own error classes
            remark = f"it fails, {error_reason(error)}, so the CPU reads"
            if remark != self.remark:
                self.remark = remark
                print(self, file=sys.stderr, flush=True)
            return [self._on_cpu.read(sketch[None], *wanted)[0] for sketch in sketches]


def load(device: Device = "auto", folder: Path = ONNX) -> Classifier:
    """Load reader.onnx from `folder`, which python -m export writes, and warm it up.

    "auto" takes CUDA if it runs the graph, gives the CPU's probabilities and needs at most MAX_SLOWDOWN times the
    CPU's time for one sketch; else the CPU, with the reason as remark. Raises SetupError for a file that is missing,
    damaged or another graph, and for "cuda" if CUDA does not run it.
    """
    model, session = read(folder)
    digest = hashlib.sha256(model).hexdigest()
    on_cpu = Graph(session)
    (expected,) = on_cpu.read(SKETCH_OF_ONE[None])
    if device == "cpu":
        return Classifier(folder, digest, on_cpu)
    try:
        # "cuda" reports everything that is missing, "auto" only the first thing.
        if missing := list(islice(missing_requirements(), None if device == "cuda" else 1)):
            raise NoCudaError("; ".join(missing))
        on_cuda, cpu_nodes = _on_cuda(model, expected)
    except NoCudaError as error:
        if device == "cuda":
            raise SetupError(f"CUDA does not run here: {error}.") from error
        return Classifier(folder, digest, on_cpu, remark=str(error))
    if device == "auto":
        cuda, cpu = _milliseconds(on_cuda), _milliseconds(on_cpu)
        if cuda > MAX_SLOWDOWN * cpu:
            remark = f"CUDA takes {cuda:.1f} ms for one drawing, the CPU {cpu:.1f} ms; --device cuda forces CUDA"
            return Classifier(folder, digest, on_cpu, remark=remark)
    more = f" and {len(cpu_nodes) - NAMED_NODES} more nodes" if len(cpu_nodes) > NAMED_NODES else ""
    remark = f"the CPU runs {', '.join(cpu_nodes[:NAMED_NODES])}{more}" if cpu_nodes else ""
    return Classifier(folder, digest, on_cpu, on_cuda, remark)


def _on_cuda(model: bytes, expected: Answer) -> tuple[Graph, list[str]]:
    """Open the graph on CUDA. Returns it and the nodes that the CPU runs all the same.

    Only one thread may read at a time. Raises NoCudaError if the graph does not run on CUDA, or if its answer to
    SKETCH_OF_ONE is not the `expected` one.
    """
    sketches = np.stack([SKETCH_OF_ONE] * CUDA_BATCH)
    session, cpu_nodes = session_on_cuda(model, {"sketch": sketches})
    graph = Graph(session, "CUDA")
    for answer in graph.read(sketches):
        if answer.number != expected.number:
            raise NoCudaError(
                f"on CUDA it reads {answer.number or 'nothing'}, on the CPU {expected.number or 'nothing'}"
            )
        for found, digit in zip(answer.digits, expected.digits, strict=True):
            if not np.allclose(found.together, digit.together, rtol=0, atol=CPU_TOLERANCE):
                raise NoCudaError("on CUDA it gives other probabilities than on the CPU")
    return graph, cpu_nodes


def _milliseconds(graph: Graph) -> float:
    return statistics.median(graph.read(SKETCH_OF_ONE[None])[0].milliseconds for _ in range(20))
