"""Converts the checkpoints to ONNX files that carry everything from the drawn canvas to the probabilities."""

from pathlib import Path

ONNX = Path(__file__).parent / "onnx"
