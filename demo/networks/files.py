"""Read the ONNX files of a folder, and check that they hold the networks that the demo knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime

from demo.networks.provider import session_on_cpu

ONNX = Path(__file__).parent.parent.parent / "export" / "onnx"
NETWORKS = ("lenet5", "ffnn")
FILES = ("lenet5-sketch.onnx", "ffnn.onnx")  # only the first makes the image: that costs more than the networks
MAPS = {"conv1": "conv1/Relu", "conv2": "conv2/Tanh", "conv3": "conv3/Tanh"}  # nodes of LeNet5's feature maps
CONTRACT = "1"  # the first part of the version in the files; another one means other inputs, outputs or nodes
Value = tuple[str, tuple[int | None, ...]]
"""Element type and shape; None for a size that the graph must leave open."""
IMAGE: Value = ("float", (None, 28, 28))
PROBABILITIES: Value = ("float", (None, 10))
SIGNATURES: tuple[dict[str, Value], ...] = (
    {"sketch": ("uint8", (None, None, None)), "image": IMAGE, "probabilities": PROBABILITIES},
    {"image": IMAGE, "probabilities": PROBABILITIES},
)  # of FILES
MAP_SIGNATURE: dict[str, Value] = {
    MAPS["conv1"]: ("float", (None, 6, 24, 24)),
    MAPS["conv2"]: ("float", (None, 16, 19, 19)),
    MAPS["conv3"]: ("float", (None, 120, 5, 5)),
}


class SetupError(Exception):
    """The demo cannot start. The message says what to do."""


def read(folder: Path) -> tuple[dict[str, bytes], dict[str, onnxruntime.InferenceSession]]:
    """Read both networks from `folder`: serialized ModelProtos and sessions on the CPU, by network.

    LeNet5 also gives its feature maps. Raises SetupError if a file is missing, damaged or not such a network.
    """
    models, sessions = {}, {}
    for network, file, signature in zip(NETWORKS, FILES, SIGNATURES, strict=True):
        path = folder / file
        if not path.is_file():
            raise SetupError(_missing(path))
        model = path.read_bytes()
        session = _opened(path, model, "damaged")
        _check(path, session, network, signature)
        if file == FILES[0]:
            model = _with_outputs(model, MAP_SIGNATURE)
            session = _opened(path, model, f"another graph, without the nodes {', '.join(MAP_SIGNATURE)}")
            _check(path, session, network, signature | MAP_SIGNATURE)
        models[network], sessions[network] = model, session
    return models, sessions


def _missing(path: Path) -> str:
    folder = path.parent
    if folder.is_file():
        return f"{folder} is a file. Name the folder that holds it."
    if (folder / "onnx" / FILES[0]).is_file():
        return f"There is no {path}. Name the folder {folder / 'onnx'} instead."
    if (folder / f"{NETWORKS[0]}.keras").is_file():
        command = f"python -m export --checkpoints {folder}"
        return f"{folder} holds checkpoints. Run {command} first, then name the folder of the files that it writes."
    return f"There is no {path}. {_remedy(folder)} to make it."


def _remedy(folder: Path) -> str:
    """The command that writes the files of `folder`."""
    if folder.resolve() == ONNX.resolve():
        return "Run python -m export"
    if folder.name == "onnx":
        return f"Run python -m export --checkpoints {folder.parent}"
    return f"Run python -m export --checkpoints DIR --output {folder}"


def _opened(path: Path, model: bytes, otherwise: str) -> onnxruntime.InferenceSession:
    """A session for `model`. Raises SetupError, which says that `path` is `otherwise`, if ONNX Runtime refuses it."""
    try:
        return session_on_cpu(model)
    except Exception as error:  # ONNX Runtime has its own error classes
        reason = " ".join(str(error).split()).rpartition(" : ")[2].rstrip(".")
        raise SetupError(f"{path} is {otherwise} ({reason}). {_remedy(path.parent)} to make it again.") from error


def _check(path: Path, session: onnxruntime.InferenceSession, network: str, signature: dict[str, Value]) -> None:
    """Raise SetupError if the file holds another network, another version, or other inputs and outputs."""
    metadata = session.get_modelmeta().custom_metadata_map
    name, version = metadata.get("name", network), metadata.get("version", CONTRACT)
    found = {value.name: value for value in [*session.get_inputs(), *session.get_outputs()]}
    problem = ""
    if list(found)[: len(signature)] != list(signature):
        problem = f"is another graph, with {', '.join(found)} as inputs and outputs, not {', '.join(signature)}"
    elif version.partition(".")[0] != CONTRACT:
        problem = f"has version {version}, and this demo reads version {CONTRACT}"
    elif name != network:
        problem = f"holds the network {name}"
    else:
        for value, (kind, sizes) in signature.items():
            actual, shape = found[value].type[len("tensor(") : -1], found[value].shape
            if actual != kind or not _fits(shape, sizes):
                problem = f"is another graph, with {value} {actual} {_shape(shape)}, not {kind} {_shape(sizes)}"
                break
    if problem:
        raise SetupError(f"{path} {problem}. {_remedy(path.parent)} to make it again.")


def _fits(shape: list[Any], sizes: tuple[int | None, ...]) -> bool:
    """Whether `shape` has these sizes. A size that the graph leaves open fits any."""
    known = [size if isinstance(size, int) else None for size in shape]
    return len(known) == len(sizes) and all(a in (None, b) for a, b in zip(known, sizes, strict=True))


def _shape(sizes: Iterable[Any]) -> str:
    return f"[{', '.join(str(size) if isinstance(size, int) else '?' for size in sizes)}]"


def _with_outputs(model: bytes, nodes: Iterable[str]) -> bytes:
    """Add the values of `nodes` to the outputs of a serialized ModelProto.

    Protobuf merges bytes that are appended to a message: here ModelProto.graph (7) with GraphProto.output (12), which
    needs only ValueInfoProto.name (1).
    """

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    return model + b"".join(field(7, field(12, field(1, node.encode()))) for node in nodes)
