import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def running(*options: str) -> Iterator[str]:
    """`python -m demo`, started as a user starts it; gives the address it prints."""
    command = [sys.executable, "-m", "demo", "--device", "cpu", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        greeting = process.stdout.readline()
        found = re.search(r"http://\S+", greeting)
        assert found, greeting + process.stdout.read()
        try:
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with running() as address:
        yield address
