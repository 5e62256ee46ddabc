"""Convert checkpoints to ONNX files that hold everything from the canvas or photograph to the probabilities."""

from pathlib import Path

ONNX = Path(__file__).parent / "onnx"
