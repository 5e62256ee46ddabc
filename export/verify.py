"""The graph is what it claims: well-formed, small, named as contracted, and of one mind with Keras.

Each function raises VerificationError, naming what does not hold, and returns what it measured.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime

from export.convert import IMAGE_OPSET, SKETCH_OPSET
from model.mnist import Digits
from model.normalize import normalize

# Of every output against Keras, by the graph's input. Sums taken in another order move what the sketch graph sees by a
# few millionths, and LeNet5 amplifies them.
TOLERANCE = {"image": 1e-5, "sketch": 5e-5}
BATCHES = (1, 7, 1_000)
CANVASES = ((28, 28), (280, 280), (200, 333))

FLOAT, UINT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
IMAGE_SIGNATURE = {"image": (FLOAT, ["batch", 28, 28]), "probabilities": (FLOAT, ["batch", 10])}
SKETCH_SIGNATURE = {
    "sketch": (UINT8, ["batch", "height", "width"]),
    "image": (FLOAT, ["batch", 28, 28]),
    "probabilities": (FLOAT, ["batch", 10]),
}


class VerificationError(Exception):
    """The graph does not keep its contract; the message says where."""


def verify_image_graph(path: Path, network: keras.Model, digits: Digits) -> float:
    """Check the `image` graph in `path` on `digits`; return the largest difference of a probability from Keras."""
    _well_formed(path, network, IMAGE_OPSET, IMAGE_SIGNATURE)
    images = digits.images.astype(np.float32) / 255
    expected = keras_reads(network, digits.images, sketches=False)
    session = _session(path)
    return max(
        _compare(_in_batches(lambda batch: _run(session, image=batch), images, size), expected, TOLERANCE["image"])
        for size in BATCHES
    )


def verify_sketch_graph(path: Path, network: keras.Model, digits: Digits) -> float:
    """Check the `sketch` graph in `path` on `digits` as they are, enlarged, and off centre, in both polarities.

    Returns the largest difference of a probability from Keras.
    """
    _well_formed(path, network, SKETCH_OPSET, SKETCH_SIGNATURE)
    session = _session(path)

    def onnx_reads(sketches: np.ndarray) -> dict[str, np.ndarray]:
        return _run(session, sketch=sketches)

    expected = keras_reads(network, digits.images, sketches=True)
    allowed = TOLERANCE["sketch"]
    differences = [_compare(_in_batches(onnx_reads, digits.images, size), expected, allowed) for size in BATCHES]
    for canvas in CANVASES:
        for sketches in _placed(digits.images[:100], canvas):
            expected = keras_reads(network, sketches, sketches=True)
            differences.append(_compare(onnx_reads(sketches), expected, allowed))
        blank = onnx_reads(np.full((2, *canvas), 200, np.uint8))
        if blank["image"].any() or not np.allclose(blank["probabilities"], 0.1):
            raise VerificationError(f"a blank sketch of {canvas} does not give uniform probabilities")
    return max(differences)


def keras_reads(network: keras.Model, images: np.ndarray, sketches: bool) -> dict[str, np.ndarray]:
    """What the checkpoint says of `images`, uint8 [count, height, width], as a graph would: outputs by name.

    They are images as MNIST has them, or sketches to normalize first, of which blank ones get ten equal probabilities.
    """

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        image = np.asarray(normalize(batch)) if sketches else batch.astype(np.float32) / 255
        found = np.asarray(network(image.reshape(-1, *network.input_shape[1:]), training=False))
        drawn = np.any(image, axis=(1, 2), keepdims=True)[:, 0]
        return {"image": image, "probabilities": np.where(drawn | (not sketches), found, np.float32(0.1))}

    return _in_batches(read, images, 1_000 if images[0].size < 10_000 else 64)


def read_answers(path: Path, images: np.ndarray) -> np.ndarray:
    """The digit that the graph in `path` reads in each of `images`, uint8 [count, 28, 28]."""
    session = _session(path)
    name = session.get_inputs()[0].name
    values = images if name == "sketch" else images.astype(np.float32) / 255
    read = _in_batches(lambda batch: _run(session, **{name: batch}), values, 1_000)
    return read["probabilities"].argmax(axis=1)


def _well_formed(path: Path, network: keras.Model, opset: int, signature: dict[str, Any]) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opsets = [(entry.domain, entry.version) for entry in model.opset_import]
    if opsets != [("", opset)]:
        raise VerificationError(f"opsets {opsets}, not the default domain's {opset} alone")
    found = {}
    for value in [*model.graph.input, *model.graph.output]:
        tensor = value.type.tensor_type
        found[value.name] = (tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim])
    if found != signature:
        raise VerificationError(f"inputs and outputs {found}, not {signature}")
    bytes_expected = 4 * network.count_params()
    if abs(path.stat().st_size / bytes_expected - 1) > 0.01:
        raise VerificationError(f"{path.stat().st_size:,} bytes, not {bytes_expected:,} within 1 %")


def _session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def _in_batches(
    read: Callable[[np.ndarray], dict[str, np.ndarray]], inputs: np.ndarray, size: int
) -> dict[str, np.ndarray]:
    answers = [read(inputs[start : start + size]) for start in range(0, len(inputs), size)]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def _placed(images: np.ndarray, canvas: tuple[int, int]) -> Iterator[np.ndarray]:
    """`images`, as large as fits, in the lower right of `canvas`: light on dark, dark on light, and faint."""
    scale = min(canvas) // 28
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    placed = np.zeros((len(images), *canvas), np.uint8)
    placed[:, canvas[0] - large.shape[1] :, canvas[1] - large.shape[2] :] = large
    yield placed
    yield 255 - placed
    yield 180 - placed // 4


def _compare(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], allowed: float) -> float:
    """Largest difference of a probability."""
    differences = {name: float(np.abs(value - expected[name]).max()) for name, value in found.items()}
    for name, difference in differences.items():
        if not difference <= allowed:
            raise VerificationError(f"{name} differs from Keras by {difference:.2g}, more than {allowed:.0e}")
    answers, keras_answers = found["probabilities"].argmax(1), expected["probabilities"].argmax(1)
    if not np.array_equal(answers, keras_answers):
        raise VerificationError(f"{(answers != keras_answers).sum()} answers differ from Keras'")
    return differences["probabilities"]
