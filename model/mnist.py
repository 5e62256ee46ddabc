"""MNIST: loaded, checked and split."""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from model import InputError

SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


class Digits(NamedTuple):
    """Images uint8 [count, 28, 28], ink 255 on paper 0, and labels uint8 [count]: 0 to 9, or mixture.NO_DIGIT."""

    images: np.ndarray
    labels: np.ndarray


def load(folder: Path | None = None) -> tuple[Digits, Digits]:
    """The 60,000 training and the 10,000 test digits of MNIST (LeCun, Cortes, Burges 1998).

    `folder` holds mnist.npz; without it Keras downloads the file once and keeps it in its cache.
    Raises InputError if there is no file, or if it is not MNIST.
    """
    if folder is None:
        return _checked(_download(), "Keras' MNIST")
    path = folder / "mnist.npz"
    mend = f"Download {SOURCE} and put it there."
    if not path.is_file():
        raise InputError(f"There is no {path}. {mend}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = tuple(arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} is damaged or not MNIST ({error}). {mend}") from error
    return _checked(found, str(path))


def _download() -> tuple[np.ndarray, ...]:
    try:
        train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception for every failed download
        raise InputError(
            f"MNIST could not be downloaded ({error}). "
            f"Download {SOURCE} by other means, and put it into the folder that you name with --data."
        ) from error
    return *train, *test


def _checked(arrays: tuple[np.ndarray, ...], source: str) -> tuple[Digits, Digits]:
    train, test = Digits(*arrays[:2]), Digits(*arrays[2:])
    for digits, count in ((train, 60_000), (test, 10_000)):
        if digits.images.shape != (count, 28, 28) or digits.images.dtype != np.uint8:
            raise InputError(
                f"{source} holds images {digits.images.dtype} {list(digits.images.shape)} "
                f"instead of uint8 [{count}, 28, 28]. Download {SOURCE} anew."
            )
        if digits.labels.shape != (count,) or not np.array_equal(np.unique(digits.labels), np.arange(10)):
            raise InputError(f"{source} holds other labels than {count} digits 0 to 9. Download {SOURCE} anew.")
    return train, test


def split(digits: Digits, validation: int) -> tuple[Digits, Digits]:
    """All but the last `validation` digits, and those."""
    return (
        Digits(digits.images[:-validation], digits.labels[:-validation]),
        Digits(digits.images[-validation:], digits.labels[-validation:]),
    )


def network_input(images: np.ndarray, network: keras.Model) -> np.ndarray:
    """uint8 [count, 28, 28] as `network` takes it: float32 0 to 1, with a channel axis if it has one."""
    return (images.astype(np.float32) / 255).reshape(-1, *network.input_shape[1:])
