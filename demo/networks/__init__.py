"""From image to answer: read images as sketches and run reader.onnx in ONNX Runtime, on CUDA or the CPU."""
