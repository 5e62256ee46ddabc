"""Reads drawings for the page and pictures for programs, a few at a time."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread

from demo.limits import Limits
from demo.networks.classifier import NETWORKS, Classifier
from demo.networks.images import data_url, read_canvas, read_image, tiled
from demo.schemas import DIGITS, Prediction, Question, Reading
from demo.sketchpad import SMALLEST

COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # in which LeNet5's maps are shown
Result = TypeVar("Result")


class BusyError(Exception):
    """Too many wait already."""


class Turns:
    """Threads, and how many calls may wait for one."""

    def __init__(self, threads: int, waiting: int) -> None:
        self.threads = CapacityLimiter(threads)
        self.places = threads + waiting

    async def take(self, function: Callable[[], Result]) -> Result:
        """What `function` returns or raises in a thread. Raises BusyError if no more may wait."""
        if not self.places:
            raise BusyError("The server is busy; ask again.")
        self.places -= 1
        try:
            return await to_thread.run_sync(function, limiter=self.threads)
        finally:
            self.places += 1


class Reader:
    """Asks `classifier`, within `limits`. What cannot be read raises ImageError, and one too many BusyError."""

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self.classifier = classifier
        self.limits = limits
        # On CUDA for two batches: one fills while the other is read. On the CPU two threads, because one answers a
        # seventh less and eight answer no more.
        self.drawings = Turns(2 * classifier.at_once, limits.drawings_waiting)
        self.pictures = Turns(1, limits.pictures_waiting)

    async def read(self, question: Question) -> Reading:
        """What both networks say of a drawing, and what the page shows with it."""
        asked = time.perf_counter()
        return await self.drawings.take(lambda: self._read(question, asked))

    async def predict(self, picture: bytes) -> Prediction:
        """What both networks say of an image file."""
        return await self.pictures.take(lambda: self._predict(picture))

    def _read(self, question: Question, asked: float) -> Reading:
        waited = 1000 * (time.perf_counter() - asked)
        sketch = read_canvas(question.canvas, self.limits.drawing_bytes, self.limits.drawing_pixels)
        answer = self.classifier.classify(sketch, question.inside)
        small = question.drawn and too_small(sketch)
        return Reading.model_construct(
            digit=None if small else answer.digit,
            sure=answer.sure,
            small=small,
            together=answer.together.tolist(),
            probabilities={name: values.tolist() for name, values in answer.probabilities.items()},
            image=data_url(answer.image),
            maps={layer: data_url(tiled(maps, COLUMNS[layer])) for layer, maps in answer.maps.items()},
            provider=answer.provider,
            milliseconds=answer.milliseconds,
            waited=waited,
        )

    def _predict(self, picture: bytes) -> Prediction:
        answer = self.classifier.classify(read_image(picture, self.limits.picture_pixels))
        lenet5, ffnn = (dict(zip(DIGITS, answer.probabilities[name].tolist(), strict=True)) for name in NETWORKS)
        return Prediction(lenet5=lenet5, ffnn=ffnn, provider=answer.provider, digit=answer.digit, sure=answer.sure)


def too_small(sketch: np.ndarray) -> bool:
    """Whether a drawing, black on white uint8 [height, width], is a dot or a smear: less than SMALLEST either way."""
    ink = sketch < 128
    sides = [np.flatnonzero(ink.any(axis)) for axis in (0, 1)]
    return all(side[-1] - side[0] < SMALLEST * len(ink) for side in sides if len(side))
