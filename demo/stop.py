"""Stop the process quietly on Ctrl+C and SIGTERM, with exit status 0."""

import os
import signal
import sys
from collections.abc import Callable


def stop_at_once() -> None:
    """Let a signal end the process at once, before there is anything to clean up.

    An exception could be lost or printed if the signal arrives during an import.
    """
    _handle(lambda *_: os._exit(0))


def stop_cleanly() -> None:
    """Let a signal exit normally, so that temporary folders are deleted.

    uvicorn has its own handlers while it serves. After it has stopped, it raises the signal again.
    """

    def stop(*_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        sys.exit()

    _handle(stop)


def _handle(handler: Callable[..., object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
