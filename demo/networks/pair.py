"""LeNet5 and the FFNN by themselves: lenet5.onnx and ffnn.onnx read images of 28 x 28 pixels, without a sketch."""

import threading
from pathlib import Path

import numpy as np
import onnxruntime

from demo.networks.classifier import NETWORKS
from demo.networks.files import ONNX, SetupError, remedy
from demo.networks.provider import session_on_cpu

SIDE = 28  # pixels of an image
FILES = tuple(f"{name}.onnx" for name in NETWORKS)


class Pair:
    """Both networks of `folder`, on the CPU. The first question loads them."""

    def __init__(self, folder: Path = ONNX) -> None:
        self.folder = folder
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}
        self._lock = threading.Lock()

    def probabilities(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Read images, float32 [count, 28, 28], ink 1 on paper 0. Returns float32 [count, 10] for each network.

        Raises SetupError if a file is missing or damaged.
        """
        with self._lock:
            self._sessions = self._sessions or {name: self._load(f"{name}.onnx") for name in NETWORKS}
        return {name: session.run(None, {"image": images})[0] for name, session in self._sessions.items()}

    def _load(self, name: str) -> onnxruntime.InferenceSession:
        path = self.folder / name
        try:
            session = session_on_cpu(path.read_bytes())
            session.run(None, {"image": np.zeros((1, SIDE, SIDE), np.float32)})  # fails for another graph
        except FileNotFoundError:
            raise SetupError(f"There is no {path}. {remedy(self.folder)} to make it.") from None
        except Exception as error:  # ONNX Runtime has its own error classes
            raise SetupError(f"{path} cannot be loaded. {remedy(self.folder)} to make it again.") from error
        return session


def cut(sheet: np.ndarray) -> np.ndarray:
    """The images on a sheet, uint8 [height, width] with black ink: float32 [count, 28, 28], ink 1 on paper 0.

    They lie side by side, without a margin. Raises ValueError if none or parts of one lie there.
    """
    rows, columns = (side // SIDE for side in sheet.shape)
    if sheet.shape != (rows * SIDE, columns * SIDE):
        raise ValueError("The images must have 28 x 28 pixels each, and lie side by side without a margin.")
    images = sheet.reshape(rows, SIDE, columns, SIDE).transpose(0, 2, 1, 3).reshape(-1, SIDE, SIDE)
    return (255 - images).astype(np.float32) / 255
