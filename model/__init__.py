"""Train two networks, LeNet5 and a feed-forward network (FFNN), to read handwritten digits."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # take GPU memory as needed, not all of it

CHECKPOINTS = Path(__file__).parent / "checkpoints"
FIGURES = Path(__file__).parent / "figures"


class InputError(Exception):
    """The input is wrong, or the machine lacks something. The message says how to fix it."""
