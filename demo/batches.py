"""Questions that arrive together, answered in one batch."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Question = TypeVar("Question")
Kind = TypeVar("Kind")
Answer = TypeVar("Answer")


@dataclass(eq=False)
class _Asked:
    question: Any
    kind: Any
    future: Future[Any] = field(default_factory=Future)


class Batches(Generic[Question, Kind, Answer]):
    """Has questions of a kind answered together, those that came while others were answered, `largest` at most.

    Whoever comes alone waits for nobody to come. `answer` gives as many answers as it is given questions; it runs in
    `thread`, an executor of one.
    """

    def __init__(self, answer: Callable[[list[Question], Kind], list[Answer]], largest: int, thread: Executor) -> None:
        self.answer = answer
        self.largest = largest
        self.waiting: list[_Asked] = []
        self._thread = thread
        self._lock = threading.Lock()

    def ask(self, question: Question, kind: Kind) -> Answer:
        """The answer to `question`, found together with others of its `kind`, or the error that they met."""
        asked = _Asked(question, kind)
        with self._lock:
            self.waiting.append(asked)
        self._thread.submit(self._answer_next)
        return asked.future.result()

    def _answer_next(self) -> None:
        with self._lock:
            batch = [asked for asked in self.waiting if asked.kind == self.waiting[0].kind][: self.largest]
            self.waiting = [asked for asked in self.waiting if asked not in batch]
        if not batch:
            return  # it was answered with those before it
        try:
            answers = self.answer([asked.question for asked in batch], batch[0].kind)
            for asked, answer in zip(batch, answers, strict=True):
                asked.future.set_result(answer)
        except BaseException as error:
            for asked in batch:
                if not asked.future.done():
                    asked.future.set_exception(error)
