"""Draw the figures. Each function writes one PNG."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from model.files import replacing
from model.mnist import Digits
from model.record import TrainingRecord


def first_digits(digits: Digits, path: Path) -> None:
    """Draw the first ten images in two rows of five, each titled with its digit."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    for axes, image, label in zip(figure.subplots(2, 5).flat, digits.images, digits.labels, strict=False):
        axes.imshow(image, cmap="gray")
        axes.set_title(str(label))
        axes.axis("off")
    _save(figure, path)


def pixel_values(image: np.ndarray, label: int, path: Path) -> None:
    """Draw one large image with the value of each pixel written on it."""
    figure = Figure(figsize=(12, 12), layout="constrained")
    axes = figure.subplots()
    axes.imshow(image, cmap="gray")
    axes.set_title(str(label))
    threshold = image.max() / 2.5
    for (row, column), value in np.ndenumerate(image):
        axes.text(column, row, value, ha="center", va="center", color="white" if value < threshold else "black")
    _save(figure, path)


def drawings(sheets: dict[str, np.ndarray], path: Path) -> None:
    """Draw sheets of 24 images [24, 28, 28] in two rows, each sheet under its title."""
    figure = Figure(figsize=(12, 2.4 * len(sheets)), layout="constrained")
    for axes, (title, images) in zip(figure.subplots(len(sheets)), sheets.items(), strict=True):
        axes.imshow(images.reshape(2, 12, 28, 28).transpose(0, 2, 1, 3).reshape(56, 336), cmap="gray_r")
        axes.set_title(title)
        axes.axis("off")
    _save(figure, path)


def learning_curves(record: TrainingRecord, path: Path) -> None:
    """Draw the share of misread training and validation digits by epoch, and mark the epoch that was kept."""
    epochs = np.arange(1, record.epochs + 1)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    training = "training (distorted)" if record.recipe.distort else "training"
    for curve, label in (("accuracy", training), ("val_accuracy", "validation")):
        axes.plot(epochs, np.maximum(1 - np.array(record.history[curve]), 1e-4), label=label)
    axes.axvline(record.best_epoch, color="gray", linestyle=":", label=f"kept: epoch {record.best_epoch}")
    axes.set(title=f"{record.network}, recipe {record.recipe.name}", xlabel="epoch", ylabel="misread digits")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def mistakes(images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, path: Path) -> None:
    """Draw the 36 worst mistakes: the images [count, 28, 28] with the lowest probability [count, 10] of their label."""
    right = np.take_along_axis(probabilities, labels[:, None].astype(int), axis=1)[:, 0]
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    worst = wrong[np.argsort(right[wrong])][:36]
    figure = Figure(figsize=(9, 10), layout="constrained")
    for axes in figure.subplots(6, 6).flat:
        axes.axis("off")
    for axes, index in zip(figure.axes, worst, strict=False):
        axes.imshow(images[index], cmap="gray_r")
        read = probabilities[index].argmax()
        axes.set_title(f"{labels[index]} read as {read}, {probabilities[index, read]:.0%}", fontsize=8)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100)
