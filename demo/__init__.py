"""A sketchpad that reads a number while you write it. It knows the networks only as an ONNX file."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # works only before ONNX Runtime is imported
