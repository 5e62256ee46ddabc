"""How many connections are open, and how long a client may keep one waiting."""

import asyncio
import sys
from typing import Any

import h11

# uvicorn has no public setting for the time that a request's head, or the taking of an answer, may need.
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo.limits import Limits


def connection_class(limits: Limits) -> type[asyncio.Protocol]:
    """For uvicorn's `http`: its own HTTP, but it hangs up on slow clients, and on new ones if there are too many."""

    class Connection(H11Protocol):
        head: asyncio.TimerHandle | None = None  # runs while the head of a request is awaited
        taking: asyncio.TimerHandle | None = None  # runs while the client takes no more of an answer

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.abort()
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in filter(None, (self.head, self.taking)):
                timer.cancel()

        def pause_writing(self) -> None:
            super().pause_writing()
            self.taking = self.loop.call_later(limits.taking_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self.taking:
                self.taking.cancel()

        def _watch(self) -> None:
            if self.conn.their_state is not h11.IDLE:
                if self.head:
                    self.head.cancel()
                self.head = None
            elif self.head is None:
                self.head = self.loop.call_later(limits.head_seconds, self.transport.abort)

    return Connection


def allow_files(limits: Limits) -> None:
    """Let the process open as many files as its connections may need; many systems allow 1,024 unless asked."""
    if sys.platform != "win32":
        import resource

        most = 2 * limits.connections + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < most:
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
