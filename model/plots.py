"""Every figure."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from model import mnist, strokes, styles
from model.files import replacing
from model.mixture import brushed
from model.mnist import Digits
from model.strokes import TEST_WRITERS, VALIDATION_WRITERS


def first_digits(digits: Digits, path: Path) -> None:
    """The first ten images in two rows of five, each titled with its digit."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    for axes, image, label in zip(figure.subplots(2, 5).flat, digits.images, digits.labels, strict=False):
        axes.imshow(image, cmap="gray")
        axes.set_title(str(label))
        axes.axis("off")
    _save(figure, path)


def pixel_values(image: np.ndarray, label: int, path: Path) -> None:
    """One image at large size with every pixel's value written on it: white on dark pixels, black on light."""
    figure = Figure(figsize=(12, 12), layout="constrained")
    axes = figure.subplots()
    axes.imshow(image, cmap="gray")
    axes.set_title(str(label))
    threshold = image.max() / 2.5
    for (row, column), value in np.ndenumerate(image):
        axes.text(column, row, value, ha="center", va="center", color="white" if value < threshold else "black")
    _save(figure, path)


def drawings(sheets: dict[str, np.ndarray], path: Path) -> None:
    """What the networks see of drawings: under each title 24 images [24, 28, 28], in two rows."""
    figure = Figure(figsize=(12, 2.4 * len(sheets)), layout="constrained")
    for axes, (title, images) in zip(figure.subplots(len(sheets)), sheets.items(), strict=True):
        axes.imshow(images.reshape(2, 12, 28, 28).transpose(0, 2, 1, 3).reshape(56, 336), cmap="gray_r")
        axes.set_title(title)
        axes.axis("off")
    _save(figure, path)


def learning_curves(story: dict[str, Any], path: Path) -> None:
    """Share of training and validation digits misread by epoch, with the epoch that was kept marked."""
    history = story["history"]
    epochs = np.arange(1, story["epochs"] + 1)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    training = "training (distorted)" if story["recipe"].get("distort") else "training"
    for curve, label in (("accuracy", training), ("val_accuracy", "validation")):
        axes.plot(epochs, np.maximum(1 - np.array(history[curve]), 1e-4), label=label)
    axes.axvline(story["best_epoch"], color="gray", linestyle=":", label=f"kept: epoch {story['best_epoch']}")
    axes.set(title=f"{story['network']}, recipe {story['recipe']['name']}", xlabel="epoch", ylabel="misread digits")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    _save(figure, path)


def mistakes(images: np.ndarray, labels: np.ndarray, answers: np.ndarray, path: Path) -> None:
    """The 36 images [count, 28, 28] whose right answer got the least of the probabilities `answers` [count, 10]."""
    right = np.take_along_axis(answers, labels[:, None].astype(int), axis=1)[:, 0]
    wrong = np.flatnonzero(answers.argmax(axis=1) != labels)
    worst = wrong[np.argsort(right[wrong])][:36]
    figure = Figure(figsize=(9, 10), layout="constrained")
    for axes in figure.subplots(6, 6).flat:
        axes.axis("off")
    for axes, index in zip(figure.axes, worst, strict=False):
        axes.imshow(images[index], cmap="gray_r")
        read = answers[index].argmax()
        axes.set_title(f"{labels[index]} read as {read}, {answers[index, read]:.0%}", fontsize=8)
    _save(figure, path)


def explore(data: Path | None, folder: Path, seed: int) -> None:
    """Draw into `folder` the first ten training digits, the pixels of one chosen by `seed`, and what `best` adds."""
    digits, _ = mnist.load(data)
    chosen = int(np.random.default_rng(seed).integers(len(digits.labels)))
    print("The first ten training digits:", *digits.labels[:10])
    first_digits(digits, folder / "first-digits.png")
    pixel_values(digits.images[chosen], digits.labels[chosen], folder / "pixel-values.png")
    print(f"Drawn: {folder / 'first-digits.png'}, {folder / 'pixel-values.png'} (training digit {chosen})")

    random = np.random.default_rng(seed)
    pens = strokes.load(data).without(*VALIDATION_WRITERS, *TEST_WRITERS)
    written = [pens.drawings[index] for index in random.choice(len(pens.drawings), 24)]
    styled, _ = styles.digits(70, random)
    others = styles.non_digits(24, random, pens.drawings, pens.labels)
    sample = [styled[index] for index in random.choice(70, 24, replace=False)]
    sheets = {"Pen strokes": written, "More styles of digits": sample, "No digits": others}
    drawings({title: brushed(drawn, random) for title, drawn in sheets.items()}, folder / "drawings.png")
    print(f"Drawn: {folder / 'drawings.png'}, what recipe best adds to MNIST, as the networks see it")


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as beside:
        figure.savefig(beside, dpi=100)
