"""A sketchpad that reads the digit while you draw it. Knows the networks only as ONNX files."""
