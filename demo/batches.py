"""Questions that arrive together, answered in one batch."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Question = TypeVar("Question")
Kind = TypeVar("Kind")
Answer = TypeVar("Answer")


class Batches(Generic[Question, Kind, Answer]):
    """Has one batch answered at a time: those of a kind that wait when the last one ends, `largest` at most.

    Whoever finds nobody ahead is answered at once, in its own thread, and waits for nobody to come. `answer` gives as
    many answers as it is given questions.
    """

    def __init__(self, answer: Callable[[list[Question], Kind], list[Answer]], largest: int) -> None:
        self.answer = answer
        self.largest = largest
        self.waiting: list[_Asked] = []
        self._busy = False
        self._lock = threading.Lock()

    def ask(self, question: Question, kind: Kind) -> Answer:
        """The answer to `question`, found together with others of its `kind`, or the error that they met."""
        asked = _Asked(question, kind)
        with self._lock:
            self.waiting.append(asked)
            first, self._busy = not self._busy, True
        if not first:
            asked.turn.acquire()
        if not asked.future.done():
            self._answer_next()
        return asked.future.result()

    def _answer_next(self) -> None:
        with self._lock:
            kind = self.waiting[0].kind
            batch = [asked for asked in self.waiting if asked.kind == kind][: self.largest]
            self.waiting = [asked for asked in self.waiting if asked not in batch]
        try:
            answers = self.answer([asked.question for asked in batch], kind)
        except Exception as error:
            for asked in batch:
                asked.future.set_exception(error)
        else:
            for asked, answer in zip(batch, answers, strict=True):
                asked.future.set_result(answer)
        for asked in batch[1:]:
            asked.turn.release()
        with self._lock:
            if self.waiting:
                self.waiting[0].turn.release()
            else:
                self._busy = False


class _Asked:
    """A question and its answer; `turn` is locked until that is there, or the question is the first that waits."""

    def __init__(self, question: Any, kind: Any) -> None:
        self.question = question
        self.kind = kind
        self.future: Future[Any] = Future()
        self.turn = threading.Lock()
        self.turn.acquire()
