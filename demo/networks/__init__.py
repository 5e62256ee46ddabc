"""From image to answer: read images as sketches and run both networks in ONNX Runtime, on CUDA or the CPU."""
