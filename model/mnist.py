"""Load, check and split MNIST."""

from typing import NamedTuple

import numpy as np

from model import InputError
from model.folders import Folders, download, find

FILE = "mnist.npz"
SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
COUNTS = (60_000, 10_000)  # training and test digits


class Digits(NamedTuple):
    """Images of digits, and which digits they are."""

    images: np.ndarray
    """uint8 [count, 28, 28], ink 255 on paper 0."""
    labels: np.ndarray
    """uint8 [count], 0 to 9; in training data also styles.NON_DIGIT."""


def load(folders: Folders = ()) -> tuple[Digits, Digits]:
    """Load MNIST's 60,000 training digits and 10,000 test digits (LeCun, Cortes, Burges 1998).

    They are read from mnist.npz in `folders`, or downloaded. Raises InputError if that fails, or if the file is not
    MNIST.
    """
    path = find(FILE, folders) or download(SOURCE, SHA256, FILE, folders, FILE, "put it into a folder")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = tuple(arrays[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} is damaged or not MNIST ({error}). Download {SOURCE} and put it there.") from error
    return _checked(found, str(path))


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


def join(*parts: Digits) -> Digits:
    """Put digits one after another."""
    return Digits(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def split(digits: Digits, validation: int) -> tuple[Digits, Digits]:
    """Split off the last `validation` digits. Returns all others, and these."""
    return (
        Digits(digits.images[:-validation], digits.labels[:-validation]),
        Digits(digits.images[-validation:], digits.labels[-validation:]),
    )
