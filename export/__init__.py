"""Convert checkpoints to ONNX files that hold everything from the canvas or photograph to the probabilities."""

import os
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # works only before ONNX Runtime is imported
os.environ.setdefault("TF2ONNX_CATCH_ERRORS", "FALSE")  # or else tf2onnx copies the graph before each optimization

ONNX = Path(__file__).parent / "onnx"
