"""Read drawings for the page and pictures for programs, in a limited number of threads."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread

from demo.limits import Limits
from demo.networks.classifier import Classifier
from demo.networks.files import NETWORKS
from demo.networks.images import data_url, read_canvas, read_image, tiled
from demo.schemas import DIGITS, Prediction, Question, Reading

COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # LeNet5's feature maps in each row of the picture that shows them
MIN_DRAWING = 50 / 280  # of the canvas, 2.5 pen widths; a smaller drawing is a dot or a smear
Result = TypeVar("Result")


class BusyError(Exception):
    """Too many calls are waiting."""


class BoundedThreads:
    """A number of threads and a bounded queue of calls that wait for one."""

    def __init__(self, threads: int, waiting: int) -> None:
        self.threads = CapacityLimiter(threads)
        self.free = threads + waiting

    async def run(self, function: Callable[[], Result]) -> Result:
        """Run `function` in a thread and return its result. Raises BusyError if the queue is full."""
        if not self.free:
            raise BusyError("The server is busy; ask again.")
        self.free -= 1
        try:
            return await to_thread.run_sync(function, limiter=self.threads)
        finally:
            self.free += 1


class Reader:
    """Read images with `classifier`, within `limits`.

    Raises ImageError for an image that cannot be read, and BusyError if too many are waiting.
    """

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self.classifier = classifier
        self.limits = limits
        # CUDA: threads for two batches, so that one fills while the other runs. CPU: two threads; one answers a seventh
        # less a second, eight answer no more.
        self.drawings = BoundedThreads(2 * classifier.batch_size, limits.drawings_waiting)
        self.pictures = BoundedThreads(1, limits.pictures_waiting)

    async def read(self, question: Question) -> Reading:
        """Read a drawing, with everything that the page shows."""
        received = time.perf_counter()
        return await self.drawings.run(lambda: self._read(question, received))

    async def predict(self, picture: bytes) -> Prediction:
        """Read an image file."""
        return await self.pictures.run(lambda: self._predict(picture))

    def _read(self, question: Question, received: float) -> Reading:
        waited = 1000 * (time.perf_counter() - received)
        sketch = read_canvas(question.canvas, self.limits.drawing_bytes, self.limits.drawing_pixels)
        answer = self.classifier.classify(sketch, question.inside)
        small = question.drawn and too_small(sketch)
        return Reading.model_construct(
            digit=None if small else answer.digit,
            sure=answer.sure,
            small=small,
            together=answer.mean.tolist(),
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
    """Whether a drawing, black on white uint8 [height, width], is narrower and lower than MIN_DRAWING."""
    ink = sketch < 128
    sides = [np.flatnonzero(ink.any(axis)) for axis in (0, 1)]
    return all(side[-1] - side[0] < MIN_DRAWING * len(ink) for side in sides if len(side))
