"""Verify that a graph keeps its contract: well-formed, small, named as agreed, and with the answers of Keras."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime

from export.contract import READER, READER_NODES_BYTES, READER_OPSET, READER_TOLERANCES, Kind, Signature
from model import reader
from model.mnist import Digits
from model.normalize import normalize

BATCHES = (1, 7, 1_000)
CANVASES = ((28, 28), (280, 280), (200, 333))


class VerificationError(Exception):
    """The graph does not keep its contract. The message says where."""


def verify(path: Path, kind: Kind, network: keras.Model, digits: Digits) -> float:
    """Check that the graph in `path` keeps the contract of `kind` and agrees with `network` on `digits`.

    A SKETCH graph is also checked on canvases of several sizes, in both polarities, faint and blank. Returns the
    largest difference of a probability from Keras. Raises VerificationError if something does not hold.
    """
    _check_format(path, kind, network)
    session = _session(path)

    def read(inputs: np.ndarray) -> dict[str, np.ndarray]:
        return _run(session, inputs)

    images = kind.inputs(digits.images)
    expected = keras_outputs(network, kind, digits.images)
    differences = [_compare(_in_batches(read, images, size), expected, kind.tolerance) for size in BATCHES]
    if kind.normalizes:
        for sketches in _canvases(digits.images[:100]):
            differences.append(_compare(read(sketches), keras_outputs(network, kind, sketches), kind.tolerance))
        for canvas in CANVASES:
            blank = read(np.full((2, *canvas), 200, np.uint8))
            if blank["image"].any() or not np.allclose(blank["probabilities"], 0.1):
                raise VerificationError(f"a blank sketch of {canvas} does not give uniform probabilities")
    return max(differences)


def verify_reader(path: Path, networks: dict[str, keras.Model], digits: Digits) -> int:
    """Check that the reader in `path` keeps its contract and reads numbers as model/reader does with `networks`.

    The numbers are made of `digits`. Returns how many were compared. Raises VerificationError if something does not
    hold.
    """
    weights = sum(4 * network.count_params() for network in networks.values())
    _check_file(path, READER_OPSET, READER, weights, READER_NODES_BYTES)
    session = _session(path)

    judge = partial(judged, list(networks.values()))
    sheets = list(numbers(digits.images[:60]))
    for sheet in sheets:
        found = _run(session, sheet[None])
        reading = reader.read(sheet, judge)
        for name in ("digits", "line", "sure", "boxes", "probabilities", "images"):
            expected = getattr(reading, name)
            if found[name].shape[1:] != expected.shape:
                raise VerificationError(f"{name} of a number is {found[name].shape[1:]}, not {expected.shape}")
            difference = float(np.abs(found[name][0] - expected).max(initial=0))
            if not difference <= READER_TOLERANCES.get(name, 0):
                raise VerificationError(f"{name} of a number differs from model/reader by {difference:.2g}")
    blank = _run(session, np.full((2, 280, 280), 200, np.uint8))
    if any(value.shape[:2] != (2, 0) for value in blank.values()):
        raise VerificationError("a blank sheet does not give 0 pieces of ink")
    return len(sheets)


def judged(networks: list[keras.Model], images: np.ndarray) -> np.ndarray:
    """Ask networks about images, float32 [count, 28, 28]: probabilities float32 [count, networks, 10]."""
    answers = [network(images.reshape(-1, *network.input_shape[1:]), training=False) for network in networks]
    return np.stack([np.asarray(answer) for answer in answers], axis=1)


def numbers(images: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of four digits, three times as large: apart, touching, in two lines; and the first digit alone.

    The first two also stand on canvases, and between strips, at which the reader looks again; that takes longer. All
    are dark on light and light on dark.
    """
    large = images.repeat(3, axis=1).repeat(3, axis=2)
    for start in range(0, len(large) - 3, 4):
        apart = np.concatenate([*large[start : start + 4]], axis=1)
        touching = np.concatenate([np.trim_zeros(each, axis=1) for each in large[start : start + 4]], axis=1)
        two_lines = np.concatenate([apart[:, :168], np.zeros((20, 168), np.uint8), apart[:, 168:]])
        canvases = np.concatenate([*np.pad(large[start : start + 4], ((0, 0), (8, 8), (8, 8)), constant_values=255)], 1)
        strips = np.pad(apart, ((0, 0), (30, 20)))
        strips[:, :9] = strips[:, -6:] = 240
        sheets = [np.pad(sheet, 20) for sheet in (apart, touching, two_lines, large[start])]
        if start < 8:
            sheets += [np.pad(canvases, 12, constant_values=255), np.pad(strips, ((20, 20), (0, 0)))]
        for sheet in sheets:
            yield sheet if start % 8 else 255 - sheet


def keras_outputs(network: keras.Model, kind: Kind, images: np.ndarray) -> dict[str, np.ndarray]:
    """Compute with Keras what a graph of `kind` should give for `images`, uint8 [count, height, width].

    For SKETCH they are normalized first, and blank ones get ten equal probabilities. Returns the outputs by name.
    """

    def read(batch: np.ndarray) -> dict[str, np.ndarray]:
        image = np.asarray(normalize(batch)) if kind.normalizes else kind.inputs(batch)
        found = np.asarray(network(image.reshape(-1, *network.input_shape[1:]), training=False))
        has_ink = np.any(image, axis=(1, 2), keepdims=True)[:, 0]
        return {"image": image, "probabilities": np.where(has_ink | (not kind.normalizes), found, np.float32(0.1))}

    return _in_batches(read, images, 1_000 if images[0].size < 10_000 else 64)


def read_digits(path: Path, kind: Kind, images: np.ndarray) -> np.ndarray:
    """Read `images`, uint8 [count, 28, 28], with the graph in `path`. Returns the digits, int [count]."""
    session = _session(path)
    outputs = _in_batches(lambda batch: _run(session, batch), kind.inputs(images), 1_000)
    return outputs["probabilities"].argmax(axis=1)


def _check_format(path: Path, kind: Kind, network: keras.Model) -> None:
    _check_file(path, kind.opset, kind.signature, 4 * network.count_params(), kind.nodes_bytes)


def _check_file(path: Path, opset: int, signature: Signature, weights: int, nodes_bytes: int) -> None:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opsets = [(entry.domain, entry.version) for entry in model.opset_import]
    if opsets != [("", opset)]:
        raise VerificationError(f"opsets {opsets}, not only the default domain's {opset}")
    found = {}
    for value in [*model.graph.input, *model.graph.output]:
        tensor = value.type.tensor_type
        found[value.name] = (tensor.elem_type, [d.dim_param or d.dim_value for d in tensor.shape.dim])
    if found != signature:
        raise VerificationError(f"inputs and outputs {found}, not {signature}")
    size = path.stat().st_size
    if not weights < size <= weights + nodes_bytes:
        raise VerificationError(f"{size:,} bytes, not {weights:,} for the weights and at most {nodes_bytes:,} more")


def _session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, inputs: np.ndarray) -> dict[str, np.ndarray]:
    (source,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {source.name: inputs}), strict=True))


def _in_batches(
    read: Callable[[np.ndarray], dict[str, np.ndarray]], inputs: np.ndarray, size: int
) -> dict[str, np.ndarray]:
    parts = [read(inputs[start : start + size]) for start in range(0, len(inputs), size)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _canvases(images: np.ndarray) -> Iterator[np.ndarray]:
    """Put `images` into the lower right of each of CANVASES: light on dark, dark on light, and faint."""
    for height, width in CANVASES:
        scale = min(height, width) // 28
        large = images.repeat(scale, axis=1).repeat(scale, axis=2)
        canvas = np.zeros((len(images), height, width), np.uint8)
        canvas[:, height - large.shape[1] :, width - large.shape[2] :] = large
        yield from (canvas, 255 - canvas, 180 - canvas // 4)


def _compare(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], allowed: float) -> float:
    """Compare the outputs. Returns the largest difference of a probability."""
    differences = {name: float(np.abs(value - expected[name]).max()) for name, value in found.items()}
    for name, difference in differences.items():
        if not difference <= allowed:
            raise VerificationError(f"{name} differs from Keras by {difference:.2g}, more than {allowed:.0e}")
    digits, keras_digits = found["probabilities"].argmax(1), expected["probabilities"].argmax(1)
    if not np.array_equal(digits, keras_digits):
        raise VerificationError(f"{(digits != keras_digits).sum()} digits are read otherwise than by Keras")
    return differences["probabilities"]
