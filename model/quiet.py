"""Hide what TensorFlow logs while it is imported, which no setting of its own can."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Drops information and warnings in the format of Abseil's log, and passes on everything else.
FILTER = r"""
import re, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
for line in sys.stdin.buffer:
    if not re.match(rb"[IW]\d{4} |WARNING: All log messages before absl", line):
        sys.stderr.buffer.write(line)
        sys.stderr.flush()
"""


@contextmanager
def quiet_import() -> Iterator[None]:
    """Filter what native code writes to stderr. Errors pass, also those of a process that dies meanwhile."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", FILTER], stdin=subprocess.PIPE) as process:
        assert process.stdin
        os.dup2(process.stdin.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
