"""A sketchpad that reads a digit while you draw it. It knows the networks only as ONNX files."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # works only before ONNX Runtime is imported
