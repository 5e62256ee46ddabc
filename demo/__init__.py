"""A sketchpad whose digit is read while you draw. It uses only the exported ONNX files, no training code."""
