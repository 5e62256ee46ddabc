"""Reads drawings for the page and pictures for programs, a few at a time."""

import time

import numpy as np

from demo.limits import Limits
from demo.networks.classifier import NETWORKS, Classifier
from demo.networks.images import data_url, read_canvas, read_image, tiled
from demo.schemas import DIGITS, Prediction, Question, Reading
from demo.sketchpad import SMALLEST
from demo.workers import Workers

COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # in which LeNet5's maps are shown


class Reader:
    """Asks `classifier`, within `limits`. What cannot be read raises ImageError, and too many at once BusyError."""

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self.classifier = classifier
        self.limits = limits
        # On CUDA, two batches: one fills while the other is read. On the CPU two threads, because one answers a seventh
        # less and eight answer no more.
        self.drawings = Workers(2 * classifier.at_once, limits.drawings_waiting)
        self.pictures = Workers(1, limits.pictures_waiting)

    async def read(self, question: Question) -> Reading:
        """What both networks say of a drawing, and what the page shows with it."""
        return await self.drawings.run(self._read, question, time.perf_counter())

    async def predict(self, picture: bytes) -> Prediction:
        """What both networks say of an image file."""
        return await self.pictures.run(self._predict, picture)

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
