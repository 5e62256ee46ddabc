"""Limit the number of connections, and close those of slow clients."""

import asyncio
import sys
from typing import Any

import h11

# uvicorn has no public setting for how long a request head, or reading a response, may take.
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo.limits import Limits


def connection_class(limits: Limits) -> type[asyncio.Protocol]:
    """A protocol for uvicorn's `http` that closes connections of slow clients, and new ones above the limit."""

    class Connection(H11Protocol):
        head_timer: asyncio.TimerHandle | None = None  # runs while a request head is awaited
        write_timer: asyncio.TimerHandle | None = None  # runs while the client does not read its response

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections:
                transport.abort()
            self._update_head_timer()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._update_head_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            for timer in filter(None, (self.head_timer, self.write_timer)):
                timer.cancel()

        def pause_writing(self) -> None:
            super().pause_writing()
            self.write_timer = self.loop.call_later(limits.taking_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self.write_timer:
                self.write_timer.cancel()

        def _update_head_timer(self) -> None:
            if self.conn.their_state is not h11.IDLE:
                if self.head_timer:
                    self.head_timer.cancel()
                self.head_timer = None
            elif self.head_timer is None:
                self.head_timer = self.loop.call_later(limits.head_seconds, self.transport.abort)

    return Connection


def raise_open_file_limit(limits: Limits) -> None:
    """Allow the process enough open files for its connections; the default of many systems is 1,024."""
    if sys.platform != "win32":
        import resource

        needed = 2 * limits.connections + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < needed:
            needed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
