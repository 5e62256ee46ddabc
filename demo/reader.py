"""Read drawings for the page and pictures for programs, in a limited number of threads."""

import base64
import time
from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread

from demo.limits import Limits
from demo.networks.classifier import Classifier
from demo.networks.images import ImageError, data_url, read_canvas, read_image, tiled
from demo.networks.pair import Pair, cut
from demo.schemas import (
    DIGITS,
    ByDigit,
    Form,
    ImageProbabilities,
    Images,
    PredictedDigit,
    Prediction,
    Question,
    ReadDigit,
    Reading,
)

COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # LeNet5's feature maps in each row of the picture that shows them
NOT_INSIDE: dict[str, Any] = {"maps": None, "fc6": None, "pixels": None}
Result = TypeVar("Result")


class BusyError(Exception):
    """Too many calls are waiting."""


class BoundedThreads:
    """A number of threads and a bounded queue of calls that wait for one. Patient calls wait for all others."""

    def __init__(self, threads: int, waiting: int) -> None:
        self.threads = CapacityLimiter(threads)
        self.free = threads + waiting
        self.idle = threads
        self.waiting: tuple[deque[Future[None]], deque[Future[None]]] = deque(), deque()

    async def run(self, function: Callable[[], Result], is_patient: bool = False) -> Result:
        """Run `function` in a thread and return its result. Raises BusyError if the queue is full."""
        if not self.free:
            raise BusyError("The server is busy; ask again.")
        self.free -= 1
        try:
            await self._turn(self.waiting[is_patient])
            try:
                return await to_thread.run_sync(function, limiter=self.threads)
            finally:
                self._next()
        finally:
            self.free += 1

    async def _turn(self, queue: "deque[Future[None]]") -> None:
        if self.idle:
            self.idle -= 1
            return
        turn: Future[None] = get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()  # the turn came at the same moment
            raise

    def _next(self) -> None:
        self.idle += 1
        for queue in self.waiting:
            while queue and self.idle:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    self.idle -= 1


class Reader:
    """Read images with `classifier`, within `limits`.

    Raises ImageError for an image that cannot be read, and BusyError if too many are waiting.
    """

    def __init__(self, classifier: Classifier, limits: Limits) -> None:
        self.classifier = classifier
        self.limits = limits
        self.pair = Pair(classifier.folder)
        # CUDA: threads for two batches, so that one fills while the other runs. CPU: two threads; one answers a seventh
        # less a second, eight answer no more.
        self.drawings = BoundedThreads(2 * classifier.batch_size, limits.drawings_waiting)
        self.pictures = BoundedThreads(1, limits.pictures_waiting)
        self.images = BoundedThreads(1, limits.images_waiting)

    async def read(self, question: Question) -> Reading:
        """Read a drawing, with everything that the page shows."""
        received = time.perf_counter()
        return await self.drawings.run(lambda: self._read(question, received), is_patient=question.moving)

    async def predict(self, picture: bytes) -> Prediction:
        """Read an image file."""
        return await self.pictures.run(lambda: self._predict(picture))

    async def probabilities(self, question: Images) -> ImageProbabilities:
        """Read images of 28 x 28 pixels. Raises SetupError if the networks are missing."""
        return await self.images.run(lambda: self._probabilities(question))

    def _probabilities(self, question: Images) -> ImageProbabilities:
        sheet = read_canvas(question.images, self.limits.drawing_bytes, self.limits.drawing_pixels)
        try:
            images = cut(sheet.pixels)
        except ValueError as error:
            raise ImageError(str(error)) from error
        found = self.pair.probabilities(images)
        # Six decimals suffice for log-odds, and take half the bytes.
        rounded = {name: values.astype(float).round(6).tolist() for name, values in found.items()}
        return ImageProbabilities.model_construct(**rounded)

    def _read(self, question: Question, received: float) -> Reading:
        waited = 1000 * (time.perf_counter() - received)
        sketch = read_canvas(question.canvas, self.limits.drawing_bytes, self.limits.drawing_pixels)
        answer = self.classifier.classify(sketch.pixels, question.inside is not None, question.forms)
        return Reading.model_construct(
            number=answer.number,
            digits=[
                ReadDigit.model_construct(
                    digit=piece.digit,
                    sure=piece.sure,
                    line=piece.line,
                    box=sketch.box(piece.box),
                    together=piece.together.tolist(),
                    probabilities={name: values.tolist() for name, values in piece.probabilities.items()},
                    image=data_url(piece.image),
                    **(_inside(piece.image, answer.maps[i]) if i == question.inside else NOT_INSIDE),
                    form=None if piece.fc6 is None else _form(piece.image, piece.fc6),
                )
                for i, piece in enumerate(answer.digits)
            ],
            model=self.classifier.sha256,
            provider=answer.provider,
            milliseconds=answer.milliseconds,
            waited=waited,
        )

    def _predict(self, picture: bytes) -> Prediction:
        sketch = read_image(picture, self.limits.picture_pixels)
        answer = self.classifier.classify(sketch.pixels)
        digits = [
            PredictedDigit(
                digit=piece.digit,
                sure=piece.sure,
                line=piece.line,
                box=sketch.box(piece.box),
                lenet5=_by_digit(piece.probabilities["lenet5"]),
                ffnn=_by_digit(piece.probabilities["ffnn"]),
            )
            for piece in answer.digits
        ]
        only = digits[0] if len(digits) == 1 else None
        without_one = None if digits else dict.fromkeys(DIGITS, 0.1)
        return Prediction(
            lenet5=only.lenet5 if only else without_one,
            ffnn=only.ffnn if only else without_one,
            provider=answer.provider,
            digit=only.digit if only else None,
            sure=bool(only and only.sure),
            number=answer.number,
            digits=digits,
        )


def _by_digit(probabilities: np.ndarray) -> ByDigit:
    return dict(zip(DIGITS, probabilities.tolist(), strict=True))


def _inside(image: np.ndarray, maps: dict[str, np.ndarray]) -> dict[str, Any]:
    """The pixels of an image, a PNG data URL of the feature maps of each convolution, and the numbers of fc6."""
    return {
        "maps": {layer: data_url(tiled(maps[layer], columns)) for layer, columns in COLUMNS.items()},
        "fc6": maps["fc6"].tolist(),
        "pixels": np.round(255 * image).astype(int).ravel().tolist(),
    }


def _form(image: np.ndarray, fc6: np.ndarray) -> Form:
    ink, values = np.round(255 * image).astype(np.uint8), np.round(127 * fc6).astype(np.int8)
    return Form.model_construct(ink=_base64(ink), fc6=_base64(values))


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()
