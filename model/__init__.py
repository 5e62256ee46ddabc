"""Train two networks, LeNet5 and a feed-forward network (FFNN), to read handwritten digits."""

import os
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # works only before ONNX Runtime is imported
os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever ~/.keras/keras.json says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # take GPU memory as needed, not all of it

CHECKPOINTS = Path(__file__).parent / "checkpoints"
FIGURES = Path(__file__).parent / "figures"
INTERRUPTED = 128 + 2  # exit status after Ctrl+C, as shells have it


class InputError(Exception):
    """The input is wrong, or the machine lacks something. The message says how to fix it."""


def check_backend() -> None:
    """Raise InputError if the environment asks Keras for another backend than TensorFlow."""
    if (backend := os.environ["KERAS_BACKEND"]) != "tensorflow":
        raise InputError(
            f"Keras must run on TensorFlow, but KERAS_BACKEND is {backend}. Unset it, or set KERAS_BACKEND=tensorflow."
        )


def train_command(name: str, folder: Path) -> str:
    """Format the command that trains the network `name` into `folder`."""
    return f"python -m model train {name}" + ("" if folder == CHECKPOINTS else f" --output {folder}")


def evaluate_command(name: str, folder: Path) -> str:
    """Format the command that evaluates the network `name` in `folder`."""
    return f"python -m model evaluate {name}" + ("" if folder == CHECKPOINTS else f" --checkpoints {folder}")
