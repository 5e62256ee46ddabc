"""Questions that arrive together, answered in one batch."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Question = TypeVar("Question")
Kind = TypeVar("Kind")
Answer = TypeVar("Answer")


class Batches(Generic[Question, Kind, Answer]):
    """Has one batch answered at a time: those of a kind that wait when the last one ends, `largest` at most.

    Whoever finds nobody ahead is answered at once, in its own thread, and waits for nobody to come; to go through a
    thread that answers all would take a sixth of a millisecond. `answer` gives as many answers as questions.
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
            first, self._busy = not self._busy, True
            if not first:
                self.waiting.append(asked)
        if first:
            self._answer([asked])
        else:
            asked.turn.acquire()
            if not asked.done:
                self._answer(self._next())
        if asked.error:
            raise asked.error
        return asked.answer

    def _next(self) -> list["_Asked"]:
        with self._lock:
            kind = self.waiting[0].kind
            batch = [asked for asked in self.waiting if asked.kind == kind][: self.largest]
            self.waiting = [asked for asked in self.waiting if asked not in batch]
        return batch

    def _answer(self, batch: list["_Asked"]) -> None:
        """Answer `batch`, of which the first asks in this thread, and wake the others, and who is next."""
        try:
            answers = self.answer([asked.question for asked in batch], batch[0].kind)
            for asked, answer in zip(batch, answers, strict=True):
                asked.answer = answer
        except BaseException as error:
            for asked in batch:
                asked.error = error
        for asked in batch[1:]:
            asked.done = True
            asked.turn.release()
        with self._lock:
            if self.waiting:
                self.waiting[0].turn.release()
            else:
                self._busy = False


class _Asked:
    """A question and what it got; `turn` is locked until it is answered, or is the first that waits."""

    def __init__(self, question: Any, kind: Any) -> None:
        self.question = question
        self.kind = kind
        self.answer: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.turn = threading.Lock()
        self.turn.acquire()
