"""The figure of mistakes shows the worst ones."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from model import plots


def test_the_worst_mistakes_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(plots, "_save", lambda figure, path: figures.append(figure))
    probabilities = np.full((40, 10), 0.05)
    probabilities[:, 7], probabilities[:, 1] = 0.6, np.linspace(0, 0.39, 40)
    probabilities[5] = np.eye(10)[1]  # right
    images = np.broadcast_to(np.arange(40)[:, None, None], (40, 28, 28))
    plots.mistakes(images, np.ones(40, np.uint8), probabilities, tmp_path)
    assert {axes.get_title() for axes in figures[0].axes} == {"1 read as 7, 60%"}
    shown = [axes.images[0].get_array() for axes in figures[0].axes]
    assert [int(image[0, 0]) for image in shown if image is not None] == [0, 1, 2, 3, 4, *range(6, 37)]
