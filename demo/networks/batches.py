"""Group concurrent calls into batches."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Kind = TypeVar("Kind")
Result = TypeVar("Result")


class Batches(Generic[Item, Kind, Result]):
    """Run one batch at a time: requests of one kind that arrived meanwhile, at most `max_size`.

    A request that arrives while no batch runs is run immediately, alone, in its caller's thread; a separate worker
    thread would add a sixth of a millisecond. `compute` returns one result for each item.
    """

    def __init__(self, compute: Callable[[list[Item], Kind], list[Result]], max_size: int) -> None:
        self.compute = compute
        self.max_size = max_size
        self.waiting: list[_Request] = []
        self._busy = False
        self._lock = threading.Lock()

    def run(self, item: Item, kind: Kind) -> Result:
        """Compute the result of `item`, in a batch with others of its `kind`. Raises the error that the batch met."""
        request = _Request(item, kind)
        with self._lock:
            is_first, self._busy = not self._busy, True
            if not is_first:
                self.waiting.append(request)
        if is_first:
            self._run_batch([request])
        else:
            request.wake.acquire()
            if not request.done:
                self._run_batch(self._next_batch())
        if request.error:
            raise request.error
        return request.result

    def _next_batch(self) -> list["_Request"]:
        with self._lock:
            kind = self.waiting[0].kind
            batch = [request for request in self.waiting if request.kind == kind][: self.max_size]
            self.waiting = [request for request in self.waiting if request not in batch]
        return batch

    def _run_batch(self, batch: list["_Request"]) -> None:
        """Run `batch`, whose first request belongs to this thread. Then wake its other threads and the next batch's."""
        try:
            results = self.compute([request.item for request in batch], batch[0].kind)
            for request, result in zip(batch, results, strict=True):
                request.result = result
        except BaseException as error:
            for request in batch:
                request.error = error
        for request in batch[1:]:
            request.done = True
            request.wake.release()
        with self._lock:
            if self.waiting:
                self.waiting[0].wake.release()
            else:
                self._busy = False


class _Request:
    """An item and its result. `wake` is locked until the result is there or its thread must run the next batch."""

    def __init__(self, item: Any, kind: Any) -> None:
        self.item = item
        self.kind = kind
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()
