"""Convert checkpoints to ONNX files that hold everything from the canvas or photograph to the probabilities."""

import os
from pathlib import Path

from model import CHECKPOINTS

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # works only before ONNX Runtime is imported
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")  # or else tf2onnx copies the graph before each optimization

ONNX = Path(__file__).parent / "onnx"


def output_of(checkpoints: Path) -> Path:
    """The folder into which the checkpoints in a folder are exported by default."""
    return ONNX if checkpoints.resolve() == CHECKPOINTS.resolve() else checkpoints / "onnx"


def export_command(name: str, checkpoints: Path, output: Path) -> str:
    """Format the command that exports the network `name`, or all, from `checkpoints` into `output`."""
    command = f"python -m export {name}"
    if checkpoints.resolve() != CHECKPOINTS.resolve():
        command += f" --checkpoints {checkpoints}"
    return command if output.resolve() == output_of(checkpoints).resolve() else f"{command} --output {output}"
