"""A few threads that read, and how many may wait for them."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")


class BusyError(Exception):
    """Too many wait already."""

    def __init__(self) -> None:
        super().__init__("The server is busy; ask again.")


class Workers:
    """Runs functions in up to `threads` threads, while no more than `most` calls are waiting or running."""

    def __init__(self, threads: int, most: int) -> None:
        self.limiter = CapacityLimiter(threads)
        self.most = most
        self.calls = 0

    async def run(self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """What `function` returns or raises. Raises BusyError if too many wait."""
        if self.calls >= self.most:
            raise BusyError
        self.calls += 1
        try:
            return await to_thread.run_sync(function, *arguments, limiter=self.limiter)
        finally:
            self.calls -= 1
