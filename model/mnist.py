"""Load, check and split MNIST."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from model import InputError

SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
COUNTS = (60_000, 10_000)  # training and test digits


class Digits(NamedTuple):
    """Images of digits, and which digits they are."""

    images: np.ndarray
    """uint8 [count, 28, 28], ink 255 on paper 0."""
    labels: np.ndarray
    """uint8 [count], 0 to 9; in training data also mixture.NO_DIGIT."""


def load(folder: Path | None = None) -> tuple[Digits, Digits]:
    """Load MNIST's 60,000 training digits and 10,000 test digits (LeCun, Cortes, Burges 1998).

    `folder` holds mnist.npz. Without a folder, Keras downloads the file once and keeps it in its cache.
    Raises InputError if the file is missing, or is not MNIST.
    """
    if folder is None:
        return _checked(_download(), "Keras' MNIST")
    path = folder / "mnist.npz"
    remedy = f"Download {SOURCE} and put it there."
    if not path.is_file():
        raise InputError(f"{path} is missing. {remedy}")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = tuple(arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} is damaged or not MNIST ({error}). {remedy}") from error
    return _checked(found, str(path))


def _download() -> tuple[np.ndarray, ...]:
    import keras  # takes seconds, and only a download needs it

    try:
        train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception for every failed download
        raise InputError(
            f"MNIST could not be downloaded ({error}). "
            f"Download {SOURCE} on another machine, put it into a folder, and pass that folder with --data."
        ) from error
    return *train, *test


def _checked(arrays: tuple[np.ndarray, ...], source: str) -> tuple[Digits, Digits]:
    train, test = Digits(*arrays[:2]), Digits(*arrays[2:])
    for digits, count in zip((train, test), COUNTS, strict=True):
        if digits.images.shape != (count, 28, 28) or digits.images.dtype != np.uint8:
            raise InputError(
                f"{source} holds images {digits.images.dtype} {list(digits.images.shape)} "
                f"instead of uint8 [{count}, 28, 28]. Download {SOURCE} again."
            )
        if digits.labels.shape != (count,) or not np.array_equal(np.unique(digits.labels), np.arange(10)):
            raise InputError(f"{source} holds other labels than {count} digits 0 to 9. Download {SOURCE} again.")
    return train, test


def split(digits: Digits, validation: int) -> tuple[Digits, Digits]:
    """Split off the last `validation` digits. Returns all others, and these."""
    return (
        Digits(digits.images[:-validation], digits.labels[:-validation]),
        Digits(digits.images[-validation:], digits.labels[-validation:]),
    )
