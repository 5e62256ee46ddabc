"""Read reader.onnx of a folder, and check that it is the graph that the demo knows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnxruntime

from demo.networks.provider import session_on_cpu

ONNX = Path(__file__).parent.parent.parent / "export" / "onnx"
FILE = "reader.onnx"
CARD = "README.md"  # describes the file; python -m export writes it, too
CONTRACT = "1"  # the first part of the version in the file; another one means other inputs or outputs
Value = tuple[str, tuple[int | None, ...]]
"""Element type and shape; None for a size that the graph must leave open."""
INPUT: dict[str, Value] = {"sketch": ("uint8", (None, None, None))}
OUTPUTS: dict[str, Value] = {
    "digits": ("int64", (None, None)),
    "line": ("int64", (None, None)),
    "sure": ("float", (None, None)),
    "boxes": ("float", (None, None, 4)),
    "probabilities": ("float", (None, None, 3, 10)),
    "images": ("float", (None, None, 28, 28)),
}
MAP_OUTPUTS: dict[str, Value] = {
    "conv1": ("float", (None, None, 6, 24, 24)),
    "conv2": ("float", (None, None, 16, 19, 19)),
    "conv3": ("float", (None, None, 120, 5, 5)),
    "fc6": ("float", (None, None, 84)),
}
FORM_OUTPUTS: dict[str, Value] = {"fc6": ("float", (None, None, 84))}  # by which learned forms are compared


class SetupError(Exception):
    """The demo cannot start. The message says what to do."""


def read(folder: Path) -> tuple[bytes, onnxruntime.InferenceSession]:
    """Read the graph in `folder`: a serialized ModelProto, and a session for it on the CPU.

    Raises SetupError if the file is missing, damaged or another graph.
    """
    path = folder / FILE
    if not path.is_file():
        raise SetupError(_missing(path))
    model = path.read_bytes()
    try:
        session = session_on_cpu(model)
    except Exception as error:  # ONNX Runtime has its own error classes
        reason = " ".join(str(error).split()).rpartition(" : ")[2].rstrip(".")
        raise SetupError(f"{path} is damaged ({reason}). {remedy(folder)} to make it again.") from error
    if problem := _problem(session):
        raise SetupError(f"{path} {problem}. {remedy(folder)} to make it again.")
    return model, session


def _missing(path: Path) -> str:
    folder = path.parent
    if folder.is_file():
        return f"{folder} is a file. Name the folder that holds it."
    if (folder / "onnx" / FILE).is_file():
        return f"There is no {path}. Name the folder {folder / 'onnx'} instead."
    if (folder / "lenet5.keras").is_file():
        command = f"python -m export --checkpoints {folder}"
        return f"{folder} holds checkpoints. Run {command} first, then name the folder of the files that it writes."
    return f"There is no {path}. {remedy(folder)} to make it."


def remedy(folder: Path) -> str:
    """The command that writes the file of `folder`."""
    if folder.resolve() == ONNX.resolve():
        return "Run python -m export"
    if folder.name == "onnx":
        return f"Run python -m export --checkpoints {folder.parent}"
    return f"Run python -m export --checkpoints DIR --output {folder}"


def _problem(session: onnxruntime.InferenceSession) -> str:
    """What the demo cannot read in a graph: another version, other inputs or other outputs. Empty if it can."""
    version = session.get_modelmeta().custom_metadata_map.get("version", CONTRACT)
    inputs, outputs = (
        {value.name: value for value in values} for values in (session.get_inputs(), session.get_outputs())
    )
    expected = OUTPUTS | MAP_OUTPUTS | FORM_OUTPUTS
    if list(inputs) != list(INPUT):
        return f"is another graph, with the inputs {', '.join(inputs)}, not {', '.join(INPUT)}"
    if missing := [name for name in expected if name not in outputs]:
        return f"is another graph, without the outputs {', '.join(missing)}"
    if version.partition(".")[0] != CONTRACT:
        return f"has version {version}, and this demo reads version {CONTRACT}"
    for name, (kind, sizes) in (INPUT | expected).items():
        value = (inputs | outputs)[name]
        actual = value.type[len("tensor(") : -1]
        if actual != kind or not _fits(value.shape, sizes):
            return f"is another graph, with {name} {actual} {_shape(value.shape)}, not {kind} {_shape(sizes)}"
    return ""


def _fits(shape: list[Any], sizes: tuple[int | None, ...]) -> bool:
    """Whether `shape` has these sizes. A size that the graph leaves open fits any."""
    known = [size if isinstance(size, int) else None for size in shape]
    return len(known) == len(sizes) and all(a in (None, b) for a, b in zip(known, sizes, strict=True))


def _shape(sizes: Iterable[Any]) -> str:
    return f"[{', '.join(str(size) if isinstance(size, int) else '?' for size in sizes)}]"
