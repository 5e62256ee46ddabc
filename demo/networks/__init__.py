"""What a sketch goes through: read from an image, run by ONNX Runtime on CUDA or the CPU, alone or in a batch."""
